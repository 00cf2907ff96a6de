"""The ContainerStatus entries of a pod's status, made of what the runtime knows and why something waits."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubeapi.generated.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
)
from kubelet import cri
from kubelet.allocation import granted_in
from kubelet.podruntime import PodRuntime
from kubelet.probes.results import ProbeResults
from kubelet.restarts import ephemeral_containers, is_sidecar, runs_again, statuses_of

UNKNOWN_EXIT_CODE = 137
NOWHERE = "The container could not be located when the pod was terminated"


@dataclass(frozen=True, slots=True)
class Doing:
    """A condition that is there only as long as it is true."""

    type: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a status is made of besides the pod."""

    runtime: PodRuntime
    probes: ProbeResults = ProbeResults()
    waiting: Mapping[str, ContainerStateWaiting] = field(default_factory=dict)   # why a container does not run (again)
    messages: Mapping[str, str] = field(default_factory=dict)                    # termination messages by container id
    runtime_name: str = "runc"
    host_ips: tuple[str, ...] = ()
    resize: tuple[Doing, ...] = ()
    is_terminal: bool = False                     # every container has ended and none will start again


EPOCH = datetime.fromtimestamp(0, UTC)             # when upstream says that a container started which did not


def moment(nanoseconds: int) -> datetime | None:
    return datetime.fromtimestamp(nanoseconds // 10 ** 9, UTC) if nanoseconds else None


def init_statuses(pod: Pod, seen: Observed) -> tuple[ContainerStatus, ...]:
    return tuple(_status(pod, one, seen, "PodInitializing") for one in pod.spec.init_containers)


def main_statuses(pod: Pod, seen: Observed) -> tuple[ContainerStatus, ...]:
    default = "PodInitializing" if pod.spec.init_containers else "ContainerCreating"
    return tuple(_status(pod, one, seen, default) for one in pod.spec.containers)


def ephemeral_statuses(pod: Pod, seen: Observed) -> tuple[ContainerStatus, ...]:
    """They are neither started nor ready: nobody waits for them."""
    default = "PodInitializing" if pod.spec.init_containers else "ContainerCreating"
    return tuple(_status(pod, one, seen, default).evolve(ready=False, started=None) for one in ephemeral_containers(pod))


def _status(pod: Pod, container: Container, seen: Observed, default_reason: str) -> ContainerStatus:
    current, earlier = seen.runtime.newest(container.name), seen.runtime.previous(container.name)
    known = _known(pod, container.name)
    if current is not None and current.state is cri.ContainerState.CREATED and container.name not in seen.waiting:
        current, earlier = earlier, None
    if current is None:
        return _without_container(container, known, seen, default_reason)
    state, last = _state(current, seen), _last_state(earlier, seen, known)
    waiting = seen.waiting.get(container.name)
    if waiting is not None and state.running is None and not seen.is_terminal and runs_again(pod, container, current):
        state, last = ContainerState(waiting=waiting), state if state.terminated else last
    running = state.running is not None
    is_init = container in pod.spec.init_containers and not is_sidecar(container)
    resources = (granted_in(current.annotations) if running else None) or container.resources
    started = running and seen.probes.is_started(container, current.id)
    return ContainerStatus(
        name=container.name, image=current.image or container.image, image_id=current.image_ref,
        container_id=_id(current, seen), restart_count=current.attempt, state=state, last_state=last,
        stop_signal=current.stop_signal or None, allocated_resources=container.resources.requests, resources=resources,
        started=started, ready=_done(state) if is_init else running and seen.probes.is_ready(container, current.id))


def _known(pod: Pod, name: str) -> ContainerStatus | None:
    return next((one for one in statuses_of(pod) if one.name == name), None)


def _without_container(container: Container, known: ContainerStatus | None, seen: Observed, reason: str) -> ContainerStatus:
    """The runtime has none: not made yet, or lost with what the node knew (then the last status still tells of it)."""
    state, last = ContainerState(waiting=seen.waiting.get(container.name, ContainerStateWaiting(reason=reason))), ContainerState()
    if known is not None and known.state.terminated is not None:
        if seen.is_terminal or known.state.terminated.exit_code == 0:
            return known
        last = known.state
    elif known is not None and known.state.running is not None:
        last = ContainerState(terminated=_nowhere(known.container_id))
    elif known is not None:
        last = known.last_state
    if seen.is_terminal:
        state = ContainerState(terminated=_nowhere(known.container_id if known else ""))
    return ContainerStatus(
        name=container.name, image=container.image, image_id=known.image_id if known else "", ready=False, started=False,
        container_id=known.container_id if known else "", restart_count=known.restart_count if known else 0, state=state, last_state=last)


def _nowhere(container_id: str) -> ContainerStateTerminated:
    return ContainerStateTerminated(exit_code=UNKNOWN_EXIT_CODE, reason="ContainerStatusUnknown", message=NOWHERE,
                                    container_id=container_id)


def _state(container: cri.ContainerStatus, seen: Observed) -> ContainerState:
    match container.state:
        case cri.ContainerState.RUNNING:
            return ContainerState(running=ContainerStateRunning(started_at=moment(container.started_at)))
        case cri.ContainerState.CREATED:
            return ContainerState(waiting=ContainerStateWaiting(reason="ContainerCreating"))
        case cri.ContainerState.UNKNOWN:
            return ContainerState(terminated=_nowhere(_id(container, seen)).evolve(
                started_at=moment(container.started_at), finished_at=moment(container.finished_at)))
        case _:
            return ContainerState(terminated=ContainerStateTerminated(
                exit_code=container.exit_code, signal=container.signal, reason=container.reason or _reason(container),
                message=seen.messages.get(container.id, "") or container.message,
                container_id=_id(container, seen),
                started_at=moment(container.started_at) or EPOCH, finished_at=moment(container.finished_at)))


def _id(container: cri.ContainerStatus, seen: Observed) -> str:
    return f"{container.runtime or seen.runtime_name}://{container.id}"


def _reason(container: cri.ContainerStatus) -> str:
    return "Completed" if container.exit_code == 0 else "Error"


def _last_state(earlier: cri.ContainerStatus | None, seen: Observed, known: ContainerStatus | None) -> ContainerState:
    if earlier is None:
        return known.last_state if known is not None and known.restart_count else ContainerState()
    state = _state(earlier, seen)
    return state if state.terminated is not None else ContainerState()


def _done(state: ContainerState) -> bool:
    return state.terminated is not None and state.terminated.exit_code == 0


def names(statuses: Sequence[ContainerStatus]) -> list[str]:
    return [one.name for one in statuses]
