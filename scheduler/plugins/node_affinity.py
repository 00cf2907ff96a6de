"""NodeAffinity: nodeSelector and required node affinity decide, preferred node affinity weighs.

Terms are alternatives, the requirements of a term must all hold; a term without any requirement matches nothing.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from kubeapi.generated.models.core_v1 import NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Cluster, Code, NodeFilter, NodeScore, Status, scaled_to_maximum
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


def term_matches(term: NodeSelectorTerm, node: NodeInfo) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.name}
    return (all(_matches(one, node.labels) for one in term.match_expressions)
            and all(_matches(one, fields) for one in term.match_fields))


def _matches(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(requirement, value)
    return False


def _compares(requirement: NodeSelectorRequirement, value: str | None) -> bool:
    """Both sides must be integers."""
    try:
        left, right = int(value or ""), int(requirement.values[0])
    except (ValueError, IndexError):
        return False
    return left > right if requirement.operator == "Gt" else left < right


class NodeAffinity(NodeFilter, NodeScore):
    name: ClassVar[str] = "NodeAffinity"
    weight: ClassVar[int] = 2
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_LABELS
    _refusal = Status(Code.UNRESOLVABLE, ("node(s) didn't match Pod's node affinity/selector",), name)

    def look(self, pod: PodInfo, cluster: Cluster) -> Self | None:
        return self if pod.node_selector or pod.affinity is not None else None

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        labels = node.labels
        for key, value in pod.node_selector.items():
            if labels.get(key) != value:
                return self._refusal
        affinity = pod.affinity.node_affinity if pod.affinity is not None else None
        if affinity is not None and (needed := affinity.required_during_scheduling_ignored_during_execution) is not None \
                and not any(term_matches(term, node) for term in needed.node_selector_terms):
            return self._refusal
        return SUCCESS

    def prepare(self, pod: PodInfo) -> Sequence[PreferredSchedulingTerm]:
        affinity = pod.affinity.node_affinity if pod.affinity is not None else None
        return affinity.preferred_during_scheduling_ignored_during_execution if affinity is not None else ()

    def score(self, prepared: Sequence[PreferredSchedulingTerm], pod: PodInfo, node: NodeInfo) -> int:
        return sum(one.weight for one in prepared if term_matches(one.preference, node))

    def normalize(self, scores: list[int]) -> list[int]:
        return scaled_to_maximum(scores)
