"""NodeName: the pod asked for one node by name."""
from __future__ import annotations

from typing import ClassVar, Self

from scheduler.events import Happening
from scheduler.framework import SUCCESS, Cluster, Code, NodeFilter, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class NodeName(NodeFilter):
    name: ClassVar[str] = "NodeName"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) didn't match the requested node name",), name)

    def look(self, pod: PodInfo, cluster: Cluster) -> Self | None:
        return self if pod.node_name else None

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        return SUCCESS if pod.node_name in ("", node.name) else self._refusal
