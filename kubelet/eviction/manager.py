"""Looks every ten seconds whether the node, or a pod on it, is short of something. Then the node says so in its conditions, pods that
would make it worse are refused, unused images go, and if that does not help one pod after another has to.

    over its own limit      a pod that has written more than it may is evicted, however much the node has left
    below a threshold       hard: at once; soft: when it has lasted for its grace period
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from kubeapi.generated.models.core_v1 import Pod, Taint
from kubeapi.nodefit import tolerates
from kubelet.admission import Refusal
from kubelet.cri import CriError
from kubelet.eviction import ranking
from kubelet.eviction.observe import Observer
from kubelet.eviction.thresholds import (
    DISK_PRESSURE,
    MEMORY_PRESSURE,
    PROCESSES,
    EvictionConfig,
    Observations,
    Threshold,
    conditions,
    describe,
    met,
    most_urgent,
)
from kubelet.eviction.usage import PodUsage, excess, is_limited
from kubelet.podworkers import Next
from kubelet.resources import BEST_EFFORT, qos_class

log = logging.getLogger(__name__)

EVICTED = "Evicted"
GRACE_SECONDS, PATIENCE_SECONDS = 1.0, 30.0
MEMORY_TAINT = Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule")


class Evictable(Protocol):
    """The node's pods."""

    def active(self) -> list[Pod]: ...
    def end(self, uid: str, ended: Next) -> None: ...
    async def wait_ended(self, uid: str) -> None: ...


class EvictionManager:
    """`tell(pod or None for the node, reason, message)`: a warning; `changed`: the node's conditions have; `reclaim`: images that
    nobody uses are deleted."""

    def __init__(self, config: EvictionConfig, observer: Observer, pods: Callable[[], Evictable], tell: Callable[[Pod | None, str, str], None],
                 changed: Callable[[], None], reclaim: Callable[[], Awaitable[object]]) -> None:
        self._config, self._observer, self._pods = config, observer, pods
        self._tell, self._changed, self._reclaim = tell, changed, reclaim
        self._first_met: dict[Threshold, float] = {}
        self._met: list[Threshold] = []                # for as long as their grace periods
        self._last_seen: dict[str, float] = {}         # condition -> when it was last so
        self.conditions: frozenset[str] = frozenset()

    def refusal(self, pod: Pod) -> Refusal | None:
        """Why a new pod may not run here now. Who asked for memory may have it while there is little of it for all others."""
        if not self.conditions or ranking.is_critical(pod):
            return None
        if self.conditions == {MEMORY_PRESSURE} and (qos_class(pod) != BEST_EFFORT or tolerates(pod.spec.tolerations, MEMORY_TAINT)):
            return None
        return Refusal(EVICTED, f"The node had condition: {describe(self.conditions)}. ")

    async def run(self) -> None:
        try:
            while True:
                evicted: Sequence[Pod] = ()
                try:
                    evicted = await self.synchronize()
                except (CriError, OSError, ValueError) as error:
                    log.warning("eviction: %s", error)
                if not evicted:
                    await asyncio.sleep(self._config.monitoring_seconds)
                await self._wait_ended(evicted)
        finally:
            self._observer.stop()

    async def _wait_ended(self, pods: Sequence[Pod]) -> None:
        """Before another pod is blamed for what these still hold."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                for pod in pods:
                    await self._pods().wait_ended(pod.metadata.uid)
        except TimeoutError:
            log.warning("eviction: pods take long to end: %s", ", ".join(one.metadata.name for one in pods))

    async def synchronize(self) -> Sequence[Pod]:
        """The pods that were evicted."""
        seen = await self._observer.node()
        self._note(seen)
        pods = self._pods().active()
        self._observer.forget_others(pods)
        if evicted := await self._evict_over_limits(pods):
            return evicted
        if not self._met:
            return ()
        threshold = most_urgent(self._met)
        self._tell(None, "EvictionThresholdMet", f"Attempting to reclaim {threshold.resource}")
        if threshold.condition == DISK_PRESSURE and await self._reclaimed_enough():
            return ()
        return await self._evict_first(pods, threshold, seen)

    # --- the node

    def _note(self, seen: Observations) -> None:
        now = asyncio.get_running_loop().time()
        found = met(self._config.thresholds, seen)
        found += [one for one in met(self._met, seen, with_reclaim=True) if one not in found]
        self._first_met = {one: self._first_met.get(one, now) for one in found}
        self._met = [one for one, since in self._first_met.items() if now - since >= one.grace_seconds]
        self._last_seen |= dict.fromkeys(conditions(found), now)
        current = frozenset(name for name, at in self._last_seen.items() if at == now or now - at < self._config.transition_seconds)
        if current != self.conditions:
            log.warning("the node's conditions: %s", describe(current))
            self.conditions = current
            self._changed()

    async def _reclaimed_enough(self) -> bool:
        await self._reclaim()
        return not met(self._config.thresholds, await self._observer.node(), with_reclaim=True)

    # --- pods

    async def _evict_over_limits(self, pods: Sequence[Pod]) -> list[Pod]:
        limited = [one for one in pods if is_limited(one)]
        usage = await self._observer.disk(limited)
        return [pod for pod in limited if (text := excess(pod, usage[pod.metadata.uid])) and self._evict(pod, text)]

    async def _evict_first(self, pods: Sequence[Pod], threshold: Threshold, seen: Observations) -> Sequence[Pod]:
        usage = await self._usage(pods, threshold)
        for pod in ranking.ranked(pods, usage, threshold.resource):
            text = ranking.message(pod, usage.get(pod.metadata.uid), threshold.resource, self._met, seen)
            grace = GRACE_SECONDS if threshold.is_hard else float(self._config.most_grace_seconds)
            if self._evict(pod, text, grace, is_disruption=True):
                return (pod,)
        return ()

    async def _usage(self, pods: Sequence[Pod], threshold: Threshold) -> Mapping[str, PodUsage]:
        if threshold.condition == DISK_PRESSURE:
            return await self._observer.disk(pods)
        return await (self._observer.processes(pods) if threshold.resource == PROCESSES else self._observer.memory(pods))

    def _evict(self, pod: Pod, message: str, grace_seconds: float = GRACE_SECONDS, *, is_disruption: bool = False) -> bool:
        if ranking.is_critical(pod):
            log.warning("eviction: pod %s/%s is critical and stays", pod.metadata.namespace, pod.metadata.name)
            return False
        self._tell(pod, EVICTED, message)
        self._pods().end(pod.metadata.uid, Next(has_ended=True, reason=EVICTED, message=message, grace_seconds=grace_seconds,
                                                is_disruption=is_disruption))
        return True


