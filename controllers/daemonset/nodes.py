"""Which nodes suit a DaemonSet, and what its pod for one of them looks like; pure.

A pod is bound to its node by the scheduler, not here: it may go nowhere else, by a node affinity to the node's name.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controllers.revisions import REVISION_LABEL
from kubeapi.generated.models.apps_v1 import DaemonSet
from kubeapi.generated.models.core_v1 import (
    Affinity,
    Node,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Toleration,
)
from kubeapi.kinds.daemonset import TEMPLATE_GENERATION
from kubeapi.nodefit import selects_node, tolerates_all

GENERATION_LABEL = "pod-template-generation"
NAME_FIELD = "metadata.name"
# A daemon stays where others are evicted, and starts where others do not.
TOLERATED = (("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"), ("memory-pressure", "NoSchedule"),
             ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"))


class Fit(NamedTuple):
    should_run: bool            # a pod belongs here
    may_stay: bool              # one that is here already may go on


def daemon_tolerations(spec: PodSpec) -> tuple[Toleration, ...]:
    """The template's and those that every daemon has, which win: without end."""
    keys = [*TOLERATED, *([("network-unavailable", "NoSchedule")] if spec.host_network else [])]
    tolerations = list(spec.tolerations)
    for key, effect in keys:
        wanted = Toleration(key=f"node.kubernetes.io/{key}", operator="Exists", effect=effect)
        same = [at for at, one in enumerate(tolerations) if one.evolve(toleration_seconds=None) == wanted]
        for at in same:
            tolerations[at] = wanted
        if not same:
            tolerations.append(wanted)
    return tuple(tolerations)


class Placement:
    """Where one DaemonSet's pods belong."""

    def __init__(self, daemon_set: DaemonSet) -> None:
        self._spec = daemon_set.spec.template.spec
        self._tolerations = daemon_tolerations(self._spec)

    def fit(self, node: Node) -> Fit:
        """A NoSchedule taint keeps new pods away; one that runs leaves only for NoExecute."""
        name = node.metadata.name
        if self._spec.node_name not in ("", name) or not selects_node(self._spec, name, node.metadata.labels):
            return Fit(False, False)
        may_stay = tolerates_all(self._tolerations, node.spec.taints, ("NoExecute",))
        return Fit(may_stay and tolerates_all(self._tolerations, node.spec.taints), may_stay)


def pod_templates(daemon_set: DaemonSet, nodes: Sequence[str], hashed: str) -> list[PodTemplateSpec]:
    """One for each node: they differ in what pins them."""
    template = daemon_set.spec.template
    labels = {**template.metadata.labels, REVISION_LABEL: hashed}
    if (generation := daemon_set.metadata.annotations.get(TEMPLATE_GENERATION)) is not None:
        labels[GENERATION_LABEL] = generation
    metadata = template.metadata.evolve(labels=labels)
    spec = template.spec.evolve(tolerations=daemon_tolerations(template.spec))
    return [template.evolve(metadata=metadata, spec=spec.evolve(affinity=_pinned(spec.affinity, node))) for node in nodes]


def _pinned(affinity: Affinity | None, node: str) -> Affinity:
    """To the node by name, instead of what was required: the node was chosen by that."""
    term = NodeSelectorTerm(match_fields=(NodeSelectorRequirement(key=NAME_FIELD, operator="In", values=(node,)),))
    affinity = affinity or Affinity()
    nodes = affinity.node_affinity or NodeAffinity()
    needed = NodeSelector(node_selector_terms=(term,))
    return affinity.evolve(node_affinity=nodes.evolve(required_during_scheduling_ignored_during_execution=needed))


def target_node(pod: Pod) -> str:
    """The node that a pod runs on or is meant for; empty where that is not to be told."""
    if pod.spec.node_name:
        return pod.spec.node_name
    nodes = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    needed = nodes.required_during_scheduling_ignored_during_execution if nodes is not None else None
    for term in needed.node_selector_terms if needed is not None else ():
        for one in term.match_fields:
            if one.key == NAME_FIELD and one.operator == "In":
                return one.values[0] if len(one.values) == 1 else ""
    return ""


PodsByNode = dict[str, list[Pod]]


def by_node(pods: Iterable[Pod]) -> PodsByNode:
    """Pods that ended and are being deleted hold no place."""
    found: PodsByNode = {}
    for pod in pods:
        has_ended = pod.status.phase in ("Succeeded", "Failed")
        if (node := target_node(pod)) and not (has_ended and is_going(pod)):
            found.setdefault(node, []).append(pod)
    return found


def is_going(pod: Pod) -> bool:
    return pod.metadata.deletion_timestamp is not None


def oldest_first(pods: Iterable[Pod]) -> Sequence[Pod]:
    """Those with a node before those without."""
    def age(pod: Pod) -> tuple[bool, float, str]:
        created = pod.metadata.creation_timestamp
        return (not pod.spec.node_name, created.timestamp() if created is not None else 0.0, pod.metadata.name)

    return sorted(pods, key=age)


def is_updated(pod: Pod, hashed: str) -> bool:
    return pod.metadata.labels.get(REVISION_LABEL) == hashed
