"""NodeAffinity: nodeSelector and required node affinity decide, preferred node affinity weighs."""
from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kubeapi.generated.models.core_v1 import NodeAffinity as Wishes
from kubeapi.generated.models.core_v1 import PreferredSchedulingTerm
from kubeapi.nodefit import term_matches
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, NodeScore, Status, scaled_to_maximum
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


def _allows(wishes: Wishes, node: NodeInfo) -> bool:
    needed = wishes.required_during_scheduling_ignored_during_execution
    return needed is None or any(term_matches(term, node.name, node.labels) for term in needed.node_selector_terms)


class NodeAffinity(NodeFilter, NodeScore):
    name: ClassVar[str] = "NodeAffinity"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_LABELS
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) didn't match Pod's node affinity/selector",), name)
    _enforced = Status(Code.UNRESOLVABLE, ("node(s) didn't match scheduler-enforced node affinity",), name)

    def __init__(self, added: Wishes | None = None) -> None:
        """*added*: what this scheduler wishes besides, for every pod."""
        self._added = added

    def matters_to(self, pod: PodInfo) -> bool:
        return bool(pod.node_selector) or pod.affinity is not None or self._added is not None

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        if self._added is not None and not _allows(self._added, node):
            return self._enforced
        labels = node.labels
        for key, value in pod.node_selector.items():
            if labels.get(key) != value:
                return self._refusal
        affinity = pod.affinity.node_affinity if pod.affinity is not None else None
        return SUCCESS if affinity is None or _allows(affinity, node) else self._refusal

    def prepare(self, pod: PodInfo) -> Sequence[PreferredSchedulingTerm]:
        own = pod.affinity.node_affinity if pod.affinity is not None else None
        return [one for wishes in (self._added, own) if wishes is not None
                for one in wishes.preferred_during_scheduling_ignored_during_execution]

    def score(self, prepared: Sequence[PreferredSchedulingTerm], pod: PodInfo, node: NodeInfo) -> int:
        return sum(one.weight for one in prepared if term_matches(one.preference, node.name, node.labels))

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        return scaled_to_maximum(raw)
