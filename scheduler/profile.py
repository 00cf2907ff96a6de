"""Which plugins run, in which order: the cheap and decisive filters first."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.framework import FilterPlugin, GatePlugin, PostFilterPlugin, ScorePlugin
from scheduler.plugins.balanced_allocation import BalancedAllocation
from scheduler.plugins.default_preemption import DefaultPreemption
from scheduler.plugins.image_locality import ImageLocality
from scheduler.plugins.inter_pod_affinity import InterPodAffinity
from scheduler.plugins.least_allocated import LeastAllocated
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.node_name import NodeName
from scheduler.plugins.node_ports import NodePorts
from scheduler.plugins.node_resources_fit import NodeResourcesFit
from scheduler.plugins.node_unschedulable import NodeUnschedulable
from scheduler.plugins.pod_topology_spread import PodTopologySpread
from scheduler.plugins.scheduling_gates import SchedulingGates
from scheduler.plugins.taint_toleration import TaintToleration


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of plugins; pods choose one by spec.schedulerName."""

    scheduler_name: str
    gates: Sequence[GatePlugin]
    filters: Sequence[FilterPlugin]
    post_filters: Sequence[PostFilterPlugin]
    scores: Sequence[ScorePlugin]


def default_profile() -> Profile:
    taints, affinity, spread, pods = TaintToleration(), NodeAffinity(), PodTopologySpread(), InterPodAffinity()
    return Profile(
        "default-scheduler", (SchedulingGates(),),
        (NodeUnschedulable(), NodeName(), taints, affinity, NodePorts(), NodeResourcesFit(), spread, pods),
        (DefaultPreemption(),),
        (taints, affinity, LeastAllocated(), BalancedAllocation(), ImageLocality(), spread, pods))
