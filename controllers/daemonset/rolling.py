"""One step of a rolling update, pure: which old pods go now and which nodes get a second, new one.

maxUnavailable: an old pod is deleted, and its node gets the new one once it is gone; never more nodes without an available pod
than allowed. maxSurge: the new pod comes beside the old one, which goes when the new one is available.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controllers.daemonset.nodes import Fit, PodsByNode, is_going, is_updated
from controllers.pods import available_in
from kubeapi.generated.models.apps_v1 import DaemonSet
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.intorstring import scaled

Fits = Mapping[str, Fit]


@dataclass
class Step:
    create: list[str] = field(default_factory=list)         # nodes
    delete: list[Pod] = field(default_factory=list)


def is_available(daemon_set: DaemonSet, pod: Pod, now: datetime) -> bool:
    return available_in(pod, daemon_set.spec.min_ready_seconds, now) == 0


def max_surge(daemon_set: DaemonSet, desired: int) -> int:
    rolling = daemon_set.spec.update_strategy.rolling_update
    if daemon_set.spec.update_strategy.type != "RollingUpdate" or rolling is None or rolling.max_surge is None:
        return 0
    return scaled(rolling.max_surge, desired, round_up=True)


def allows_surge(daemon_set: DaemonSet) -> bool:
    return max_surge(daemon_set, 1) > 0


def max_unavailable(daemon_set: DaemonSet, desired: int) -> int:
    """At least one where nothing may surge: an update could not move."""
    rolling = daemon_set.spec.update_strategy.rolling_update
    limit = rolling.max_unavailable if rolling is not None else None
    allowed = scaled(limit, desired, round_up=True) if limit is not None else 0
    return allowed or int(max_surge(daemon_set, desired) == 0)


def step(daemon_set: DaemonSet, fits: Fits, pods: PodsByNode, hashed: str, now: datetime) -> Step:
    desired = sum(fit.should_run for fit in fits.values())
    nodes = [Here.of(name, fit, pods.get(name, ()), daemon_set, hashed, now) for name, fit in sorted(fits.items())]
    if surge := max_surge(daemon_set, desired):
        return _surging(nodes, surge, desired)
    return _replacing(nodes, max_unavailable(daemon_set, desired))


@dataclass(frozen=True)
class Here:
    """A node as an update sees it: at most one old and one new pod, unless it is crowded."""

    name: str
    should_run: bool
    old: Pod | None
    new: Pod | None
    is_crowded: bool
    old_available: bool
    new_available: bool

    @classmethod
    def of(cls, name: str, fit: Fit, pods: Sequence[Pod], daemon_set: DaemonSet, hashed: str, now: datetime) -> Here:
        staying = [pod for pod in pods if not is_going(pod)]
        new = [pod for pod in staying if is_updated(pod, hashed)]
        old = [pod for pod in staying if not is_updated(pod, hashed)]
        return cls(name, fit.should_run, old[0] if old else None, new[0] if new else None, len(old) > 1 or len(new) > 1,
                   any(is_available(daemon_set, pod, now) for pod in old), any(is_available(daemon_set, pod, now) for pod in new))


def _replacing(nodes: Sequence[Here], allowed: int) -> Step:
    """An old pod that is not available may go at any time: nobody misses it."""
    step, candidates, unavailable = Step(), list[Pod](), 0
    for here in nodes:
        is_replaceable = here.old is not None and here.new is None and not here.is_crowded
        if is_replaceable and here.old is not None:
            (candidates if here.old_available else step.delete).append(here.old)
        has_one = here.old_available if is_replaceable else here.new_available and here.old is None and not here.is_crowded
        unavailable += here.should_run and not has_one
    step.delete += candidates[:max(0, allowed - unavailable)]
    return step


def _surging(nodes: Sequence[Here], allowed: int, desired: int) -> Step:
    """A node that suits no more keeps its old pod until enough others are available."""
    step, candidates, sunset = Step(), list[str](), list[Pod]()
    surging = available = 0
    for here in nodes:
        if here.is_crowded:
            surging += 1                        # until placement has cleared it up
            continue
        available += here.old_available if here.old is not None else here.new_available
        if here.old is None:
            continue
        if here.new is not None:
            if here.new_available:
                step.delete.append(here.old)
            else:
                surging += 1
        elif not here.should_run:
            (sunset if here.old_available else step.delete).append(here.old)
        else:
            (candidates if here.old_available else step.create).append(here.name)
    step.delete += sunset[:max(0, available - desired)]
    step.create += candidates[:max(0, allowed - surging)]
    return step
