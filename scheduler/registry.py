"""Every plugin there is by its name, at which extension points it works, and what of that a profile takes.

The points are upstream's. A plugin's preparations (preFilter, preScore) go with its filter and its score here: naming it there alone
changes nothing.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduler.plugins.balanced_allocation import BalancedAllocation
from scheduler.plugins.default_preemption import DefaultPreemption
from scheduler.plugins.image_locality import ImageLocality
from scheduler.plugins.inter_pod_affinity import InterPodAffinity
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.node_name import NodeName
from scheduler.plugins.node_ports import NodePorts
from scheduler.plugins.node_resources_fit import NodeResourcesFit
from scheduler.plugins.node_unschedulable import NodeUnschedulable
from scheduler.plugins.pod_topology_spread import PodTopologySpread
from scheduler.plugins.scheduling_gates import SchedulingGates
from scheduler.plugins.taint_toleration import TaintToleration
from scheduler.profile import DEFAULT_SCHEDULER, Profile, Weighted

GATE, FILTER, POST_FILTER, SCORE = "preEnqueue", "filter", "postFilter", "score"
POINTS = (GATE, "queueSort", "preFilter", FILTER, POST_FILTER, "preScore", SCORE, "reserve", "permit", "preBind", "bind", "postBind")
ALL = "*"


@dataclass(frozen=True, slots=True)
class InTree:
    make: Callable[[], Any]
    points: frozenset[str]
    weight: int = 0


def _in_tree(make: Callable[[], Any], *points: str, weight: int = 0) -> InTree:
    return InTree(make, frozenset(points), weight)


IN_TREE: Mapping[str, InTree] = {
    "SchedulingGates": _in_tree(SchedulingGates, GATE),
    "NodeUnschedulable": _in_tree(NodeUnschedulable, FILTER),
    "NodeName": _in_tree(NodeName, FILTER),
    "TaintToleration": _in_tree(TaintToleration, FILTER, "preScore", SCORE, weight=3),
    "NodeAffinity": _in_tree(NodeAffinity, "preFilter", FILTER, "preScore", SCORE, weight=2),
    "NodePorts": _in_tree(NodePorts, "preFilter", FILTER),
    "NodeResourcesFit": _in_tree(NodeResourcesFit, "preFilter", FILTER, "preScore", SCORE, weight=1),
    "PodTopologySpread": _in_tree(PodTopologySpread, "preFilter", FILTER, "preScore", SCORE, weight=2),
    "InterPodAffinity": _in_tree(InterPodAffinity, "preFilter", FILTER, "preScore", SCORE, weight=2),
    "DefaultPreemption": _in_tree(DefaultPreemption, POST_FILTER),
    "NodeResourcesBalancedAllocation": _in_tree(BalancedAllocation, "preScore", SCORE, weight=1),
    "ImageLocality": _in_tree(ImageLocality, SCORE, weight=1),
}


@dataclass(frozen=True, slots=True)
class PluginSet:
    """What a profile changes at one point: *enabled* with their weights (0: not told), *disabled* by name or all by `*`."""

    enabled: Mapping[str, int] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()

    def disables(self, name: str) -> bool:
        return ALL in self.disabled or name in self.disabled


NO_CHANGE = PluginSet()


def chosen(point: str, everywhere: PluginSet, here: PluginSet) -> Mapping[str, int]:
    """The plugins of a point with their weights, in order: those of the default set that are named here, the rest of that set, others.

    *everywhere* (multiPoint) changes the default set, *here* the point; what is said of the point has precedence.
    """
    default = {name: everywhere.enabled.get(name, one.weight) for name, one in IN_TREE.items()
               if name in everywhere.enabled or not everywhere.disables(name)}
    first = {name: weight for name, weight in here.enabled.items() if name in default}
    kept = {name: weight for name, weight in default.items() if not here.disables(name) and name not in first}
    found = {**first, **kept, **here.enabled}
    return {name: weight or 1 for name, weight in found.items() if point in IN_TREE[name].points}


def assemble(scheduler_name: str = DEFAULT_SCHEDULER, sets: Mapping[str, PluginSet] | None = None, configured: Mapping[str, Any] | None = None,
             percentage_of_nodes: int = 0) -> Profile:
    """*configured*: plugins that were made with arguments, by name."""
    sets, made = sets or {}, dict(configured or {})

    def at(point: str) -> Mapping[str, int]:
        return chosen(point, sets.get("multiPoint", NO_CHANGE), sets.get(point, NO_CHANGE))

    def plugins(names: Iterable[str]) -> Sequence[Any]:
        return [made.setdefault(name, made.get(name) or IN_TREE[name].make()) for name in names]

    scores = at(SCORE)
    return Profile(
        scheduler_name, plugins(at(GATE)), plugins(at(FILTER)), plugins(at(POST_FILTER)),
        [Weighted(plugin, weight) for plugin, weight in zip(plugins(scores), scores.values(), strict=True)], percentage_of_nodes)


def default_profile() -> Profile:
    return assemble()
