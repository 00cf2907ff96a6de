"""Which pods a rule means: those of some namespaces that a selector selects; and how many of them each node holds.

A count is made once by looking at every pod and then kept as pods come and go: pods of one template ask for the same
counts thousands of times. Those that nobody has asked for lately are dropped.
"""
from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from kubeapi.labels import Selector
from scheduler.nodeinfo import NodeInfo
from scheduler.podaffinity import NO_TERMS, AffinityTerm
from scheduler.podinfo import PodInfo

MOST_TALLIES = 64
K = TypeVar("K")
Held = dict[K, Counter[str]]       # by node


@dataclass(frozen=True, slots=True)
class PodMatcher:
    namespaces: frozenset[str]
    selector: Selector
    only_staying: bool = False         # pods that are being deleted do not count

    def matches(self, pod: PodInfo) -> bool:
        return (pod.key.namespace in self.namespaces and not (self.only_staying and pod.is_terminating)
                and self.selector.matches(pod.labels))


Matchers = tuple[PodMatcher, ...]      # a pod must match all


def all_match(matchers: Matchers, pod: PodInfo) -> bool:
    return all(matcher.matches(pod) for matcher in matchers)


def count_pods(matchers: Matchers, nodes: Iterable[NodeInfo]) -> Counter[str]:
    """By node."""
    found: Counter[str] = Counter()
    for node in nodes:
        if number := sum(all_match(matchers, pod) for pod in node.pods.values()):
            found[node.name] = number
    return found


class Tallies:
    def __init__(self) -> None:
        self._counts: OrderedDict[Matchers, Counter[str]] = OrderedDict()

    def count(self, matchers: Matchers, nodes: Iterable[NodeInfo]) -> Mapping[str, int]:
        if (found := self._counts.get(matchers)) is not None:
            self._counts.move_to_end(matchers)
            return found
        found = self._counts[matchers] = count_pods(matchers, nodes)
        if len(self._counts) > MOST_TALLIES:
            self._counts.popitem(last=False)
        return found

    def shift(self, pod: PodInfo, node: str, by: int) -> None:
        """A pod has come (1) or gone (-1)."""
        for matchers, counts in self._counts.items():
            if all_match(matchers, pod):
                counts[node] += by
                if not counts[node]:
                    del counts[node]


class HeldTerms:
    """The terms of the pods that have their place, and on which nodes how many pods have each: pods of one template share theirs."""

    def __init__(self) -> None:
        self.together: Held[AffinityTerm] = {}
        self.apart: Held[AffinityTerm] = {}
        self.preferred: Held[tuple[AffinityTerm, int]] = {}

    def shift(self, pod: PodInfo, node: str, by: int) -> None:
        """A pod has come (1) or gone (-1)."""
        terms = pod.terms
        if terms is NO_TERMS:
            return
        for term in terms.together:
            _shift(self.together, term, node, by)
        for term in terms.apart:
            _shift(self.apart, term, node, by)
        for weighted in terms.preferred:
            _shift(self.preferred, weighted, node, by)


def _shift(held: Held[K], what: K, node: str, by: int) -> None:
    counts = held.setdefault(what, Counter())
    counts[node] += by
    if not counts[node]:
        del counts[node]
        if not counts:
            del held[what]
