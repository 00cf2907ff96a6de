"""NodeName: the pod asked for one node by name."""
from __future__ import annotations

from typing import ClassVar

from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class NodeName(NodeFilter):
    name: ClassVar[str] = "NodeName"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) didn't match the requested node name",), name)

    def matters_to(self, pod: PodInfo) -> bool:
        return bool(pod.node_name)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        return SUCCESS if pod.node_name in ("", node.name) else self._refusal
