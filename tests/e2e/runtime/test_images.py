"""The image store against a real registry and against archives."""
from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from kubelet.cri import CriError, RegistryAuth
from kubelet.hollow.runtime import HollowRuntime
from kubelet.imagegc import Disk, ImageCollector, Policy
from kubelet.images import ImageStore
from kubelet.images.layers import directory_name
from tests.e2e.runtime.node import ROOT, Surroundings, can_run_pods, output, running_node
from tests.e2e.runtime.registry import ARCHITECTURE, DOCKER_MANIFEST, Registry, digest, layer, running_registry

needs_registry = pytest.mark.skipif(shutil.which("docker-registry") is None, reason="needs docker-registry")
pytestmark = [pytest.mark.root, needs_registry, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

FILES = layer({"etc": None, "etc/name": b"one\n", "etc/gone": b"x", "dir": None, "dir/below": b"x", "link": "etc/name"})
CHANGES = layer({"etc/name": b"two\n", "etc/.wh.gone": b"", "dir/.wh..wh..opq": b"", "dir/new": b"y"})


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def directory(store: ImageStore, content: bytes) -> Path:
    return store.layers / directory_name(digest(content))


def nothing_half_made(tmp_path: Path) -> bool:
    return not list((tmp_path / "images" / "tmp").iterdir())


@pytest.mark.parametrize("compress", [
    pytest.param(lambda data: data, id="plain"),
    pytest.param(gzip.compress, id="gzip"),
    pytest.param(lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]), id="gzip-members"),
    pytest.param(zstandard.compress, id="zstd"),
])
def test_pull(registry: Registry, store: ImageStore, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    async def scene() -> None:
        name = f"{registry.name}/some/app:1"
        expected = registry.push("some/app", "1", [FILES, CHANGES], config={"User": "7", "Cmd": ["x"]}, compress=compress)
        image = await store.pull(name)
        assert image.repo_tags == (name,) and image.repo_digests == (f"{registry.name}/some/app@{expected}",)
        assert image.user == "7" and image.config["Cmd"] == ["x"] and image.size > 0
        for one in (name, image.id, image.id.removeprefix("sha256:"), f"{registry.name}/some/app@{expected}"):
            assert await store.status(one) == image
        assert (directory(store, FILES) / "etc" / "name").read_text() == "one\n"
        gone = (directory(store, CHANGES) / "etc" / "gone").stat()
        assert stat.S_ISCHR(gone.st_mode) and gone.st_rdev == 0
        assert os.getxattr(directory(store, CHANGES) / "dir", "trusted.overlay.opaque") == b"y"
        assert nothing_half_made(tmp_path)
    asyncio.run(scene())


def test_the_manifest_for_this_machine_is_chosen(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        mine, other = registry.push("multi", "mine", [FILES]), registry.push("multi", "other", [CHANGES], kind=DOCKER_MANIFEST)
        index = registry.push_index("multi", "1", {"s390x": other, ARCHITECTURE: mine})
        image = await store.pull(f"{registry.name}/multi:1")
        assert image.repo_digests == (f"{registry.name}/multi@{index}",)
        assert directory(store, FILES).exists() and not directory(store, CHANGES).exists()
        registry.push_index("multi", "none", {"s390x": other})
        with pytest.raises(CriError, match="no match for platform"):
            await store.pull(f"{registry.name}/multi:none")
        by_digest = await store.pull(f"{registry.name}/multi@{other}")
        assert by_digest.repo_tags == ()
    asyncio.run(scene())


def test_a_moved_tag_leaves_its_old_image(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        name = f"{registry.name}/moved:1"
        registry.push("moved", "1", [FILES])
        first = await store.pull(name)
        registry.push("moved", "1", [FILES, CHANGES])
        second = await store.pull(name)
        old = await store.status(first.id)
        assert old is not None and old.repo_tags == () and second.repo_tags == (name,)
        assert await store.pull(name) == second
    asyncio.run(scene())


@pytest.mark.parametrize(("name", "reason", "words"), [
    pytest.param("{0}/none:1", "ErrImagePull", "not found", id="no-image"),
    pytest.param("{0}/none@sha256:" + "0" * 64, "ErrImagePull", "not found", id="no-digest"),
    pytest.param("127.0.0.1:1/a:1", "ErrImagePull", "cannot be reached", id="nobody-there"),
    pytest.param("UPPER/a", "ErrImagePull", "cannot be reached", id="no-such-host"),
    pytest.param("Upper", "InvalidImageName", "must be lowercase", id="upper-case"),
    pytest.param("a b", "InvalidImageName", "invalid reference format", id="space"),
])
def test_failing_pulls_say_why(registry: Registry, store: ImageStore, name: str, reason: str, words: str) -> None:
    async def scene() -> None:
        with pytest.raises(CriError, match=words) as caught:
            await store.pull(name.format(registry.name))
        assert caught.value.reason == reason
    asyncio.run(scene())


@pytest.mark.parametrize(("auths", "is_let_in"), [
    pytest.param((), False, id="anonymous"),
    pytest.param((RegistryAuth("user", "wrong"),), False, id="wrong"),
    pytest.param((RegistryAuth("user", "password"),), True, id="user-and-password"),
    pytest.param((RegistryAuth(auth=base64.b64encode(b"user:password").decode()),), True, id="joined"),
    pytest.param((RegistryAuth("user", "wrong"), RegistryAuth("user", "password")), True, id="second-one-fits"),
])
def test_credentials(protected: Registry, store: ImageStore, auths: tuple[RegistryAuth, ...], is_let_in: bool) -> None:
    async def scene() -> None:
        protected.push("secret", "1", [FILES])
        if is_let_in:
            assert (await store.pull(f"{protected.name}/secret:1", auths)).repo_tags
            return
        with pytest.raises(CriError, match="authorization failed") as caught:
            await store.pull(f"{protected.name}/secret:1", auths)
        assert caught.value.reason == "ErrImagePull"
    asyncio.run(scene())


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("protected"), is_protected=True) as found:
        yield found


def member(name: str, kind: bytes, link: str = "", attributes: dict[str, str] | None = None) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.pax_headers = kind, link, attributes or {}
    return found


@pytest.mark.parametrize("files", [
    pytest.param({"../../../escaped": b"x"}, id="dots"),
    pytest.param({"/escaped": b"x"}, id="absolute"),
    pytest.param({"up": "../../..", "up/escaped": b"x"}, id="through-a-link"),
    pytest.param({"abs": "TARGET", "abs/escaped": b"x"}, id="through-an-absolute-link"),
])
def test_no_layer_writes_outside_of_itself(registry: Registry, store: ImageStore, tmp_path: Path, files: dict[str, Any]) -> None:
    async def scene() -> None:
        content = layer({name: str(tmp_path) if value == "TARGET" else value for name, value in files.items()})
        registry.push("escape", "1", [content])
        try:
            await store.pull(f"{registry.name}/escape:1")
        except CriError as error:
            assert error.reason == "ErrImagePull"
        found = [path for path in tmp_path.rglob("escaped") if not path.is_relative_to(store.layers)]
        assert not found and not Path("/escaped").exists()
    asyncio.run(scene())


def test_devices_hard_links_and_attributes(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        device = member("null", tarfile.CHRTYPE)
        device.devmajor, device.devminor, device.mode, device.uid = 1, 3, 0o666, 5
        content = layer({
            "file": b"text", "hard": member("hard", tarfile.LNKTYPE, "file"), "pipe": member("pipe", tarfile.FIFOTYPE), "null": device,
            "dir": member("dir", tarfile.DIRTYPE, attributes={"SCHILY.xattr.trusted.overlay.redirect": "/etc",
                                                              "SCHILY.xattr.user.mine": "1"})})
        registry.push("special", "1", [content])
        await store.pull(f"{registry.name}/special:1")
        root = directory(store, content)
        assert (root / "hard").stat().st_ino == (root / "file").stat().st_ino
        assert (root / "null").stat().st_rdev == os.makedev(1, 3) and (root / "null").stat().st_uid == 5
        assert "trusted.overlay.redirect" not in os.listxattr(root / "dir")
    asyncio.run(scene())


def test_a_layer_that_is_not_what_it_says_is_refused(registry: Registry, store: ImageStore, tmp_path: Path) -> None:
    async def scene() -> None:
        registry.push("wrong", "1", [FILES], diff_ids=["sha256:" + "1" * 64])
        with pytest.raises(CriError, match="unpacked layer's digest"):
            await store.pull(f"{registry.name}/wrong:1")
        registry.push("wrong", "2", [FILES], compress=lambda data: gzip.compress(data)[:-20])
        with pytest.raises(CriError, match="damaged"):
            await store.pull(f"{registry.name}/wrong:2")
        assert not list(store.layers.iterdir()) and nothing_half_made(tmp_path) and not await store.list()
    asyncio.run(scene())


def test_remove_keeps_what_others_need(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        registry.push("rm", "1", [FILES])
        registry.push("rm", "2", [FILES, CHANGES])
        one, two = await store.pull(f"{registry.name}/rm:1"), await store.pull(f"{registry.name}/rm:2")
        store.hold("container", two.id)
        await store.remove(two.id)
        assert await store.status(two.id) is None and directory(store, CHANGES).exists()
        store.release("container")
        await store.remove("never-there")
        await store.remove(one.repo_tags[0])
        assert not await store.list() and not list(store.layers.iterdir())
    asyncio.run(scene())


def test_many_pulls_at_once_share_layers(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        for number in range(8):
            registry.push("many", str(number), [FILES, layer({f"own{number}": b"x"})])
        async with asyncio.TaskGroup() as group:
            for number in [*range(8), *range(8)]:
                group.create_task(store.pull(f"{registry.name}/many:{number}"))
        assert len(await store.list()) == 8 and len([one for one in store.layers.iterdir() if one.is_dir()]) == 9
    asyncio.run(scene())


# --- archives

def oci_layout(path: Path, content: bytes, name: str) -> None:
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes) -> str:
        (blobs / digest(data).removeprefix("sha256:")).write_bytes(data)
        return digest(data)
    config = add(json.dumps({"config": {"Cmd": ["x"]}, "rootfs": {"diff_ids": [digest(content)]}}).encode())
    manifest = add(json.dumps({"config": {"digest": config}, "layers": [{"digest": add(gzip.compress(content))}]}).encode())
    (path / "index.json").write_text(json.dumps({"manifests": [{"digest": manifest, "annotations": {
        "org.opencontainers.image.ref.name": name}}]}))
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


@pytest.mark.parametrize("form", ["directory", "tar", "tar.gz"])
def test_import_of_an_oci_layout(store: ImageStore, tmp_path: Path, form: str) -> None:
    async def scene() -> None:
        path = tmp_path / "layout"
        oci_layout(path, FILES, "example.com/app:2")
        if form != "directory":
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w") as archive:
                archive.add(path, ".")
            shutil.rmtree(path)
            path.write_bytes(gzip.compress(data.getvalue()) if form == "tar.gz" else data.getvalue())
        (image,) = await store.import_archive(str(path))
        assert image.repo_tags == ("example.com/app:2",)
        assert (directory(store, FILES) / "etc" / "name").read_text() == "one\n"
    asyncio.run(scene())


def look(directory: Path) -> dict[str, tuple[int, int, int, int, list[str]]]:
    """All below: mode, owner, device and extended attributes."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(directory))] = (status.st_mode, status.st_uid, status.st_gid, status.st_rdev, os.listxattr(path, follow_symlinks=False))
    return found


def test_a_store_takes_from_another_what_archives_brought_there(store: ImageStore, registry: Registry, tmp_path: Path) -> None:
    async def scene() -> None:
        oci_layout(tmp_path / "first", FILES, "example.com/app:1")
        oci_layout(tmp_path / "second", CHANGES, "example.com/app:2")
        registry.push("pulled", "1", [layer({"pulled": b"x"})])
        for name in ("first", "second"):
            await store.import_archive(str(tmp_path / name))
        await store.pull(f"{registry.name}/pulled:1")
        other = ImageStore(tmp_path / "other")
        assert {one.repo_tags for one in await other.take_from(store)} == {("example.com/app:1",), ("example.com/app:2",)}
        assert {(one.id, one.repo_tags, one.size) for one in await other.list()} == {
            (one.id, one.repo_tags, one.size) for one in await store.list() if not one.repo_digests}
        for content in (FILES, CHANGES):
            assert look(directory(other, content)) == look(directory(store, content))
        for one in await store.list():
            await store.remove(one.id)
        assert (directory(other, FILES) / "etc" / "name").read_text() == "one\n"
        assert not await other.take_from(store) and nothing_half_made(tmp_path)
    asyncio.run(scene())


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"text"), layer({"file": b"x"})], ids=["empty", "text", "gzip", "other-tar"])
def test_what_is_no_archive_is_refused(store: ImageStore, tmp_path: Path, content: bytes) -> None:
    async def scene() -> None:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(CriError, match="not a usable image archive"):
            await store.import_archive(str(tmp_path / "file"))
        with pytest.raises(CriError, match="cannot read"):
            await store.import_archive(str(tmp_path / "missing"))
    asyncio.run(scene())


@can_run_pods
def test_an_image_imported_by_another_process_runs(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            await node.images.remove(node.image_id)
            assert await node.images.status("localhost/picokube/web:1") is None
            script = "import asyncio, sys; from kubelet.images import ImageStore; " \
                     "asyncio.run(ImageStore(__import__('pathlib').Path(sys.argv[1])).import_archive(sys.argv[2]))"
            arguments = [sys.executable, "-c", script, str(place.directory / "images"), str(place.image_archive)]
            await asyncio.to_thread(subprocess.run, arguments, check=True, timeout=60, cwd=ROOT)
            image = await node.images.status("localhost/picokube/web:1")
            assert image is not None and image.id == node.image_id
            assert (await node.run(await node.sandbox(), "true")).exit_code == 0
    asyncio.run(scene())


@can_run_pods
def test_upper_layers_hide_what_they_delete(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            with running_registry(place.directory / "registry") as registry:
                program = Path(str(shutil.which("busybox"))).read_bytes()
                base = layer({"bin": None, "bin/sh": program, "bin/cat": "sh", "bin/ls": "sh"})
                registry.push("app", "1", [base, FILES, CHANGES], config={"Entrypoint": ["sh", "-c", "cat etc/name link; ls etc dir"]})
                image = await node.images.pull(f"{registry.name}/app:1")
            status = await node.run(await node.sandbox(), image_ref=image.id)
            assert output(status) == ["two", "two", "dir:", "new", "", "etc:", "name"]
    asyncio.run(scene())


def test_a_full_disk_is_a_clear_error(registry: Registry, tmp_path: Path) -> None:
    from kubelet import linux
    small = tmp_path / "small"
    small.mkdir()
    linux.mount("small", small, "tmpfs", 0, "size=1m")

    async def scene() -> None:
        registry.push("big", "1", [layer({"big": bytes(4 << 20)})])
        store = ImageStore(small / "images")
        with pytest.raises(CriError, match="no space left on device"):
            await store.pull(f"{registry.name}/big:1")
        assert not list(store.layers.iterdir())
    try:
        asyncio.run(scene())
    finally:
        linux.unmount(small)


def test_a_full_disk_has_unused_images_deleted_with_their_layers(registry: Registry, store: ImageStore) -> None:
    async def scene() -> None:
        registry.push("gc/a", "1", [FILES])
        registry.push("gc/b", "1", [FILES, CHANGES])
        old = await store.pull(f"{registry.name}/gc/a:1")
        await store.pull(f"{registry.name}/gc/b:1")
        told: list[str] = []
        collector = ImageCollector(store, HollowRuntime(), Policy(least_age=0.0), lambda: Disk(100, 20 - old.size),
                                   lambda type, reason, message: told.append(reason))
        assert await collector.collect() >= old.size
        assert await store.status(old.id) is None
        full = ImageCollector(store, HollowRuntime(), Policy(least_age=0.0), lambda: Disk(1 << 40, 0), lambda *words: told.append(words[1]))
        await full.collect()
        assert (list(await store.list()), list(store.layers.iterdir()), told) == ([], [], ["FreeDiskSpaceFailed"])
    asyncio.run(scene())
