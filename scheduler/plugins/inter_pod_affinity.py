"""InterPodAffinity: pods that must, or would rather, be near certain pods or away from them.

It holds in both directions: a pod that is there already keeps away those that its own anti-affinity names, and its wishes weigh
for those that come. Nearness is a node label's: nodes with the same value are one domain.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from scheduler.domains import DomainCheck, Domains
from scheduler.events import Event, Happening
from scheduler.framework import MAX_SCORE, SUCCESS, Cluster, Code, Status
from scheduler.matching import PodMatcher
from scheduler.nodeinfo import NodeInfo
from scheduler.podaffinity import AffinityTerm, Namespaces
from scheduler.podinfo import PodInfo


class InterPodAffinity:
    name: ClassVar[str] = "InterPodAffinity"
    helped_by: ClassVar[Happening] = (
        Happening.NODE_ADDED | Happening.NODE_LABELS | Happening.NAMESPACE_LABELS
        | Happening.ASSIGNED_POD_ADDED | Happening.ASSIGNED_POD_DELETED | Happening.ASSIGNED_POD_LABELS)

    def __init__(self, hard_weight: int = 1, *, ignore_preferred_of_others: bool = False) -> None:
        """*hard_weight*: what a pod that must be with the coming one counts."""
        self._hard_weight, self._ignores_others = hard_weight, ignore_preferred_of_others

    def look(self, pod: PodInfo, cluster: Cluster) -> AffinityCheck | None:
        repelling = [term for term in cluster.held.apart if term.means(pod, cluster.namespaces)]
        if not (pod.terms.together or pod.terms.apart or repelling or cluster.nominated.have_terms()):
            return None
        return AffinityCheck(pod, cluster, repelling)

    def helps(self, pod: PodInfo, event: Event) -> bool:
        other, terms = event.pod, pod.terms
        if other is None or Happening.ASSIGNED_POD_LABELS in event.happening:
            return True
        together = bool(terms.together) and all(term.may_mean(other) for term in terms.together)
        if Happening.ASSIGNED_POD_ADDED in event.happening and together:
            return True
        return Happening.ASSIGNED_POD_DELETED in event.happening and (
            together                            # perhaps the last of them: then the pod may be the first of its group
            or any(term.may_mean(other) for term in terms.apart) or any(term.may_mean(pod) for term in other.terms.apart))

    def raw(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> list[int] | None:
        wishes = self._wishes(pod, cluster)
        return wishes.totals(nodes) if wishes else None

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        most, least = max(raw), min(raw)
        if most == least:
            return [0] * len(raw)
        return [int(MAX_SCORE * ((one - least) / (most - least))) for one in raw]

    def _wishes(self, pod: PodInfo, cluster: Cluster) -> Domains:
        """What the pod wishes of those that are there, and they of it."""
        wishes, held = Domains(), cluster.held
        for term, weight in pod.terms.preferred:
            wishes.add_counts(cluster, term.topology_key, cluster.count((_matcher(term, cluster.namespaces),)), weight)
        if pod.terms.preferred or not self._ignores_others:
            for term, counts in held.together.items() if self._hard_weight else ():
                if term.means(pod, cluster.namespaces):
                    wishes.add_counts(cluster, term.topology_key, counts, self._hard_weight)
            for (term, weight), counts in held.preferred.items():
                if term.means(pod, cluster.namespaces):
                    wishes.add_counts(cluster, term.topology_key, counts, weight)
        return wishes


class AffinityCheck(DomainCheck):
    """Where the pods are that matter to this one, by domain."""

    def __init__(self, pod: PodInfo, cluster: Cluster, repelling: Sequence[AffinityTerm]) -> None:
        self._pod, self._namespaces = pod, cluster.namespaces
        self._together, self._apart, self._repelled = Domains(), Domains(), Domains()
        terms = pod.terms
        super().__init__(term.topology_key for term in (*terms.together, *terms.apart, *repelling))
        if terms.together:
            counts = cluster.count(tuple(_matcher(term, cluster.namespaces) for term in terms.together))
            for term in terms.together:
                self._together.add_counts(cluster, term.topology_key, counts)
        for term in terms.apart:
            self._apart.add_counts(cluster, term.topology_key, cluster.count((_matcher(term, cluster.namespaces),)))
        for term in repelling:
            self._repelled.add_counts(cluster, term.topology_key, cluster.held.apart[term])

    def judge(self, pod: PodInfo, node: NodeInfo) -> Status:
        if not self._has_company(pod, node):
            return NO_COMPANY
        if any(self._apart.at(node, term.topology_key) > 0 for term in pod.terms.apart):
            return BAD_COMPANY
        if any(self._repelled.at(node, key) > 0 for key in self._repelled.keys):
            return UNWELCOME
        return SUCCESS

    def _has_company(self, pod: PodInfo, node: NodeInfo) -> bool:
        terms = pod.terms.together
        if any(term.topology_key not in node.labels for term in terms):
            return False
        if all(self._together.at(node, term.topology_key) > 0 for term in terms):
            return True
        # The first of a group that wishes to be together among themselves: somebody must begin.
        return not self._together and pod.terms.hold_together(pod, self._namespaces)

    def shift(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        terms = self._pod.terms
        self.forget(term.topology_key for term in other.terms.apart)
        if terms.hold_together(other, self._namespaces):
            for term in terms.together:
                self._together.add(node, term.topology_key, by)
        for term in terms.apart:
            if term.means(other, self._namespaces):
                self._apart.add(node, term.topology_key, by)
        for term in other.terms.apart:
            if term.means(self._pod, self._namespaces):
                self._repelled.add(node, term.topology_key, by)


NO_COMPANY = Status(Code.UNRESOLVABLE, ("node(s) didn't match pod affinity rules",), InterPodAffinity.name)
BAD_COMPANY = Status(Code.UNSCHEDULABLE, ("node(s) didn't match pod anti-affinity rules",), InterPodAffinity.name)
UNWELCOME = Status(Code.UNSCHEDULABLE, ("node(s) didn't satisfy existing pods anti-affinity rules",), InterPodAffinity.name)


def _matcher(term: AffinityTerm, namespaces: Namespaces) -> PodMatcher:
    return PodMatcher(term.all_namespaces(namespaces), term.selector)
