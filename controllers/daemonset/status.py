"""A DaemonSet's status, counted in nodes; pure."""
from __future__ import annotations

from datetime import datetime

from controllers.daemonset.nodes import PodsByNode, is_updated, oldest_first
from controllers.daemonset.rolling import Fits, is_available
from controllers.pods import is_ready
from kubeapi.generated.models.apps_v1 import DaemonSet, DaemonSetStatus

NOTHING_YET = DaemonSetStatus(current_number_scheduled=0, desired_number_scheduled=0, number_misscheduled=0, number_ready=0)


def new_status(daemon_set: DaemonSet, fits: Fits, pods: PodsByNode, hashed: str, now: datetime, *, has_settled: bool) -> DaemonSetStatus:
    """A node's oldest pod speaks for it. While own writes are not seen yet the generation does not count as observed."""
    before = daemon_set.status or NOTHING_YET
    wanted = [name for name, fit in fits.items() if fit.should_run]
    speakers = [oldest_first(pods[name])[0] for name in wanted if name in pods]
    ready = [pod for pod in speakers if is_ready(pod)]
    available = sum(is_available(daemon_set, pod, now) for pod in ready)
    return before.evolve(
        desired_number_scheduled=len(wanted), current_number_scheduled=len(speakers),
        number_misscheduled=sum(name in pods for name, fit in fits.items() if not fit.should_run),
        number_ready=len(ready), number_available=available, number_unavailable=len(wanted) - available,
        updated_number_scheduled=sum(is_updated(pod, hashed) for pod in speakers),
        observed_generation=daemon_set.metadata.generation if has_settled else before.observed_generation)
