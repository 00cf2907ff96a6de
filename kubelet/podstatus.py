"""A pod's status from what is observed: phase and conditions, in upstream's words. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from kubeapi.generated.models.core_v1 import ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus
from kubelet.containerstatus import Observed, ephemeral_statuses, init_statuses, main_statuses
from kubelet.podworkers import TERMINAL_PHASES
from kubelet.restarts import is_sidecar, restarts_after, restarts_init

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
                  "PodResizePending", "PodResizeInProgress")


def pod_status(pod: Pod, seen: Observed, now: datetime, *, reason: str = "", message: str = "",
               is_disruption: bool = False) -> PodStatus:
    """`reason`: why the kubelet ended the pod itself (DeadlineExceeded, Evicted); such a pod has failed. `is_disruption`: others needed
    what it had."""
    init, main = init_statuses(pod, seen), main_statuses(pod, seen)
    phase = pod_phase(pod, init, main, is_terminal=seen.is_terminal)
    if pod.status.phase in TERMINAL_PHASES:
        phase = pod.status.phase                  # what has ended never lives again
    elif reason:
        phase = "Failed"
    ips = (seen.host_ips if pod.spec.host_network else seen.runtime.ips) or tuple(one.ip for one in pod.status.pod_ips)
    return pod.status.evolve(
        phase=phase, reason=reason or pod.status.reason, message=message or pod.status.message,
        conditions=_conditions(pod, seen, phase, init, main, now, _disrupted(message) if is_disruption else ()),
        init_container_statuses=init, container_statuses=main,
        ephemeral_container_statuses=ephemeral_statuses(pod, seen),
        host_ip=seen.host_ips[0] if seen.host_ips else "", host_ips=tuple(HostIP(ip=one) for one in seen.host_ips),
        pod_ip=ips[0] if ips else "", pod_ips=tuple(PodIP(ip=one) for one in ips),
        start_time=pod.status.start_time or now.replace(microsecond=0), observed_generation=pod.metadata.generation)


def held_back(before: PodStatus, now: PodStatus) -> PodStatus:
    """A pod that still runs something (sidecars, mostly) has not ended: what it holds is not free for others yet."""
    if now.phase not in TERMINAL_PHASES or before.phase in TERMINAL_PHASES:
        return now
    return now.evolve(phase=before.phase or "Pending", reason=before.reason, message=before.message)


def pod_phase(pod: Pod, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus], *, is_terminal: bool = False) -> str:
    pending, failed = _initialization(pod, init)
    has_initialized = any(one.container_id for one in main)
    if failed:
        return "Failed"
    ended = [code for code in map(_exit_code, main) if code is not None]
    running = sum(one.state.running is not None for one in main)
    if pending and not has_initialized and not is_terminal:
        return "Pending"
    if len(ended) + running < len(main):
        return "Failed" if is_terminal else "Pending"
    if running:
        return "Running"
    succeeded = all(code == 0 for code in ended)
    if is_terminal:
        return "Succeeded" if succeeded else "Failed"
    if pod.spec.restart_policy == "Always":
        return "Running"
    if succeeded:
        return "Succeeded"
    return "Failed" if pod.spec.restart_policy == "Never" and not _restarts_by_rule(pod, main) else "Running"


def _exit_code(status: ContainerStatus) -> int | None:
    """Of a container that has ended, be it that it waits for its next attempt."""
    if status.state.running is not None:
        return None
    terminated = status.state.terminated or status.last_state.terminated
    return None if terminated is None else terminated.exit_code


def _restarts_by_rule(pod: Pod, main: Sequence[ContainerStatus]) -> bool:
    codes = {one.name: _exit_code(one) for one in main}
    return any(restarts_after(pod, one, code) for one in pod.spec.containers if (code := codes.get(one.name)) is not None)


def _initialization(pod: Pod, statuses: Sequence[ContainerStatus]) -> tuple[int, int]:
    """How many init containers are still to do, and how many have failed for good."""
    pending = failed = 0
    for container, status in zip(pod.spec.init_containers, statuses, strict=True):
        if is_sidecar(container):
            pending += not status.started
            continue
        code = _exit_code(status)
        failed += code not in (None, 0) and not restarts_init(pod, container, code or 0)
        pending += status.state.terminated is None
    return pending, failed


def _conditions(pod: Pod, seen: Observed, phase: str, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus],
                now: datetime, besides: tuple[PodCondition, ...]) -> tuple[PodCondition, ...]:
    containers_ready = _containers_ready(pod, phase, init, main)
    wanted = [
        _condition("PodReadyToStartContainers", seen.runtime.ready_sandbox is not None and not seen.is_terminal),
        _initialized(pod, phase, init, main),
        _ready(pod, containers_ready),
        containers_ready,
        next((one for one in pod.status.conditions if one.type == "PodScheduled"), _condition("PodScheduled", True)),
        *(_condition(one.type, True, one.reason, one.message) for one in seen.resize),
        *besides,
    ]
    before = {one.type: one for one in pod.status.conditions}
    own = [_since(one, before.get(one.type), pod.metadata.generation, now) for one in wanted]
    mine = {*OWN_CONDITIONS, *(one.type for one in besides)}
    return (*own, *(one for one in pod.status.conditions if one.type not in mine))


def _disrupted(message: str) -> tuple[PodCondition, ...]:
    return (_condition("DisruptionTarget", True, "TerminationByKubelet", message),)


@lru_cache(1024)
def _condition(type: str, is_true: bool, reason: str = "", message: str = "") -> PodCondition:
    return PodCondition(type=type, status="True" if is_true else "False", reason=reason, message=message)


def _since(new: PodCondition, old: PodCondition | None, generation: int, now: datetime) -> PodCondition:
    """A condition's time is that of its last change of status."""
    if old is not None and old.status == new.status and old.last_transition_time is not None:
        if (old.reason, old.message, old.observed_generation) == (new.reason, new.message, generation):
            return old
        return new.evolve(observed_generation=generation, last_transition_time=old.last_transition_time, last_probe_time=old.last_probe_time)
    return new.evolve(observed_generation=generation, last_transition_time=now.replace(microsecond=0))


