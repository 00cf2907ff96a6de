"""NodeResourcesBalancedAllocation: prefers nodes on which cpu and memory would be used to the same degree."""
from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import ClassVar

from scheduler.allocation import BASIC
from scheduler.framework import MAX_SCORE, NodeScore
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class BalancedAllocation(NodeScore):
    name: ClassVar[str] = "NodeResourcesBalancedAllocation"

    def __init__(self, resources: Sequence[str] = ("cpu", "memory")) -> None:
        self._resources = resources

    def score(self, prepared: None, pod: PodInfo, node: NodeInfo) -> int:
        there, used, wanted = node.allocatable, node.requested, pod.requests
        shares = [min(1.0, (used.amount(name) + wanted.amount(name)) / capacity) for name in self._resources
                  if (capacity := there.amount(name)) and (name in BASIC or wanted.amount(name))]
        return int((1 - _deviation(shares)) * MAX_SCORE)


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation; of two values it is half their distance."""
    if len(values) == 2:
        return abs(values[0] - values[1]) / 2
    mean = sum(values) / len(values) if values else 0.0
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values)) if values else 0.0
