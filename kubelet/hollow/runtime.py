"""Containers that start at once and do nothing, on the loop's time. Init containers are done at once; others run until they are
stopped. Annotations of the pod make them end:

    hollow.picokube.io/exit-code: "0"        every main container ends by itself with this code ...
    hollow.picokube.io/run-seconds: "5"      ... after so long (at once where this is left out)
    hollow.picokube.io/init-exit-code: "1"   an init container ends with this code instead of 0
    hollow.picokube.io/stop-seconds: "1"     how long a container takes to obey TERM
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubeapi.world import REAL_WORLD, World
from kubelet.containerconfig import INIT_ANNOTATION
from kubelet.containerevents import Events
from kubelet.cri import (
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    CriError,
    ExecStreams,
    LinuxResources,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
)
from kubelet.handlers import no_such_handler

PREFIX = "hollow.picokube.io/"


@dataclass(slots=True)
class _Container:
    status: ContainerStatus
    config: ContainerConfig
    timer: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class HollowRuntime:
    """One node's. `addresses` hands out pod IPs once the node has a podCIDR."""

    def __init__(self, *, start_seconds: float = 0.0, world: World = REAL_WORLD, handlers: Sequence[str] = ("hollow",), name: str = "") -> None:
        """`name`: of one that serves a handler of a real node; its pods have no addresses, which are real there."""
        self._start_seconds, self._world, self._handlers, self._name = start_seconds, world, handlers, name
        self._sandboxes: dict[str, SandboxStatus] = {}
        self._containers: dict[str, _Container] = {}
        self._by_pod: dict[str, tuple[list[str], list[str]]] = {}       # uid -> sandbox ids, container ids
        self._events = Events()
        self._addresses: AddressRange | None = None

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def wait_ready(self) -> None:
        return

    async def version(self) -> tuple[str, str]:
        return "hollow", "1"

    async def update_pod_cidr(self, pod_cidr: str) -> None:
        if not self._name and (self._addresses is None or self._addresses.cidr != pod_cidr):
            self._addresses = AddressRange(pod_cidr)

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        if config.runtime_handler not in ("", *self._handlers):
            raise no_such_handler(config.runtime_handler)
        ips = () if config.host_network or self._addresses is None else (self._addresses.take(),)
        status = SandboxStatus(self._new_id(), config, SandboxState.READY, self._now(), ips)
        self._sandboxes[status.id] = status
        self._of_pod(config.uid)[0].append(status.id)
        return status

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or sandbox.state is SandboxState.NOT_READY:
            return
        for container in self._in(sandbox):
            self._end(container, 137)
        if sandbox.ips and self._addresses is not None:
            self._addresses.give_back(sandbox.ips[0])
        self._sandboxes[sandbox_id] = replace(sandbox, state=SandboxState.NOT_READY)
        self._publish(sandbox_id, sandbox.config.uid, "")

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        sandbox = self._sandboxes.pop(sandbox_id, None)
        if sandbox is None:
            return
        for container in self._in(sandbox):
            await self.remove_container(container.status.id)
        sandboxes, containers = self._of_pod(sandbox.config.uid)
        sandboxes.remove(sandbox_id)
        if not sandboxes and not containers:
            del self._by_pod[sandbox.config.uid]

    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        if not pod_uid:
            return list(self._sandboxes.values())
        return [self._sandboxes[one] for one in self._by_pod.get(pod_uid, ((), ()))[0]]

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = self._sandbox(sandbox_id)
        if self._start_seconds:
            await asyncio.sleep(self._start_seconds)
        status = ContainerStatus(
            self._new_id(), sandbox_id, config.name, config.attempt, ContainerState.CREATED, self._now(), labels=config.labels,
            annotations=config.annotations, image=config.annotations.get("io.kubernetes.container.image", ""), image_ref=config.image_ref,
            runtime=self._name)
        self._containers[status.id] = _Container(status, config)
        self._of_pod(sandbox.config.uid)[1].append(status.id)
        return status.id

    async def start_container(self, container_id: str) -> None:
        container = self._container(container_id)
        annotations = self._sandbox(container.status.sandbox_id).config.annotations
        container.status = replace(container.status, state=ContainerState.RUNNING, started_at=self._now())
        code, seconds = annotations.get(f"{PREFIX}exit-code"), float(annotations.get(f"{PREFIX}run-seconds", "0"))
        if INIT_ANNOTATION in container.config.annotations:
            code, seconds = annotations.get(f"{PREFIX}init-exit-code", "0"), 0.0
        if code is not None:
            container.timer = asyncio.get_running_loop().call_later(seconds, self._end, container, int(code))
        self._tell(container)

    async def update_container_resources(self, container_id: str, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        container = self._container(container_id)
        container.status = replace(container.status, annotations={**container.status.annotations, **annotations})

    async def update_pod_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        sandbox = self._sandbox(sandbox_id)
        self._sandboxes[sandbox_id] = replace(sandbox, config=replace(sandbox.config, resources=resources))

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is None or container.status.state is not ContainerState.RUNNING:
            return
        annotations = self._sandbox(container.status.sandbox_id).config.annotations
        wanted = float(annotations.get(f"{PREFIX}stop-seconds", "0"))
        if wanted > 0:
            await asyncio.sleep(min(wanted, grace_seconds))
        self._end(container, 137 if wanted > grace_seconds else 0)

    def _end(self, container: _Container, code: int) -> None:
        if container.timer is not None:
            container.timer.cancel()
        if container.status.state is not ContainerState.RUNNING:
            return
        container.status = replace(container.status, state=ContainerState.EXITED, exit_code=code, finished_at=self._now(),
                                   reason="Completed" if code == 0 else "Error")
        container.ended.set()
        self._tell(container)

    def kill(self, container_id: str, exit_code: int) -> None:
        """For tests and studies: the container's process dies."""
        self._end(self._container(container_id), exit_code)

    async def remove_container(self, container_id: str) -> None:
        container = self._containers.pop(container_id, None)
        if container is None:
            return
        for _, containers in self._by_pod.values() if container.status.sandbox_id not in self._sandboxes else (
                self._of_pod(self._sandboxes[container.status.sandbox_id].config.uid),):
            if container_id in containers:
                containers.remove(container_id)

    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]:
        ids = self._by_pod.get(pod_uid, ((), ()))[1] if pod_uid else self._containers
        found = [self._containers[one].status for one in ids]
        return [one for one in found if not sandbox_id or one.sandbox_id == sandbox_id]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._container(container_id).status

    # --- what needs processes

    async def exec(self, container_id: str, command: Sequence[str], streams: ExecStreams, *, tty: bool) -> int:
        self._container(container_id)
        await streams.stdout(f"hollow: {' '.join(command)}\n".encode())
        return 0

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> tuple[int, bytes, bytes]:
        self._container(container_id)
        return 0, b"", b""

    async def attach(self, container_id: str, streams: ExecStreams) -> None:
        await self._container(container_id).ended.wait()

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[Any, Any]:
        raise CriError("PortForwardFailed", "hollow pods listen on no port")

    async def container_stats(self) -> Sequence[ContainerStats]:
        return [ContainerStats(one.status.id, 0, 0, 0) for one in self._containers.values() if one.status.state is ContainerState.RUNNING]

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self._events.listen()

    # --- small things

    def _tell(self, container: _Container) -> None:
        uid = container.config.labels.get("io.kubernetes.pod.uid", "")
        self._publish(container.status.sandbox_id, uid, container.status.id)

    def _publish(self, sandbox_id: str, uid: str, container_id: str) -> None:
        self._events.publish(ContainerEvent(sandbox_id, uid, container_id))

    def _of_pod(self, uid: str) -> tuple[list[str], list[str]]:
        return self._by_pod.setdefault(uid, ([], []))

    def _in(self, sandbox: SandboxStatus) -> list[_Container]:
        ids = self._by_pod.get(sandbox.config.uid, ((), ()))[1]
        return [self._containers[one] for one in ids if self._containers[one].status.sandbox_id == sandbox.id]

    def _sandbox(self, sandbox_id: str) -> SandboxStatus:
        if sandbox_id not in self._sandboxes:
            raise CriError("NotFound", f"sandbox {sandbox_id[:12]} not found")
        return self._sandboxes[sandbox_id]

    def _container(self, container_id: str) -> _Container:
        if container_id not in self._containers:
            raise CriError("NotFound", f"container {container_id[:12]} not found")
        return self._containers[container_id]

    def _now(self) -> int:
        return int(self._world.seconds() * 1e9)

    def _new_id(self) -> str:
        return f"{self._world.random.getrandbits(256):064x}"


class AddressRange:
    """Hands out the addresses of a range, each again only after all the others."""

    def __init__(self, cidr: str) -> None:
        import ipaddress

        self.cidr = cidr
        self._network = ipaddress.ip_network(cidr)
        self._next = 1
        self._used: set[int] = set()

    def take(self) -> str:
        size = self._network.num_addresses
        for step in range(size):
            offset = 2 + (self._next - 1 + step) % max(1, size - 3)
            if offset not in self._used:
                self._used.add(offset)
                self._next = offset
                return str(self._network[offset])
        raise CriError("FailedCreatePodSandBox", f"no address is free in {self.cidr}")

    def give_back(self, address: str) -> None:
        import ipaddress

        self._used.discard(int(ipaddress.ip_address(address)) - int(self._network[0]))
