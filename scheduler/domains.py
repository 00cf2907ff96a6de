"""Numbers by topology domain: nodes whose label has the same value are one. A number that becomes 0 is gone."""
from __future__ import annotations

from collections.abc import Mapping

from scheduler.framework import Cluster
from scheduler.nodeinfo import NodeInfo


class Domains:
    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}      # by key and value

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def add(self, node: NodeInfo, key: str, number: int) -> None:
        """To the node's domain; a node without the label is in none."""
        value = node.labels.get(key)
        if value is None:
            return
        numbers = self._numbers.setdefault(key, {})
        numbers[value] = numbers.get(value, 0) + number
        if not numbers[value]:
            del numbers[value]
            if not numbers:
                del self._numbers[key]

    def add_counts(self, cluster: Cluster, key: str, counts: Mapping[str, int], each: int = 1) -> None:
        """*counts* by node; nodes that do not exist any more are in no domain."""
        for name, number in counts.items():
            node = cluster.node(name)
            if node is not None and node.exists:
                self.add(node, key, number * each)

    def at(self, node: NodeInfo, key: str) -> int:
        numbers, labels = self._numbers.get(key), node.labels
        return numbers.get(labels[key], 0) if numbers is not None and key in labels else 0

    def total(self, node: NodeInfo) -> int:
        """Over all keys."""
        labels = node.labels
        return sum(numbers.get(labels[key], 0) for key, numbers in self._numbers.items() if key in labels)
