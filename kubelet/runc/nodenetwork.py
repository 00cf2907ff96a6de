"""The runtime's side of the pod network: there once the node has a podCIDR, with its addresses and host ports as the sandboxes say."""
from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

from kubelet import linux
from kubelet.network.hostports import HostPort
from kubelet.network.pods import PodNetwork
from kubelet.runc import sandboxes
from kubelet.runc.known import ByPod
from kubelet.runc.sandboxes import Sandbox


class NodeNetwork:
    """`ranges`: cluster_cidr, service_cidr and node_ip of PodNetwork.set_up."""

    def __init__(self, cluster: str, node: str, directory: Path, ranges: Mapping[str, str], known: ByPod[Sandbox]) -> None:
        self._cluster, self._node, self._directory, self._ranges, self._known = cluster, node, directory, dict(ranges), known
        self.pods: PodNetwork | None = None
        self.pod_cidr = ""
        self._is_there = asyncio.Event()
        self._changing, self._writing = asyncio.Lock(), threading.Lock()

    def set_up(self, pod_cidr: str) -> None:
        """Blocks; only in a fresh thread."""
        with self._writing:
            self.pods = PodNetwork.set_up(self._cluster, self._node, self._directory, pod_cidr, **self._ranges, ports=self._host_ports())
            self.pod_cidr = pod_cidr

    def announce(self) -> None:
        """Whoever waits for the network may go on, if it is there."""
        if self.pods is not None:
            self._is_there.set()

    async def update(self, pod_cidr: str) -> None:
        async with self._changing:
            if self.pods is None or self.pod_cidr != pod_cidr:
                await linux.in_fresh_thread(lambda: self.set_up(pod_cidr))
                self.free_unknown_addresses()
                self.announce()

    async def set_routes(self, nodes: Mapping[str, tuple[str, str]]) -> None:
        await self._is_there.wait()
        assert self.pods is not None
        await asyncio.to_thread(self.pods.set_routes, nodes)

    async def recover(self) -> None:
        """The sandboxes of a predecessor are known now."""
        self.free_unknown_addresses()
        if self._host_ports():
            await self.write_host_ports()

    # --- addresses

    def take_address(self, sandbox_id: str) -> str:
        return self.pods.pool.take(sandbox_id) if self.pods else ""

    def give_back_address(self, sandbox: Sandbox) -> None:
        if sandbox.record.address and self.pods:
            self.pods.pool.give_back(sandbox.record.address, sandbox.id)

    def free_unknown_addresses(self) -> None:
        if self.pods:
            self.pods.pool.keep_only(one.id for one in self._known.values() if one.record.is_ready)

    # --- host ports

    async def write_host_ports(self) -> None:
        await asyncio.to_thread(self._write_host_ports)

    def _write_host_ports(self) -> None:
        with self._writing:                       # the last to write has seen the newest
            if self.pods is not None:
                self.pods.set_host_ports(self._host_ports())

    def _host_ports(self) -> list[HostPort]:
        """The oldest sandbox's first: it keeps what a younger one wants too."""
        known = sorted(self._known.values(), key=lambda one: one.record.created_at)
        return [port for one in known for port in sandboxes.host_ports(one, self._cluster)]
