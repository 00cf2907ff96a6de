"""Topology domains: nodes whose label has the same value are one. Numbers by domain, and verdicts that are the same all over it."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from scheduler.framework import Cluster, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class Domains:
    """A number that becomes 0 is gone."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}      # by key and value

    def __bool__(self) -> bool:
        return bool(self._numbers)

    @property
    def keys(self) -> Iterable[str]:
        return self._numbers.keys()

    def add(self, node: NodeInfo, key: str, number: int) -> None:
        """To the node's domain; a node without the label is in none."""
        if (value := node.labels.get(key)) is not None:
            self._add(key, {value: number})

    def add_counts(self, cluster: Cluster, key: str, counts: Mapping[str, int], each: int = 1) -> None:
        """*counts* by node; nodes that do not exist any more are in no domain."""
        numbers: dict[str, int] = {}
        for name, number in counts.items():
            node = cluster.node(name)
            if node is not None and node.exists and (value := node.labels.get(key)) is not None:
                numbers[value] = numbers.get(value, 0) + number * each
        self._add(key, numbers)

    def _add(self, key: str, more: Mapping[str, int]) -> None:
        numbers = self._numbers.pop(key, {})
        found = {**numbers, **{value: numbers.get(value, 0) + number for value, number in more.items()}}
        if left := {value: number for value, number in found.items() if number}:
            self._numbers[key] = left

    def at(self, node: NodeInfo, key: str) -> int:
        numbers, labels = self._numbers.get(key), node.labels
        return numbers.get(labels[key], 0) if numbers is not None and key in labels else 0

    def totals(self, nodes: Sequence[NodeInfo]) -> list[int]:
        """Over all keys."""
        totals = [0] * len(nodes)
        for key, numbers in self._numbers.items():
            totals = [total + numbers.get(node.labels.get(key, NOWHERE), 0) for total, node in zip(totals, nodes, strict=True)]
        return totals


NOWHERE = "*"                          # no label has such a value


class DomainCheck(ABC):
    """A check whose verdict depends on the domains that a node is in, and so is made once for each."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = tuple(dict.fromkeys(keys))
        self._verdicts: dict[tuple[str | None, ...], Status] = {}

    @abstractmethod
    def judge(self, pod: PodInfo, node: NodeInfo) -> Status: ...

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        labels = node.labels
        where = tuple([labels.get(key) for key in self._keys])
        status = self._verdicts.get(where)
        if status is None:
            status = self._verdicts[where] = self.judge(pod, node)
        return status

    def forget(self, more_keys: Iterable[str] = ()) -> None:
        """Something is different, perhaps in domains of other labels, too."""
        self._keys = tuple(dict.fromkeys((*self._keys, *more_keys)))
        self._verdicts.clear()
