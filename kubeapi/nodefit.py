"""Whether a node suits a pod by what the two say of each other: taints and tolerations, nodeSelector and node affinity.

Terms of a node selector are alternatives, the requirements of a term must all hold; a term without any matches nothing.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kubeapi.generated.models.core_v1 import NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration

KEEPS_AWAY = ("NoSchedule", "NoExecute")


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


def tolerates_all(tolerations: Sequence[Toleration], taints: Sequence[Taint], effects: Collection[str] = KEEPS_AWAY) -> bool:
    return all(taint.effect not in effects or tolerates(tolerations, taint) for taint in taints)


def selects_node(spec: PodSpec, name: str, labels: Mapping[str, str]) -> bool:
    """nodeSelector and required node affinity of a pod."""
    if any(labels.get(key) != value for key, value in spec.node_selector.items()):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    needed = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return needed is None or any(term_matches(term, name, labels) for term in needed.node_selector_terms)


def term_matches(term: NodeSelectorTerm, name: str, labels: Mapping[str, str]) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False
    return (all(_matches(one, labels) for one in term.match_expressions)
            and all(_matches(one, {"metadata.name": name}) for one in term.match_fields))


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
