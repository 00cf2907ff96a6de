"""SchedulingGates: a pod with gates does not enter the queue; the update that takes its last one away lets it in."""
from __future__ import annotations

from typing import ClassVar

from scheduler.podinfo import PodInfo


class SchedulingGates:
    name: ClassVar[str] = "SchedulingGates"

    def admits(self, pod: PodInfo) -> bool:
        return not pod.gates
