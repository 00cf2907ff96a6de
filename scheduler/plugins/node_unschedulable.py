"""NodeUnschedulable: cordoned nodes take only pods that tolerate node.kubernetes.io/unschedulable."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.generated.models.core_v1 import Taint
from scheduler.framework import SUCCESS, Code, Happening, NodeFilter, NodeInfo, PodInfo, Status
from scheduler.plugins.taint_toleration import tolerates

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(NodeFilter):
    name: ClassVar[str] = "NodeUnschedulable"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_TAINTS
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) were unschedulable",), name)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        if not node.is_unschedulable or tolerates(pod.tolerations, UNSCHEDULABLE):
            return SUCCESS
        return self._refusal
