"""Several runtimes as one: a sandbox is made by the one its handler names, and all that is done to it later goes there.

Which runtime has a sandbox or container is learnt when it is made and when it is listed; what nobody has heard of is the node's own.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from kubelet.containerevents import Events
from kubelet.cri import (
    ContainerConfig,
    ContainerEvent,
    ContainerStats,
    ContainerStatus,
    ExecStreams,
    Image,
    ImageService,
    LinuxResources,
    RegistryAuth,
    RuntimeService,
    SandboxConfig,
    SandboxStatus,
)
from kubelet.routes import Router, Routes


class Runtimes:
    """`own` runs what no handler in `others` stands for, and knows itself which handlers it does not have."""

    def __init__(self, own: RuntimeService, others: Mapping[str, RuntimeService]) -> None:
        self._own, self._others = own, dict(others)
        self._all = [own, *dict.fromkeys(others.values())]
        self._homes: dict[str, RuntimeService] = {}          # of what is not our own's
        self._events = Events()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for one in self._all:
                group.create_task(self._forward(one.events()))
                group.create_task(one.run())

    async def _forward(self, events: AsyncIterator[ContainerEvent]) -> None:
        async for event in events:
            self._events.publish(event)

    async def wait_ready(self) -> None:
        for one in self._all:
            await one.wait_ready()

    async def version(self) -> tuple[str, str]:
        return await self._own.version()

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self._events.listen()

    async def update_pod_cidr(self, pod_cidr: str) -> None:
        for one in self._all:
            await one.update_pod_cidr(pod_cidr)

    async def set_routes(self, nodes: Routes) -> None:
        if isinstance(self._own, Router):
            await self._own.set_routes(nodes)

    def _home(self, id: str) -> RuntimeService:
        return self._homes.get(id, self._own)

    def _note(self, runtime: RuntimeService, ids: Iterable[str]) -> None:
        if runtime is not self._own:
            self._homes.update(dict.fromkeys(ids, runtime))

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        runtime = self._others.get(config.runtime_handler, self._own)
        made = await runtime.run_pod_sandbox(config)
        self._note(runtime, [made.id])
        return made

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        await self._home(sandbox_id).stop_pod_sandbox(sandbox_id)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        home = self._home(sandbox_id)
        inside = await home.list_containers(sandbox_id)
        await home.remove_pod_sandbox(sandbox_id)
        for id in (sandbox_id, *(one.id for one in inside)):
            self._homes.pop(id, None)

    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        found: list[SandboxStatus] = []
        for runtime in self._all:
            those = await runtime.list_pod_sandboxes(pod_uid)
            self._note(runtime, (one.id for one in those))
            found += those
        return found

    async def update_pod_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        await self._home(sandbox_id).update_pod_sandbox_resources(sandbox_id, resources)

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[Any, Any]:
        return await self._home(sandbox_id).port_forward(sandbox_id, port)

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        home = self._home(sandbox_id)
        container_id = await home.create_container(sandbox_id, config)
        self._note(home, [container_id])
        return container_id

    async def start_container(self, container_id: str) -> None:
        await self._home(container_id).start_container(container_id)

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        await self._home(container_id).stop_container(container_id, grace_seconds)

    async def remove_container(self, container_id: str) -> None:
        await self._home(container_id).remove_container(container_id)
        self._homes.pop(container_id, None)

    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]:
        found: list[ContainerStatus] = []
        for runtime in self._all:
            those = await runtime.list_containers(sandbox_id, pod_uid)
            self._note(runtime, (one.id for one in those))
            found += those
        return found

    async def container_status(self, container_id: str) -> ContainerStatus:
        return await self._home(container_id).container_status(container_id)

    async def update_container_resources(self, container_id: str, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        await self._home(container_id).update_container_resources(container_id, resources, annotations)

    async def exec(self, container_id: str, command: Sequence[str], streams: ExecStreams, *, tty: bool) -> int:
        return await self._home(container_id).exec(container_id, command, streams, tty=tty)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> tuple[int, bytes, bytes]:
        return await self._home(container_id).exec_sync(container_id, command, timeout_seconds)

    async def attach(self, container_id: str, streams: ExecStreams) -> None:
        await self._home(container_id).attach(container_id, streams)

    async def container_stats(self) -> Sequence[ContainerStats]:
        return [one for runtime in self._all for one in await runtime.container_stats()]


class AllImages:
    """The images of a node, whichever runtime's they are: for its status and for who clears up. New ones come to the node's own store."""

    def __init__(self, own: ImageService, others: Iterable[ImageService]) -> None:
        self._own, self._all = own, [own, *dict.fromkeys(others)]

    async def status(self, image: str) -> Image | None:
        return await self._own.status(image)

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        return await self._own.pull(image, auths)

    async def import_archive(self, path: str) -> Sequence[Image]:
        return await self._own.import_archive(path)

    async def list(self) -> Sequence[Image]:
        """One that several have is told once."""
        found: dict[str, Image] = {}
        for images in self._all:
            for one in await images.list():
                found.setdefault(one.id, one)
        return [*found.values()]

    async def remove(self, image: str) -> None:
        for images in self._all:
            await images.remove(image)
