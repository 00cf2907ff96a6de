"""A store that is killed at seeded moments, or whose disk is full at any write: nothing half-made is used, nothing stays behind.

PICOKUBE_KILLS says how often each (default: 12), PICOKUBE_STORM_SEED which moments.
"""
from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubeapi.world import World
from kubelet import linux
from kubelet.cri import CriError
from kubelet.hollow.runtime import HollowRuntime
from kubelet.imagegc import ImageCollector, Policy, disk_of
from kubelet.images import ImageStore
from kubelet.images.layers import directory_name
from tests.e2e.runtime.liar import Liar, lying_registry
from tests.e2e.runtime.node import ROOT
from tests.e2e.runtime.registry import digest, layer

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
KILLS, SEED = int(os.environ.get("PICOKUBE_KILLS", "12")), int(os.environ.get("PICOKUBE_STORM_SEED", "5"))
LAYERS = [layer({f"dir{number}/{name}": bytes([number]) * 20_000 for name in range(60)}) for number in range(3)]
EXPECTED = {directory_name(digest(one)) for one in LAYERS}
WORK = {
    "pull": "await store.pull(name)",
    "remove": "await store.pull(name); await store.remove(name)",
    "again": "[await step() for _ in range(20) for step in (lambda: store.pull(name), lambda: store.remove(name))]",
}
SCRIPT = """
import asyncio, pathlib, sys
from kubelet.images import ImageStore
async def main():
    store, name = ImageStore(pathlib.Path(sys.argv[1])), sys.argv[2]
    store.keep_only_holders([])
    print("begun", flush=True)
    {work}
asyncio.run(main())
"""


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_registry() as found:
        found.add_manifest(found.image_of(*LAYERS))
        yield found


def begin(work: str, root: Path, name: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT.format(work=WORK[work]), str(root), name], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def is_whole(store: ImageStore, name: str) -> bool:
    """What is listed has all its files."""
    image = asyncio.run(store.status(name))
    if image is not None:
        for number, one in enumerate(LAYERS):
            directory = store.layers / directory_name(digest(one)) / f"dir{number}"
            assert {path.name: path.read_bytes() for path in directory.iterdir()} == {
                str(name): bytes([number]) * 20_000 for name in range(60)}
    return image is not None


def leftovers(root: Path) -> list[str]:
    return [str(path) for path in (*(root / "tmp").iterdir(), *(root / "holders").iterdir(), *root.glob("collect-later"))]