def _initialized(pod: Pod, phase: str, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus]) -> PodCondition:
    if phase == "Succeeded":
        return _condition("Initialized", True, "PodCompleted")
    undone = [status.name for container, status in zip(pod.spec.init_containers, init, strict=True)
              if not (status.started if is_sidecar(container) else status.ready)]
    if not undone or any(one.state.running is not None for one in main):
        return _condition("Initialized", True)
    return _condition("Initialized", False, "ContainersNotInitialized", f"containers with incomplete status: {_go(undone)}")


def _containers_ready(pod: Pod, phase: str, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus]) -> PodCondition:
    if phase == "Succeeded":
        return _condition("ContainersReady", False, "PodCompleted")
    if phase == "Failed":
        return _condition("ContainersReady", False, "PodFailed")
    sidecars = [status for container, status in zip(pod.spec.init_containers, init, strict=True) if is_sidecar(container)]
    unready = [one.name for one in (*sidecars, *main) if not one.ready]
    if not unready:
        return _condition("ContainersReady", True)
    return _condition("ContainersReady", False, "ContainersNotReady", f"containers with unready status: {_go(unready)}")


def _ready(pod: Pod, containers_ready: PodCondition) -> PodCondition:
    if containers_ready.status != "True":
        return containers_ready.evolve(type="Ready")
    gates = {one.type: one for one in pod.status.conditions}
    faults = []
    for gate in pod.spec.readiness_gates:
        found = gates.get(gate.condition_type)
        if found is None:
            faults.append(f'corresponding condition of pod readiness gate "{gate.condition_type}" does not exist.')
        elif found.status != "True":
            faults.append(f'the status of pod readiness gate "{gate.condition_type}" is not "True", but {found.status}')
    return _condition("Ready", False, "ReadinessGatesNotReady", ", ".join(faults)) if faults else _condition("Ready", True)


def _go(names: Iterable[str]) -> str:
    """A list as Go prints it."""
    return f"[{' '.join(names)}]"
