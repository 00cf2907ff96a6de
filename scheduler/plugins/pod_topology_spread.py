"""PodTopologySpread: pods that a selector means are spread evenly over the values of a node label (the domains).

DoNotSchedule refuses a node whose domain would then have more than maxSkew pods above the emptiest domain;
ScheduleAnyway, and the defaults for pods of a Service or controller, prefer domains with fewer.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import ClassVar

from scheduler.domains import DomainCheck
from scheduler.events import Event, Happening
from scheduler.framework import MAX_SCORE, SUCCESS, Cluster, Code, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo
from scheduler.spreading import (
    HOSTNAME,
    SYSTEM_DEFAULTS,
    Constraint,
    Defaults,
    default_constraints,
    has_all,
    keys_of,
    own_constraints,
)

NO_DOMAIN = 1 << 31        # the emptiest of no domains: nothing is skewed
NOT_SCORED = -1


class PodTopologySpread:
    name: ClassVar[str] = "PodTopologySpread"
    helped_by: ClassVar[Happening] = (
        Happening.NODE_ADDED | Happening.NODE_REMOVED | Happening.NODE_LABELS | Happening.NODE_TAINTS
        | Happening.ASSIGNED_POD_ADDED | Happening.ASSIGNED_POD_DELETED | Happening.ASSIGNED_POD_LABELS)

    def __init__(self, defaults: Defaults = SYSTEM_DEFAULTS) -> None:
        """*defaults*: the constraints of pods that have none of their own."""
        self._defaults = defaults

    def look(self, pod: PodInfo, cluster: Cluster) -> SpreadCheck | None:
        constraints = self._constraints(pod, cluster, "DoNotSchedule")
        return SpreadCheck(pod, constraints, cluster) if constraints else None

    def _constraints(self, pod: PodInfo, cluster: Cluster, when_unsatisfiable: str) -> Sequence[Constraint]:
        if pod.spread:
            return own_constraints(pod, when_unsatisfiable)
        return default_constraints(pod, cluster, self._defaults, when_unsatisfiable)

    def helps(self, pod: PodInfo, event: Event) -> bool:
        """A pod that came or went helps if a constraint counts it."""
        if event.pod is None or Happening.ASSIGNED_POD_LABELS in event.happening or not pod.spread:
            return True
        return any(constraint.counts_for(event.pod) for constraint in own_constraints(pod, "DoNotSchedule"))

    def raw(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> list[int] | None:
        constraints = self._constraints(pod, cluster, "ScheduleAnyway")
        if not constraints:
            return None
        if not pod.spread and self._defaults is SYSTEM_DEFAULTS:        # nodes without the labels are scored, too
            return _crowdedness(pod, constraints, cluster, nodes, by_default=True)
        keys = keys_of(constraints)
        crowds = iter(_crowdedness(pod, constraints, cluster, [node for node in nodes if has_all(node, keys)], by_default=False))
        return [next(crowds) if has_all(node, keys) else NOT_SCORED for node in nodes]

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        scored = [crowd for crowd in raw if crowd != NOT_SCORED]
        most, fewest = max(scored, default=0), min(scored, default=0)
        if most == 0:
            return [MAX_SCORE if crowd != NOT_SCORED else 0 for crowd in raw]
        return [MAX_SCORE * (most + fewest - crowd) // most if crowd != NOT_SCORED else 0 for crowd in raw]


class SpreadCheck(DomainCheck):
    """How many pods are in each domain, per constraint."""

    def __init__(self, pod: PodInfo, constraints: Sequence[Constraint], cluster: Cluster) -> None:
        super().__init__(constraint.topology_key for constraint in constraints)
        self._pod, self._constraints = pod, constraints
        keys = keys_of(constraints)
        eligible = [node for node in cluster.nodes if node.labels.keys() >= keys]
        self._domains = [_domains(pod, constraint, cluster, eligible) for constraint in constraints]
        self._itself = [int(constraint.selector.matches(pod.labels)) for constraint in constraints]
        self._fewest = [self._find_fewest(index) for index in range(len(constraints))]

    def judge(self, pod: PodInfo, node: NodeInfo) -> Status:
        for index, constraint in enumerate(self._constraints):
            domain = node.labels.get(constraint.topology_key)
            if domain is None:
                return LABEL_MISSING
            skew = self._domains[index].get(domain, 0) + self._itself[index] - self._fewest[index]
            if skew > constraint.max_skew:
                return TOO_SKEWED
        return SUCCESS

    def shift(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        """As if *other* had come to the node (1), or left it (-1)."""
        if not has_all(node, keys_of(self._constraints)):
            return
        self.forget()
        for index, constraint in enumerate(self._constraints):
            if constraint.counts_for(other) and constraint.includes(self._pod, node):
                self._domains[index][node.labels[constraint.topology_key]] += by
                self._fewest[index] = self._find_fewest(index)

    def _find_fewest(self, index: int) -> int:
        domains = self._domains[index]
        return 0 if len(domains) < self._constraints[index].min_domains else min(domains.values(), default=NO_DOMAIN)


LABEL_MISSING = Status(Code.UNRESOLVABLE, ("node(s) didn't match pod topology spread constraints (missing required label)",),
                       PodTopologySpread.name)
TOO_SKEWED = Status(Code.UNSCHEDULABLE, ("node(s) didn't match pod topology spread constraints",), PodTopologySpread.name)


def _counts(constraint: Constraint, cluster: Cluster) -> Mapping[str, int]:
    """By node; a selector that selects everything counts nothing, as upstream has it."""
    return {} if constraint.selector.selects_everything else cluster.count(constraint.counted)


def _domains(pod: PodInfo, constraint: Constraint, cluster: Cluster, nodes: Sequence[NodeInfo]) -> dict[str, int]:
    counts, key, domains = _counts(constraint, cluster), constraint.topology_key, dict[str, int]()
    all_belong = constraint.includes_all(pod)
    for node in nodes:
        if all_belong or constraint.includes(pod, node):
            domain = node.labels[key]
            domains[domain] = domains.get(domain, 0) + counts.get(node.name, 0)
    return domains


def _crowdedness(pod: PodInfo, constraints: Sequence[Constraint], cluster: Cluster, nodes: Sequence[NodeInfo],
                 *, by_default: bool) -> list[int]:
    """How many pods are where each node is. Domains of a key with many values count more: they hold fewer pods each."""
    totals = [0.0] * len(nodes)
    for constraint in constraints:
        key, skew = constraint.topology_key, constraint.max_skew - 1
        if key == HOSTNAME:
            counts, weight = _counts(constraint, cluster), log(len(nodes) + 2)
            crowds = [counts.get(node.name, 0) * weight + skew if key in node.labels else 0.0 for node in nodes]
        else:
            domains = _scored_domains(pod, constraint, constraints, cluster, nodes, by_default=by_default)
            weight = log(len(domains) + 2)
            crowds = [domains[node.labels[key]] * weight + skew if key in node.labels else 0.0 for node in nodes]
        totals = [total + crowd for total, crowd in zip(totals, crowds, strict=True)]
    return [int(total + 0.5) for total in totals]


def _scored_domains(pod: PodInfo, constraint: Constraint, constraints: Sequence[Constraint], cluster: Cluster,
                    nodes: Sequence[NodeInfo], *, by_default: bool) -> dict[str, int]:
    """The domains of the nodes that are scored; pods on the domains' other nodes count too. Without a label: a domain of its own."""
    key, keys, all_belong = constraint.topology_key, keys_of(constraints), constraint.includes_all(pod)
    domains = dict.fromkeys([node.labels.get(key, "") for node in nodes], 0)
    for name, number in _counts(constraint, cluster).items():
        node = cluster.node(name)
        if node is None or not node.exists or not (by_default or has_all(node, keys)):
            continue
        domain = node.labels.get(key, "")
        if domain in domains and (all_belong or constraint.includes(pod, node)):
            domains[domain] += number
    return domains

