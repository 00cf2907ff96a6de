"""Keeps this node's Node and Lease in the API: registers, renews, and says at once when it becomes ready or ceases to be.

    Lease    four times as often as it runs out (40 seconds); who sees it older than that knows that the node is lost
    status   every 5 minutes, and whenever more than a heartbeat's time changes
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from kubeapi.errors import AlreadyExists, ApiStatusError, Conflict, NotFound
from kubeapi.generated.models.coordination_v1 import Lease, LeaseSpec
from kubeapi.generated.models.core_v1 import Node, NodeStatus, ObjectReference
from kubeapi.generated.models.meta_v1 import ObjectMeta, OwnerReference
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubelet.cri import ImageService
from kubelet.nodeinfo import Machine
from kubelet.nodestatus import NodeIdentity, differs, is_declared_unknown, new_node, node_status, pressure_events

log = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS, RENEWALS = 40, 4
STATUS_SECONDS = 300.0
RETRY_SECONDS = 1.0
Failures = (ApiStatusError, ConnectionError, TimeoutError)


class NodeAgent:
    def __init__(self, client: Client, recorder: EventRecorder, identity: NodeIdentity, machine: Machine, images: ImageService,
                 fault: Callable[[], str], use_pod_cidr: Callable[[str], Awaitable[None]], world: World = REAL_WORLD,
                 lease_seconds: int = LEASE_SECONDS, pressure: Callable[[], Collection[str]] = tuple) -> None:
        """`fault` says why pods cannot run here (or ""); `use_pod_cidr` is told the node's range of pod addresses; `pressure` says what
        the node has too little of, by the names of its conditions."""
        self._client, self._recorder, self._identity, self._machine, self._images = client, recorder, identity, machine, images
        self._fault, self._use_pod_cidr, self._world = fault, use_pod_cidr, world
        self._lease_seconds, self._pressure = lease_seconds, pressure
        self._node: Node | None = None
        self._changed = asyncio.Event()
        self._pod_cidr = ""
        self._was_ready: bool | None = None
        self._heartbeat_is_due = True

    @property
    def identity(self) -> NodeIdentity:
        return self._identity

    @property
    def machine(self) -> Machine:
        return self._machine

    def observe(self, node: Node) -> None:
        """The API's newest view of this node."""
        self._node = node
        if node.spec.pod_cidr != self._pod_cidr or is_declared_unknown(node):
            self._changed.set()

    def wake(self) -> None:
        """Something that the status tells of has changed."""
        self._changed.set()

    async def run(self) -> None:
        await self._until_done(self._register)
        self.event("Normal", "Starting", "Starting kubelet.")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_status(), name=f"node-{self._identity.name}")
            group.create_task(self._keep_lease(), name=f"lease-{self._identity.name}")

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        wait = 0.1
        while True:
            try:
                await work()
                return
            except Failures as error:
                log.warning("node %s: %s", self._identity.name, error)
            await asyncio.sleep(wait * (1 + self._world.random.random()))
            wait = min(wait * 2, 5.0)

    def event(self, type: str, reason: str, message: str) -> None:
        name = self._identity.name
        self._recorder.event(ObjectReference(kind="Node", name=name, uid=name), type, reason, message)

    # --- the Node

    async def _register(self) -> None:
        """Its labels and its taint are set once, at its first registration; a known node keeps what users made of it."""
        api = self._client.resource(Node)
        wanted = new_node(self._identity, self._machine)
        status = node_status(wanted, self._identity, self._machine, await self._images.list(), self._fault(), self._world.now(),
                             self._pressure())
        try:
            self._node = await api.create(wanted.evolve(status=status))
            self._tell_pressure(None, status)
        except AlreadyExists:
            self._node = await api.get(self._identity.name)
            missing = {key: value for key, value in wanted.metadata.labels.items() if self._node.metadata.labels.get(key) != value}
            if missing:
                self._node = await api.patch(self._identity.name, {"metadata": {"labels": missing}}, type="strategic")

    async def _keep_status(self) -> None:
        while True:
            self._changed.clear()
            await self._until_done(self._sync)
            try:
                async with asyncio.timeout(STATUS_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                self._heartbeat_is_due = True

    async def _sync(self) -> None:
        assert self._node is not None
        if self._node.spec.pod_cidr and self._node.spec.pod_cidr != self._pod_cidr:
            await self._use_pod_cidr(self._node.spec.pod_cidr)
            self._pod_cidr = self._node.spec.pod_cidr
        node, fault = self._node, self._fault()
        status = node_status(node, self._identity, self._machine, await self._images.list(), fault, self._world.now(), self._pressure())
        if self._heartbeat_is_due or differs(node.status, status):
            await self._write_status(node, status.to_wire())
            self._heartbeat_is_due = False
            self._tell_pressure(node.status, status)
        is_ready = not fault
        if is_ready and self._was_ready is False:
            self.event("Normal", "NodeReady", f"Node {self._identity.name} status is now: NodeReady")
        elif fault and self._was_ready:
            self.event("Normal", "NodeNotReady", f"Node {self._identity.name} status is now: NodeNotReady")
        self._was_ready = is_ready

    def _tell_pressure(self, old: NodeStatus | None, new: NodeStatus) -> None:
        for reason in pressure_events(old, new):
            self.event("Normal", reason, f"Node {self._identity.name} status is now: {reason}")

    async def _write_status(self, node: Node, status: dict[str, Any]) -> None:
        api = self._client.resource(Node)
        images = status.pop("images", None)
        replaced = [*status.pop("addresses", []), {"$patch": "replace"}]
        patch = {"status": {**status, "addresses": replaced, "images": images}}
        try:
            self._node = await api.patch(node.metadata.name, patch, type="strategic", subresource="status")
        except NotFound:
            log.warning("node %s was deleted: registering again", node.metadata.name)
            await self._register()

    # --- the Lease

    async def _keep_lease(self) -> None:
        lease: Lease | None = None
        while True:
            try:
                lease = await self._renew(lease)
            except Failures as error:
                log.warning("lease of %s: %s", self._identity.name, error)
                lease = None
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await asyncio.sleep(self._lease_seconds / RENEWALS * (1 + 0.04 * self._world.random.random()))

    async def _renew(self, lease: Lease | None) -> Lease:
        api = self._client.resource(Lease, LEASE_NAMESPACE)
        name, now = self._identity.name, self._world.now()
        if lease is None:
            try:
                lease = await api.get(name)
            except NotFound:
                return await api.create(Lease(metadata=ObjectMeta(name=name, namespace=LEASE_NAMESPACE, owner_references=self._owner()),
                                              spec=self._lease_spec().evolve(renew_time=now)))
        try:
            return await api.update(lease.evolve(spec=self._lease_spec().evolve(renew_time=now)))
        except Conflict:
            return await api.update((await api.get(name)).evolve(spec=self._lease_spec().evolve(renew_time=now)))

    def _lease_spec(self) -> LeaseSpec:
        return LeaseSpec(holder_identity=self._identity.name, lease_duration_seconds=self._lease_seconds)

    def _owner(self) -> tuple[OwnerReference, ...]:
        if self._node is None:
            return ()
        return (OwnerReference(api_version="v1", kind="Node", name=self._node.metadata.name, uid=self._node.metadata.uid),)