@pytest.mark.parametrize("work", WORK)
def test_a_store_killed_at_any_moment_repairs_itself(liar: Liar, tmp_path: Path, work: str) -> None:
    world, root = World(seed=SEED), tmp_path / "images"
    listed = 0
    for _ in range(KILLS):
        process = begin(work, root, liar.image)
        with suppress_timeout():
            process.wait(world.random.uniform(0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        store = ImageStore(root)
        listed += is_whole(store, liar.image)
        store.keep_only_holders([])                     # a kubelet's start
        is_whole(store, liar.image)
        layers = {one.name for one in store.layers.iterdir() if one.is_dir()}
        assert layers == (EXPECTED if asyncio.run(store.list()) else set()) and leftovers(root) == []
        if world.random.random() < 0.5:
            asyncio.run(store.remove(liar.image))
            assert list(store.layers.iterdir()) == []
    assert asyncio.run(ImageStore(root).pull(liar.image)).repo_tags == (liar.image,)
    print("listed after a kill", listed, "of", KILLS)


class suppress_timeout:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, subprocess.TimeoutExpired)


def test_pulls_imports_and_removals_of_several_processes(liar: Liar, tmp_path: Path) -> None:
    root = tmp_path / "images"
    processes = [begin(work, root, liar.image) for work in ("again", "again", "again", "pull")]
    store = ImageStore(root)
    deadline = time.monotonic() + 120
    while any(one.poll() is None for one in processes):
        assert time.monotonic() < deadline
        asyncio.run(store.pull(liar.image))
        asyncio.run(store.remove(liar.image))
    assert [one.communicate(timeout=30) and one.returncode for one in processes] == [0, 0, 0, 0]
    asyncio.run(store.remove(liar.image))
    store.keep_only_holders([])
    assert asyncio.run(store.list()) == [] and list(store.layers.iterdir()) == [] and leftovers(root) == []
    asyncio.run(store.pull(liar.image))
    assert is_whole(store, liar.image)


@pytest.mark.parametrize("harm", [
    pytest.param(lambda root: (root / "index.json").write_text("{"), id="index-is-cut"),
    pytest.param(lambda root: (root / "index.json").write_text('{"images": [{"id": 5}]}'), id="index-is-other"),
    pytest.param(lambda root: (root / "layers" / sorted(EXPECTED)[0]).rename(root.parent / "lost"), id="layer-is-lost"),
    pytest.param(lambda root: (root / "tmp" / "half").mkdir(), id="half-unpacked"),
    pytest.param(lambda root: (root / "tmp" / "removed-1").mkdir(), id="half-deleted"),
    pytest.param(lambda root: (root / "layers" / ("0" * 32)).mkdir(), id="layer-of-nobody"),
    pytest.param(lambda root: (root / "holders" / "gone").write_text(sorted(EXPECTED)[0]), id="holder-that-is-gone"),
])
def test_a_damaged_store_is_whole_after_a_start(liar: Liar, tmp_path: Path, harm: Callable[[Path], object]) -> None:
    root = tmp_path / "images"
    asyncio.run(ImageStore(root).pull(liar.image))
    harm(root)
    store = ImageStore(root)
    store.keep_only_holders([])
    asyncio.run(store.pull(liar.image))
    assert is_whole(store, liar.image) and leftovers(root) == []
    assert {one.name for one in store.layers.iterdir() if one.is_dir()} == EXPECTED


# --- disks

@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    linux.mount("disk", directory, "tmpfs", 0, "size=40m")
    try:
        yield directory
    finally:
        linux.unmount(directory)


@pytest.mark.parametrize("free", [0, 1, 2, 3, 5, 10, 100, 500, 1000, 2000, 3000, 4000], ids=lambda pages: f"{pages}-pages")
def test_a_disk_that_is_full_at_any_write(liar: Liar, disk: Path, free: int) -> None:
    store = ImageStore(disk / "images")
    found = os.statvfs(disk)
    with (disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, (found.f_bavail - free) * found.f_bsize)
    try:
        asyncio.run(store.pull(liar.image))
    except CriError as error:
        assert (error.reason, "no space left on device" in error.message) == ("ErrImagePull", True), error.message
        assert asyncio.run(store.list()) == []
    assert list((disk / "images" / "tmp").iterdir()) == []
    (disk / "ballast").unlink()
    asyncio.run(store.pull(liar.image))
    assert is_whole(store, liar.image)


def test_unused_images_go_when_a_real_disk_fills_up(disk: Path) -> None:
    async def scene() -> None:
        store, told = ImageStore(disk / "images"), list[str]()
        runtime = HollowRuntime()
        with lying_registry() as registry:
            images = []
            for number in range(3):
                registry.add_manifest(registry.image_of(layer({"big": os.urandom(8 << 20) + bytes([number])})), str(number))
                images.append(await store.pull(f"{registry.name}/bad:{number}"))
        collector = ImageCollector(store, runtime, Policy(high_percent=60, low_percent=45, least_age=0.0), lambda: disk_of(disk),
                                   lambda kind, reason, message: told.append(reason))
        assert disk_of(disk).used_percent >= 60
        assert await collector.collect() == images[0].size
        assert [one.id for one in await store.list()] == [one.id for one in images[1:]] and disk_of(disk).used_percent <= 45
        assert await collector.collect() == 0 and told == []
    asyncio.run(scene())
