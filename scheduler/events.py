"""What happens in the cluster, as far as it may give a waiting pod its place."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto

from scheduler.podinfo import PodInfo


class Happening(Flag):
    """What may make an unschedulable pod schedulable."""

    NODE_ADDED = auto()
    NODE_REMOVED = auto()
    NODE_ALLOCATABLE = auto()
    NODE_LABELS = auto()
    NODE_TAINTS = auto()              # and spec.unschedulable
    ASSIGNED_POD_ADDED = auto()
    ASSIGNED_POD_LABELS = auto()
    ASSIGNED_POD_DELETED = auto()     # or ended, or shrunk
    NAMESPACE_LABELS = auto()         # or a new namespace
    NOTHING = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; `pod` is the assigned pod it happened to."""

    happening: Happening
    pod: PodInfo | None = None
