"""TaintToleration: NoSchedule and NoExecute taints repel pods that do not tolerate them; PreferNoSchedule only weighs."""
from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kubeapi.generated.models.core_v1 import Toleration
from kubeapi.nodefit import tolerates
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, NodeScore, Status, scaled_to_maximum
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class TaintToleration(NodeFilter, NodeScore):
    name: ClassVar[str] = "TaintToleration"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_TAINTS
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) had untolerated taint(s)",), name)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        for taint in node.taints:
            if taint.effect in ("NoSchedule", "NoExecute") and not tolerates(pod.tolerations, taint):
                return self._refusal
        return SUCCESS

    def prepare(self, pod: PodInfo) -> tuple[Toleration, ...]:
        return tuple(one for one in pod.tolerations if one.effect in ("", "PreferNoSchedule"))

    def score(self, prepared: tuple[Toleration, ...], pod: PodInfo, node: NodeInfo) -> int:
        """How many taints would rather not have the pod."""
        return sum(taint.effect == "PreferNoSchedule" and not tolerates(prepared, taint) for taint in node.taints)

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        return scaled_to_maximum(raw, reverse=True)
