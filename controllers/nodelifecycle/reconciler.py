"""One node: silent for too long it is declared Unknown, tainted, and its pods are said not to be ready; heard of again, all that goes.

Nothing is polled: a renewed Lease is only noted, and each node has one timer, for the moment it would have been silent for too long.
Timers end at multiples of --node-monitor-period, so that nodes lost together are judged together; and a node is given up one period
after it was seen to be lost, when it is known how many others are.
"""
from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controllers.nodelifecycle.conditions import (
    BY_READY,
    MANAGED,
    NOT_READY,
    UNREACHABLE,
    declared_unknown,
    has_taint,
    no_schedule,
    readiness,
    with_old_labels,
    with_taints,
)
from controllers.nodelifecycle.hearings import Hearings
from controllers.nodelifecycle.zones import Rates, Zones
from controllers.pods import index_by_node, is_ready
from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.coordination_v1 import Lease
from kubeapi.generated.models.core_v1 import Node, ObjectReference, Pod
from kubeapi.meta import ObjectKey
from kubeapi.times import format_time, parse_time
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

LEASES = "kube-node-lease"
EVICTING = (NOT_READY, UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Settings:
    """Upstream's flags and defaults, in seconds."""

    monitor_period: float = 5.0
    monitor_grace_period: float = 40.0
    startup_grace_period: float = 60.0          # of a node that has not yet posted a status
    rates: Rates = field(default_factory=Rates)


class NodeLifecycle:
    def __init__(self, client: Client, recorder: EventRecorder, nodes: Informer[Node], pods: Informer[Pod], settings: Settings,
                 look: Callable[[str], None], world: World) -> None:
        """`look` has a node reconciled."""
        self._client, self._recorder, self._nodes, self._pods = client, recorder, nodes, pods
        self._settings, self._look, self._world = settings, look, world
        self._hearings, self._zones = Hearings(world), Zones(settings.rates)
        self._lost_since: dict[str, float] = {}
        self._marked: set[str] = set()              # nodes whose pods have been said not to be ready

    # --- what the watches tell

    def seen(self, node: Node) -> None:
        name, ready = node.metadata.name, readiness(node) == "True"
        self._hearings.node_seen(node)
        self._zones.note(node, is_ready=ready)
        if ready:
            self._lost_since.pop(name, None)
        else:
            self._lost_since.setdefault(name, self._now())
        if readiness(node) != "Unknown":
            self._marked.discard(name)

    def lease_renewed(self, lease: tuple[str, datetime | None]) -> None:
        name, when = lease
        if when is not None:
            self._hearings.lease_renewed(name, when)

    def came(self, node: Node) -> None:
        self.seen(node)
        self._tell(node, "RegisteredNode", f"Registered Node {node.metadata.name} in Controller")

    def gone(self, node: Node) -> None:
        name = node.metadata.name
        self._hearings.forget(name)
        self._zones.forget(name)
        self._lost_since.pop(name, None)
        self._marked.discard(name)
        self._tell(node, "RemovingNode", f"Removing Node {name} from Controller")

    # --- what is done about it

    async def reconcile(self, key: ObjectKey) -> Result:
        self._settle_zones()
        node = self._nodes.get(key)
        if node is None:
            return Result()
        left = self._seconds_left(node)
        if left <= 0 and readiness(node) != "Unknown":
            node = await self._declare_unknown(node)
        wait = await self._write_taints(node)
        if readiness(node) == "Unknown" and key.name not in self._marked:
            await self._mark_pods_not_ready(node)
        again = min(wait, self._until_tick(left) if left else math.inf)
        return Result(requeue_after=again if again < math.inf else None)

    def _settle_zones(self) -> None:
        """How many are lost decides what may be done: it may concern other nodes, too."""
        were_lost = self._zones.all_are_lost
        for name in self._zones.settle(self._now()):
            self._look(name)
        if were_lost and not self._zones.all_are_lost:
            self._hearings.everybody_now()          # we were cut off: the others had no chance to be heard

    def _seconds_left(self, node: Node) -> float:
        """Until the node has been silent for too long."""
        grace = self._settings.monitor_grace_period if readiness(node) else self._settings.startup_grace_period
        left = grace - self._hearings.silent_seconds(node.metadata.name)
        return left if left > 0.001 else 0.0

    async def _declare_unknown(self, node: Node) -> Node:
        was_ready = readiness(node) == "True"
        declared = declared_unknown(node, self._world.now())
        node = await self._client.resource(Node).update_status(declared)
        if was_ready:
            self._tell(node, "NodeNotReady", f"Node {node.metadata.name} status is now: NodeNotReady")
        return node

    async def _write_taints(self, node: Node) -> float:
        """The seconds until there is more to do here; infinity if that is not for time to tell."""
        now = self._world.now()
        evicting, wait = self._evicting(node)
        wanted = with_taints(node, "NoSchedule", no_schedule(node), MANAGED, now)
        wanted = with_old_labels(with_taints(wanted, "NoExecute", evicting, EVICTING, now))
        if wanted != node:
            await self._client.resource(Node).update(wanted)
        return wait

    def _evicting(self, node: Node) -> tuple[set[str], float]:
        """The taint that drives pods away, none or one; and if it must wait, how long."""
        key = BY_READY.get(readiness(node))
        if key is None or self._zones.all_are_lost:
            return set(), math.inf
        if any(has_taint(node, one, "NoExecute") for one in EVICTING):
            return {key}, math.inf
        early = self._lost_since.get(node.metadata.name, self._now()) + self._settings.monitor_period - self._now()
        wait = early if early > 0.001 else self._zones.take(node, self._now())
        return (set(), wait) if wait else ({key}, math.inf)

    async def _mark_pods_not_ready(self, node: Node) -> None:
        """Nobody else can: the kubelet that would is silent."""
        name = node.metadata.name
        for pod in [one for one in self._pods.by_index("node", name) if is_ready(one)]:
            change = {"type": "Ready", "status": "False", "lastTransitionTime": format_time(self._world.now())}
            try:
                await self._client.resource(Pod, pod.metadata.namespace).patch(
                    pod.metadata.name, {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [change]}}, "strategic", "status")
            except (NotFound, Conflict):
                continue
            self._recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")
        self._marked.add(name)

    def _tell(self, node: Node, reason: str, message: str) -> None:
        about = ObjectReference(api_version="v1", kind="Node", name=node.metadata.name, uid=node.metadata.uid)
        self._recorder.event(about, "Normal", reason, message)

    def _until_tick(self, seconds: float) -> float:
        """The same, or a little later."""
        period, now = self._settings.monitor_period, self._now()
        return math.ceil((now + seconds) / period) * period - now

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _renewal(document: dict[str, Any]) -> tuple[str, datetime | None]:
    """All that is kept of a Lease: whose it is, and when it was renewed."""
    renewed = document.get("spec", {}).get("renewTime")
    return document["metadata"]["name"], parse_time(renewed) if renewed else None


def node_lifecycle_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, settings: Settings | None = None,
                              world: World = REAL_WORLD) -> Controller:
    nodes, pods = factory.informer(Node), factory.informer(Pod, indexers={"node": index_by_node})
    leases = factory.informer(Lease, LEASES, transform=_renewal)
    lifecycle = NodeLifecycle(client, recorder, nodes, pods, settings or Settings(), lambda name: controller.queue.add(ObjectKey("", name)), world)
    controller = Controller("nodelifecycle", lifecycle, workers=8)
    nodes.add_handler(lifecycle.came, lambda old, new: lifecycle.seen(new), lifecycle.gone)
    leases.add_handler(lifecycle.lease_renewed, lambda old, new: lifecycle.lease_renewed(new))
    return controller.watches(nodes, lambda node: [ObjectKey("", node.metadata.name)]).waits_for(pods).waits_for(leases)
