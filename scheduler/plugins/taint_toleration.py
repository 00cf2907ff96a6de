"""TaintToleration: NoSchedule and NoExecute taints repel pods that do not tolerate them; PreferNoSchedule only weighs."""
from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kubeapi.generated.models.core_v1 import Taint, Toleration
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, NodeScore, Status, scaled_to_maximum
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


def tolerates(tolerations: Sequence[Toleration], taint: Taint) -> bool:
    return any(_tolerates(one, taint) for one in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    """An empty effect matches all effects, an empty key with Exists all keys."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and bool(toleration.key) and toleration.value == taint.value


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
