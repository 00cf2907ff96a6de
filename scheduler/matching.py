"""Which pods a rule means: those of some namespaces that a selector selects; and how many of them each node holds.

A count is made once by looking at every pod and then kept as pods come and go: pods of one template ask for the same
counts thousands of times. Those that nobody has asked for lately are dropped.
"""
from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubeapi.generated.models.meta_v1 import LabelSelector
from kubeapi.labels import NOTHING, Requirement, Selector, from_label_selector
from scheduler.framework import NodeInfo, PodInfo

MOST_TALLIES = 64


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


def selector_of(selector: LabelSelector | None) -> Selector:
    return NOTHING if selector is None else from_label_selector(selector.to_wire())


def with_values(selector: Selector, labels: Mapping[str, str], keys: Iterable[str], operator: str = "in") -> Selector:
    """matchLabelKeys: the pod's own values of these labels, where it has them, are required (or, by `notin`, refused)."""
    own = tuple(Requirement(key, operator, frozenset((labels[key],))) for key in keys if key in labels)
    if selector.selects_nothing or not own:
        return selector
    return Selector((*selector.requirements, *own))


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
