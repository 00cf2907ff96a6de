"""The taints a node's conditions ask for: not-ready while Ready is False, unreachable while it is Unknown, none when True."""
from __future__ import annotations

from kubeapi.generated.models.core_v1 import Node, Taint
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
PRESSURE = {"MemoryPressure": "node.kubernetes.io/memory-pressure", "DiskPressure": "node.kubernetes.io/disk-pressure",
            "PIDPressure": "node.kubernetes.io/pid-pressure", "NetworkUnavailable": "node.kubernetes.io/network-unavailable"}
MANAGED = {NOT_READY, UNREACHABLE, *PRESSURE.values()}


def wanted_taints(node: Node) -> list[str]:
    """The keys of the NoSchedule taints that the node's conditions ask for."""
    conditions = {one.type: one.status for one in node.status.conditions} if node.status is not None else {}
    ready = conditions.get("Ready", "False")
    found = [] if ready == "True" else [NOT_READY if ready == "False" else UNREACHABLE]
    return found + [key for type, key in PRESSURE.items() if conditions.get(type) == "True"]


class NodeTaintReconciler:
    def __init__(self, client: Client, nodes: Informer[Node], world: World = REAL_WORLD) -> None:
        self._client, self._nodes, self._world = client, nodes, world

    async def reconcile(self, key: ObjectKey) -> Result:
        node = self._nodes.get(key)
        if node is None:
            return DONE
        wanted = wanted_taints(node)
        there = [taint.key for taint in node.spec.taints if taint.key in MANAGED and taint.effect == "NoSchedule"]
        if sorted(there) == sorted(wanted):
            return DONE
        kept = [taint for taint in node.spec.taints
                if not (taint.key in MANAGED and taint.effect == "NoSchedule" and taint.key not in wanted)]
        now = self._world.now().replace(microsecond=0)
        added = [Taint(key=one, effect="NoSchedule", time_added=now) for one in wanted if one not in there]
        await self._client.resource(Node).update(node.evolve(spec=node.spec.evolve(taints=(*kept, *added))))
        return DONE


def node_taint_controller(client: Client, factory: InformerFactory) -> Controller:
    nodes = factory.informer(Node)
    return Controller("nodetaints", NodeTaintReconciler(client, nodes), workers=2).watches(
        nodes, lambda node: [ObjectKey("", node.metadata.name)])
