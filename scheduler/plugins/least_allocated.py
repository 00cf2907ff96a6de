"""LeastAllocated: prefers the node with the largest share of cpu and memory left (upstream's NodeResourcesFit score)."""
from __future__ import annotations

from typing import ClassVar

from scheduler.framework import MAX_SCORE, NodeScore
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class LeastAllocated(NodeScore):
    name: ClassVar[str] = "NodeResourcesFit"
    weight: ClassVar[int] = 1

    def score(self, prepared: None, pod: PodInfo, node: NodeInfo) -> int:
        used, wanted, there = node.scoring_requested, pod.scoring_requests, node.allocatable
        cpu = _left(there.milli_cpu, used.milli_cpu + wanted.milli_cpu)
        memory = _left(there.memory, used.memory + wanted.memory)
        return (cpu + memory) // 2


def _left(capacity: int, requested: int) -> int:
    return 0 if capacity == 0 or requested > capacity else (capacity - requested) * MAX_SCORE // capacity
