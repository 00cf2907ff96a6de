"""What has to be done to a pod's sandbox and containers to bring them one step nearer to the spec: a pure function.

Doing it and asking again converges: no action is left when the containers run, wait (for a back-off, an init container,
a probe) or have ended for good.
"""
from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import Container, Pod
from kubelet.allocation import differing, granted_in, needs_restart
from kubelet.cri import ContainerState, ContainerStatus
from kubelet.podruntime import PodRuntime
from kubelet.probes.results import ProbeResults
from kubelet.restarts import is_sidecar, restarts_init, should_restart

HASH_ANNOTATION = "io.kubernetes.container.hash"
NO_PROBES = ProbeResults()


@dataclass(frozen=True, slots=True)
class Kill:
    container: ContainerStatus
    message: str                                  # what the Killing event says
    grace_seconds: int | None = None              # None: the pod's


@dataclass(frozen=True, slots=True)
class Actions:
    create_sandbox: bool = False                  # everything that is left of an older one is stopped first
    start: tuple[str, ...] = ()                   # by name; those of one list may start in any order
    kill: tuple[Kill, ...] = ()
    resize: tuple[ContainerStatus, ...] = ()      # those that run on other amounts than they were granted
    backing_off: Mapping[str, float] = field(default_factory=dict)      # name -> seconds until it may start
    stop_everything: bool = False                 # nothing is left to run

    @property
    def is_nothing(self) -> bool:
        return not (self.create_sandbox or self.start or self.kill or self.resize)


Remaining = Callable[[ContainerStatus], float]


def compute_actions(pod: Pod, runtime: PodRuntime, probes: ProbeResults = NO_PROBES,
                    remaining: Remaining = lambda ended: 0.0) -> Actions:
    """`remaining` tells how long an ended container still has to wait for its next attempt."""
    if runtime.ready_sandbox is None:
        return _with_new_sandbox(pod, runtime)
    plan = _Plan(pod, runtime, probes, remaining)
    plan.start_ephemeral_containers()
    if not plan.initialize():
        return plan.actions()
    plan.run_main_containers()
    return plan.actions()


def _with_new_sandbox(pod: Pod, runtime: PodRuntime) -> Actions:
    if pod.spec.restart_policy == "Never" and runtime.containers:
        return Actions(stop_everything=True)
    if not any(should_restart(pod, one, _ended(runtime.newest(one.name))) for one in pod.spec.containers):
        return Actions(stop_everything=True)
    return Actions(create_sandbox=True)


def _ended(container: ContainerStatus | None) -> ContainerStatus | None:
    """A container whose sandbox is gone cannot be running, whatever was recorded last."""
    return None if container is not None and container.state is ContainerState.RUNNING else container


class _Plan:
    def __init__(self, pod: Pod, runtime: PodRuntime, probes: ProbeResults, remaining: Remaining) -> None:
        self._pod, self._runtime, self._probes, self._remaining = pod, runtime, probes, remaining
        self._start: list[str] = []
        self._kill: list[Kill] = []
        self._resize: list[ContainerStatus] = []
        self._backing_off: dict[str, float] = {}
        self._kept = 0
        self._has_ended = False

    def actions(self) -> Actions:
        if self._has_ended:
            return Actions(stop_everything=True)
        done = not (self._start or self._kill or self._backing_off or self._kept)
        return Actions(start=tuple(self._start), kill=tuple(self._kill), resize=tuple(self._resize), backing_off=self._backing_off, stop_everything=done)

    def start_ephemeral_containers(self) -> None:
        """At any time, and once: those that have ended are not started again."""
        for container in self._pod.spec.ephemeral_containers:
            current = self._runtime.newest(container.name)
            if current is None or current.state is ContainerState.CREATED:
                self._start.append(container.name)

    def initialize(self) -> bool:
        """Goes through the init containers in order; whether the main containers may run."""
        initialized = any(self._runtime.in_sandbox(one.name) for one in self._pod.spec.containers)
        for container in self._pod.spec.init_containers:
            if is_sidecar(container):
                may_go_on = self._tend_sidecar(container) or initialized
            else:
                may_go_on = initialized or self._init_is_done(container)
            if not may_go_on:
                return False
        return True

    def run_main_containers(self) -> None:
        """Where none of them is to run any more the pod has ended: sidecars are there for them and are not started again."""
        self._has_ended = True
        for container in self._pod.spec.containers:
            current = self._runtime.newest(container.name)
            if current is not None and current.state is ContainerState.RUNNING:
                self._tend(container, current)
                self._has_ended = False
            elif should_restart(self._pod, container, current):
                self._start_or_wait(container, current)
                self._has_ended = False

    def _init_is_done(self, container: Container) -> bool:
        current = self._runtime.in_sandbox(container.name)
        if current is None or current.state is ContainerState.CREATED:
            self._start_or_wait(container, current)
        elif current.state is ContainerState.RUNNING:
            self._kept += 1
        elif current.state is ContainerState.EXITED and current.exit_code == 0:
            return True
        elif restarts_init(self._pod, container, current.exit_code, is_known=current.state is ContainerState.EXITED):
            self._start_or_wait(container, current)
        else:
            self._has_ended = True
        return False

    def _tend_sidecar(self, container: Container) -> bool:
        """Whether it has started, so that what comes after it may."""
        current = self._runtime.in_sandbox(container.name)
        if current is None or current.state is not ContainerState.RUNNING:
            self._start_or_wait(container, current)
            return False
        self._tend(container, current)
        has_started = self._probes.is_started(container, current.id)
        self._kept += not has_started             # the rest of the pod is still to come
        return has_started

    def _tend(self, container: Container, current: ContainerStatus) -> None:
        """A running container is kept, or killed because its definition or a probe wants it."""
        kind = "Init container" if container in self._pod.spec.init_containers else "Container"
        wanted = current.annotations.get(HASH_ANNOTATION, "")
        if wanted and wanted != container_hash(container):
            self._kill.append(Kill(current, f"{kind} {container.name} definition changed, will be restarted"))
        elif failed := self._probes.failed.get(current.id):
            will = "will be restarted" if should_restart(self._pod, container, _killed(current)) else "will be killed"
            probe = container.startup_probe if failed == "startup" else container.liveness_probe
            grace = probe.termination_grace_period_seconds if probe else None
            self._kill.append(Kill(current, f"{kind} {container.name} failed {failed} probe, {will}", grace))
        elif (changed := is_resized(container, current)) and needs_restart(container, changed):
            self._kill.append(Kill(current, f"Container {container.name} resize requires restart"))
        else:
            self._kept += container in self._pod.spec.containers
            self._resize += [current] if changed else []

    def _start_or_wait(self, container: Container, last: ContainerStatus | None) -> None:
        seconds = self._remaining(last) if last is not None and last.state is not ContainerState.CREATED else 0.0
        if seconds > 0:
            self._backing_off[container.name] = seconds
        else:
            self._start.append(container.name)


def is_resized(container: Container, current: ContainerStatus) -> list[str]:
    """The resources of which it was granted another amount than it runs on."""
    actual = granted_in(current.annotations)
    return differing(actual, container.resources) if actual is not None else []


def _killed(container: ContainerStatus) -> ContainerStatus:
    return ContainerStatus(container.id, container.sandbox_id, container.name, container.attempt, ContainerState.EXITED,
                           container.created_at, exit_code=137)


def container_hash(container: Container) -> str:
    """Changes when what a running container is made of changes: its image, the one mutable field."""
    return f"{zlib.crc32(container.name.encode() + b' ' + container.image.encode()):x}"
