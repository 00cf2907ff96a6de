"""The tasks that probe: one per running container and kind of probe, begun and ended as containers come and go.

Readiness is false until a probe says otherwise; liveness and readiness wait until the startup probe has succeeded.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import Container, Pod, Probe
from kubelet.cri import ContainerStatus
from kubelet.podruntime import PodRuntime
from kubelet.probes.prober import Outcome, Prober
from kubelet.probes.results import ProbeResults
from kubelet.restarts import all_containers

log = logging.getLogger(__name__)

STARTUP, READINESS, LIVENESS = "startup", "readiness", "liveness"
Tell = Callable[[Pod, str, str, str, str], None]         # pod, type, reason, message, container


class Verdict:
    """Turns outcomes into a state: it changes after so many of a kind in a row."""

    def __init__(self, probe: Probe, success: bool | None) -> None:
        self.success = success
        self._needed = {True: probe.success_threshold or 1, False: probe.failure_threshold or 3}
        self._last: bool | None = None
        self._run = 0

    def add(self, success: bool) -> bool:
        """Whether the state has changed."""
        self._run = self._run + 1 if success is self._last else 1
        self._last = success
        if self._run < self._needed[success] or success is self.success:
            return False
        self.success = success
        return True


INITIALLY = {STARTUP: None, READINESS: False, LIVENESS: True}


@dataclass(slots=True)
class _PodProbes:
    tasks: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)     # (container id, kind)
    ready: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    has_started: dict[str, asyncio.Event] = field(default_factory=dict)      # container id -> its startup probe has succeeded
    failed: dict[str, str] = field(default_factory=dict)
    ips: tuple[str, ...] = ()


class ProbeManager:
    def __init__(self, group: asyncio.TaskGroup, prober: Prober, tell: Tell, wake: Callable[[str], None]) -> None:
        """`wake(pod uid)`: a result changed."""
        self._group, self._prober, self._tell, self._wake = group, prober, tell, wake
        self._pods: dict[str, _PodProbes] = {}

    def results(self, uid: str) -> ProbeResults:
        pod = self._pods.get(uid)
        return ProbeResults(frozenset(pod.ready), frozenset(pod.started), dict(pod.failed)) if pod else ProbeResults()

    def follow(self, pod: Pod, runtime: PodRuntime, host_ips: tuple[str, ...] = ()) -> None:
        """Probes what runs, and nothing else."""
        wanted = {}
        for container in all_containers(pod):
            if not _has_probe(container):
                continue
            for current in (one for one in runtime.running if one.name == container.name):
                for kind, probe in _probes(container):
                    wanted[current.id, kind] = (container, current, probe)
        uid = pod.metadata.uid
        if not wanted and uid not in self._pods:
            return
        known = self._pods.setdefault(uid, _PodProbes())
        known.ips = host_ips if pod.spec.host_network else runtime.ips
        for key in known.tasks.keys() - wanted.keys():
            known.tasks.pop(key).cancel()
        for key in wanted.keys() - known.tasks.keys():
            container, current, probe = wanted[key]
            work = self._run(pod, known, container, current, key[1], probe)
            known.tasks[key] = self._group.create_task(work, name=f"probe-{key[1]}-{container.name}")

    def stop(self, uid: str) -> None:
        """The pod is ending: its containers count as not ready from now on."""
        if known := self._pods.pop(uid, None):
            for task in known.tasks.values():
                task.cancel()

    async def _run(self, pod: Pod, known: _PodProbes, container: Container, current: ContainerStatus, kind: str, probe: Probe) -> None:
        verdict = Verdict(probe, INITIALLY[kind])
        if kind != STARTUP and container.startup_probe is not None:
            await known.has_started.setdefault(current.id, asyncio.Event()).wait()
        if probe.initial_delay_seconds:
            await asyncio.sleep(probe.initial_delay_seconds)
        while True:
            outcome = await self._once(pod, known, container, current, kind, probe)
            if not outcome.is_error and verdict.add(outcome.success):
                self._note(known, current.id, kind, outcome.success)
                self._wake(pod.metadata.uid)
                if kind == STARTUP or (kind == LIVENESS and not outcome.success):
                    return
            await asyncio.sleep(probe.period_seconds or 10)

    async def _once(self, pod: Pod, known: _PodProbes, container: Container, current: ContainerStatus, kind: str, probe: Probe) -> Outcome:
        try:
            outcome = await self._prober.probe(probe, container, current.id, known.ips[0] if known.ips else "127.0.0.1")
        except Exception as error:
            log.exception("%s probe of %s/%s %s", kind, pod.metadata.namespace, pod.metadata.name, container.name)
            outcome = Outcome(False, str(error), is_error=True)
        if not outcome.success:
            what = "errored and resulted in unknown state" if outcome.is_error else "failed"
            self._tell(pod, "Warning", "Unhealthy", f"{kind.capitalize()} probe {what}: {outcome.message}", container.name)
        return outcome

    def _note(self, known: _PodProbes, id: str, kind: str, success: bool) -> None:
        if kind == READINESS:
            (known.ready.add if success else known.ready.discard)(id)
        elif not success:
            known.failed[id] = kind
        elif kind == STARTUP:
            known.started.add(id)
            known.has_started.setdefault(id, asyncio.Event()).set()


def _has_probe(container: Container) -> bool:
    return bool(container.startup_probe or container.readiness_probe or container.liveness_probe)


def _probes(container: Container) -> list[tuple[str, Probe]]:
    kinds = ((STARTUP, container.startup_probe), (READINESS, container.readiness_probe), (LIVENESS, container.liveness_probe))
    return [(kind, probe) for kind, probe in kinds if probe is not None]
