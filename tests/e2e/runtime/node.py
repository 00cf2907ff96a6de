"""A node for tests: a runtime over real runc, an image store with the web image, and a count of what must not be left."""
from __future__ import annotations

import asyncio
import os
import runpy
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kubelet import linux
from kubelet.cri import ContainerConfig, ContainerState, ContainerStatus, SandboxConfig, SandboxStatus
from kubelet.images import ImageStore
from kubelet.network.netlink import Netlink
from kubelet.network.pods import links_of
from kubelet.runc import RuncRuntime
from kubelet.runc.cgroups import Cgroups, cluster_path, node_path
from kubelet.runc.cleanup import cleanup

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60.0

can_run_pods = pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ("runc", "nft", "busybox"))),
                                  reason="needs root, runc, nft and busybox-static")


def crun_binary(directory: Path) -> str:
    """crun, which wants version 1 or version 2 of control groups: a machine that has version 2 beside version 1 is shown to it without.
    Skips the test where there is none."""
    binary, unified = shutil.which("crun"), "/sys/fs/cgroup/unified"
    if binary is None:
        pytest.skip("crun is not installed")
    if not os.path.ismount(unified):
        return binary
    wrapper = directory / "crun"
    inside = f'umount {unified} && exec {binary} "$@"'
    wrapper.write_text(f"#!/bin/sh\nexec unshare --mount --propagation slave sh -c '{inside}' crun \"$@\"\n")
    wrapper.chmod(0o755)
    return str(wrapper)


@contextmanager
def reserved_number() -> Iterator[int]:
    """A number no other test process on this machine has now: for names and address ranges."""
    for number in range(250):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
            try:
                claim.bind(f"\0picokube-test-{number}")
            except OSError:
                continue
            yield number
            return
    raise RuntimeError("every number is taken")


@dataclass
class Surroundings:
    """Where a node lives; outlives its runtimes, so that one can be started after another."""

    directory: Path
    number: int
    image_archive: Path

    @property
    def cluster(self) -> str:
        return f"test{self.number}"

    def options(self, **changes: Any) -> dict[str, Any]:
        return {"cluster": self.cluster, "node": f"{self.cluster}-1", "pod_cidr": f"10.251.{self.number}.0/24",
                "cluster_cidr": f"10.251.{self.number}.0/24", "service_cidr": f"10.252.{self.number}.0/24",
                "node_ip": "127.0.0.1", **changes}

    def leftovers(self) -> dict[str, list[str]]:
        """What a clean-up must have removed."""
        groups = [str(one) for one in Cgroups.detect().directories(cluster_path(self.cluster)) if one.exists()]
        with Netlink() as netlink:
            links = [str(index) for index in links_of(self.cluster, netlink)]
            routes = [route.destination for route in netlink.routes() if route.destination.startswith(
                (f"10.251.{self.number}.", f"10.252.{self.number}."))]
        return {"mounts": linux.mount_points(self.directory), "cgroups": groups, "links": links, "routes": routes,
                "processes": processes_of(self.directory)}


def processes_of(directory: Path) -> list[str]:
    """Whoever has its working directory there: shims."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(process / "cwd").startswith(str(directory)):
                found.append(process.name)
    return found


NOTHING: dict[str, list[str]] = {"mounts": [], "cgroups": [], "links": [], "routes": [], "processes": []}


@contextmanager
def surroundings(directory: Path) -> Iterator[Surroundings]:
    archive = directory / "web.tar"
    runpy.run_path(str(ROOT / "hack" / "make-image"))["write"](archive)
    with reserved_number() as number:
        place = Surroundings(directory, number, archive)
        try:
            yield place
        finally:
            cleanup(place.cluster, [directory])
        assert place.leftovers() == NOTHING


@dataclass
class Node:
    place: Surroundings
    runtime: RuncRuntime
    images: ImageStore
    image_id: str
    pods: int = 0

    async def sandbox(self, **changes: Any) -> SandboxStatus:
        self.pods += 1
        uid = f"pod{self.pods}"
        config = SandboxConfig(name=uid, namespace="default", uid=uid, attempt=0, hostname=uid,
                               log_directory=str(self.place.directory / "logs" / uid),
                               cgroup_parent=f"{node_path(self.place.cluster, 'node')}/{uid}")
        return await self.runtime.run_pod_sandbox(replace(config, **changes))

    async def start(self, sandbox: SandboxStatus, *command: str, name: str = "main", **changes: Any) -> str:
        config = ContainerConfig(name=name, attempt=0, image_ref=self.image_id, command=command, log_path=f"{name}/0.log")
        container_id = await self.runtime.create_container(sandbox.id, replace(config, **changes))
        await self.runtime.start_container(container_id)
        return container_id

    async def ended(self, container_id: str) -> ContainerStatus:
        async with asyncio.timeout(SECONDS):
            events = self.runtime.events()
            while (status := await self.runtime.container_status(container_id)).state in (
                    ContainerState.CREATED, ContainerState.RUNNING):
                await anext(events)
        return status

    async def run(self, sandbox: SandboxStatus, *command: str, **changes: Any) -> ContainerStatus:
        return await self.ended(await self.start(sandbox, *command, **changes))


@asynccontextmanager
async def running_node(place: Surroundings, **changes: Any) -> AsyncIterator[Node]:
    """A kubelet's runtime from its start to its (friendly) end; pods live on."""
    images = ImageStore(place.directory / "images")
    runtime = RuncRuntime(place.directory, images, **place.options(**changes))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        async with asyncio.timeout(SECONDS):
            await runtime.wait_ready()
            found = await images.import_archive(str(place.image_archive))
        yield Node(place, runtime, images, found[0].id)
        task.cancel()


def log_lines(status: ContainerStatus) -> list[tuple[str, str, str]]:
    """(stream, tag, text) of every line."""
    lines = Path(status.log_path).read_text().splitlines()
    return [(stream, tag, text) for _, stream, tag, text in (line.split(" ", 3) for line in lines)]


def output(status: ContainerStatus) -> list[str]:
    return [text for _, _, text in log_lines(status)]


class Streams:
    """An ExecStreams that types what it is told and keeps what it is shown."""

    def __init__(self, *typed: bytes, sizes: tuple[tuple[int, int], ...] = (), until: bytes = b"") -> None:
        self.typed, self.sizes, self.until = typed, sizes, until
        self.out, self.err = b"", b""
        self.seen = asyncio.Event()

    async def stdin(self) -> AsyncIterator[bytes]:
        for data in self.typed:
            yield data
        if self.until:
            await self.seen.wait()
        yield b""

    async def stdout(self, data: bytes) -> None:
        self.out += data
        if self.until and self.until in self.out:
            self.seen.set()

    async def stderr(self, data: bytes) -> None:
        self.err += data

    async def resizes(self) -> AsyncIterator[tuple[int, int]]:
        for size in self.sizes:
            yield size


def environment(status: ContainerStatus) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in output(status))
