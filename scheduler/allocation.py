"""How good it is, from 0 to 100, that a share of a node's resources would be in use: the scoring strategies of NodeResourcesFit."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from scheduler.framework import MAX_SCORE
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo

Score = Callable[[int, int], int]              # of what would be requested, and of the capacity, which is never 0
Strategy = Callable[[PodInfo, NodeInfo], int]
EVENLY: Mapping[str, int] = MappingProxyType({"cpu": 1, "memory": 1})
BASIC = ("cpu", "memory", "ephemeral-storage")


def shares(pod: PodInfo, node: NodeInfo, names: Mapping[str, int]) -> Sequence[tuple[str, int, int]]:
    """Name, request with the pod, capacity; what the node does not have, or of the rarer resources the pod does not ask for, is left out."""
    there, used, wanted = node.allocatable, node.scoring_requested, pod.scoring_requests
    return [(name, used.amount(name) + wanted.amount(name), capacity) for name in names
            if (capacity := there.amount(name)) and (name in BASIC or wanted.amount(name))]


def weighted(score: Score, weights: Mapping[str, int] = EVENLY) -> Strategy:
    """The mean over the resources."""
    def strategy(pod: PodInfo, node: NodeInfo) -> int:
        found = shares(pod, node, weights)
        total = sum(weights[name] for name, _, _ in found)
        return sum(score(requested, capacity) * weights[name] for name, requested, capacity in found) // total if total else 0
    return strategy


def least_allocated(requested: int, capacity: int) -> int:
    return 0 if requested > capacity else (capacity - requested) * MAX_SCORE // capacity


def most_allocated(requested: int, capacity: int) -> int:
    return min(requested, capacity) * MAX_SCORE // capacity


def requested_to_capacity_ratio(shape: Sequence[tuple[int, int]], weights: Mapping[str, int]) -> Strategy:
    """*shape*: scores from 0 to 100 at percentages of utilization, straight lines between; resources that score nothing do not count."""
    def strategy(pod: PodInfo, node: NodeInfo) -> int:
        scored = [(weights[name], on_line(shape, min(100, requested * 100 // capacity))) for name, requested, capacity in shares(pod, node, weights)]
        total = sum(weight for weight, score in scored if score > 0)
        return int(sum(weight * score for weight, score in scored if score > 0) / total + 0.5) if total else 0
    return strategy


def on_line(shape: Sequence[tuple[int, int]], at: int) -> int:
    """The height at *at* of the line through the points, which are in order."""
    for (left, low), (right, high) in zip(shape, shape[1:], strict=False):
        if left < at <= right:
            return low + int((high - low) * (at - left) / (right - left))
    return shape[0][1] if at <= shape[0][0] else shape[-1][1]
