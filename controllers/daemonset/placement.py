"""What is missing and what is too much, node by node; pure.

Without surge a node has one pod, and gets another only when the last is gone. With surge a new pod may stand beside an old
one that is ready, until it is available itself.
"""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controllers.daemonset.nodes import Fit, PodsByNode, is_going, is_updated, oldest_first
from controllers.daemonset.rolling import Fits, allows_surge, is_available
from controllers.pods import is_ready
from kubeapi.generated.models.apps_v1 import DaemonSet
from kubeapi.generated.models.core_v1 import Pod


@dataclass
class Plan:
    create: list[str] = field(default_factory=list)         # nodes
    delete: list[Pod] = field(default_factory=list)
    failed: dict[str, list[Pod]] = field(default_factory=dict)      # node -> pods that failed there; they are deleted too
    succeeded: dict[str, list[Pod]] = field(default_factory=dict)


def failing_nodes(fits: Fits, pods: PodsByNode) -> list[str]:
    return [name for name, here in pods.items() if name in fits and fits[name].may_stay and any(_has_failed(pod) for pod in here)]


def plan(daemon_set: DaemonSet, fits: Fits, pods: PodsByNode, waiting: Collection[str], hashed: str, now: datetime) -> Plan:
    """*waiting*: nodes whose failed pods stay for now."""
    found = Plan()
    for name, fit in fits.items():
        _on_node(found, daemon_set, name, fit, pods.get(name, ()), name in waiting, hashed, now)
    for name, here in pods.items():
        if name not in fits:                    # pods that a lost node had are the pod garbage collector's
            found.delete += [pod for pod in here if not pod.spec.node_name and not is_going(pod)]
    return found


def _on_node(found: Plan, daemon_set: DaemonSet, name: str, fit: Fit, pods: Sequence[Pod], is_waiting: bool, hashed: str,
             now: datetime) -> None:
    staying = [pod for pod in pods if not is_going(pod)]
    if not fit.may_stay:
        found.delete += staying
        return
    if not pods:
        if fit.should_run:
            found.create.append(name)
        return
    failed = [pod for pod in staying if _has_failed(pod)]
    succeeded = [pod for pod in staying if pod.status.phase == "Succeeded"]
    running = [pod for pod in staying if pod.status.phase not in ("Failed", "Succeeded")]
    if failed and not is_waiting:
        found.failed[name] = failed
    if succeeded:
        found.succeeded[name] = succeeded
    if not allows_surge(daemon_set):
        found.delete += oldest_first(running)[1:]
    elif running:
        found.delete += _superfluous(daemon_set, oldest_first(running), hashed, now)
    elif fit.should_run and not (failed and is_waiting):
        found.create.append(name)


def _superfluous(daemon_set: DaemonSet, running: Sequence[Pod], hashed: str, now: datetime) -> Sequence[Pod]:
    """All but the oldest new and the oldest old; the old one too, once it is of no use beside the new one."""
    if len(running) == 1:
        return ()
    new = next((pod for pod in running if is_updated(pod, hashed)), None)
    old = next((pod for pod in running if not is_updated(pod, hashed)), None)
    gone = [pod for pod in running if pod is not new and pod is not old]
    if new is not None and old is not None and (not is_ready(old) or is_available(daemon_set, new, now)):
        gone.append(old)
    return gone


def _has_failed(pod: Pod) -> bool:
    return pod.status.phase == "Failed" and not is_going(pod)
