"""BalancedAllocation: prefers nodes on which cpu and memory would be used to the same degree."""
from __future__ import annotations

from typing import ClassVar

from scheduler.framework import MAX_SCORE, NodeScore
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class BalancedAllocation(NodeScore):
    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    weight: ClassVar[int] = 1

    def score(self, prepared: None, pod: PodInfo, node: NodeInfo) -> int:
        there, used, wanted = node.allocatable, node.requested, pod.requests
        if there.milli_cpu == 0 or there.memory == 0:
            return 0
        cpu = min(1.0, (used.milli_cpu + wanted.milli_cpu) / there.milli_cpu)
        memory = min(1.0, (used.memory + wanted.memory) / there.memory)
        return int((1 - abs(cpu - memory) / 2) * MAX_SCORE)      # half the distance is two values' standard deviation
