"""NodeUnschedulable: cordoned nodes take only pods that tolerate node.kubernetes.io/unschedulable."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.generated.models.core_v1 import Taint
from kubeapi.nodefit import tolerates
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(NodeFilter):
    name: ClassVar[str] = "NodeUnschedulable"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_TAINTS
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) were unschedulable",), name)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        if not node.is_unschedulable or tolerates(pod.tolerations, UNSCHEDULABLE):
            return SUCCESS
        return self._refusal
