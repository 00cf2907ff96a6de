"""Which plugins run, in which order: the cheap and decisive filters first."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.framework import FilterPlugin, ScorePlugin
from scheduler.plugins.balanced_allocation import BalancedAllocation
from scheduler.plugins.least_allocated import LeastAllocated
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.node_name import NodeName
from scheduler.plugins.node_resources_fit import NodeResourcesFit
from scheduler.plugins.node_unschedulable import NodeUnschedulable
from scheduler.plugins.taint_toleration import TaintToleration


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of plugins; pods choose one by spec.schedulerName."""

    scheduler_name: str
    filters: Sequence[FilterPlugin]
    scores: Sequence[ScorePlugin]


def default_profile() -> Profile:
    taints, affinity = TaintToleration(), NodeAffinity()
    return Profile("default-scheduler", (NodeUnschedulable(), NodeName(), taints, affinity, NodeResourcesFit()),
                   (taints, affinity, LeastAllocated(), BalancedAllocation()))
