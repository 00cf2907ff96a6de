"""The loop: take the next pod, decide, assume, bind in the background; or say why no node fits.

Deciding is synchronous and one pod at a time; binding is a request and many run at once.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Node
from kubeapi.world import REAL_WORLD, World
from scheduler.algorithm import Diagnosis, choose
from scheduler.attempts import Attempts
from scheduler.cache import Cache
from scheduler.events import Event, Happening
from scheduler.framework import Rescue
from scheduler.judgements import Search
from scheduler.podinfo import PodInfo
from scheduler.profile import Profile
from scheduler.queue import QueuedPod, SchedulingQueue

logger = logging.getLogger(__name__)
BINDINGS_AT_ONCE = 64


class Api(Protocol):
    """What the scheduler writes; every call may raise ApiStatusError or ConnectionError."""

    async def bind(self, pod: PodInfo, node: str) -> None: ...
    async def report_unschedulable(self, pod: PodInfo, message: str, nominated: str) -> None: ...
    async def clear_nomination(self, pod: PodInfo) -> None: ...
    async def preempt(self, victim: PodInfo, preemptor: PodInfo) -> None: ...
    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None: ...


class Scheduler:
    """Fed by informers through the `*_pod` and `*_node` methods; `run` decides."""

    def __init__(self, profiles: Iterable[Profile], api: Api, world: World = REAL_WORLD, queue: SchedulingQueue | None = None,
                 attempts: Attempts | None = None) -> None:
        self._profiles = {profile.scheduler_name: profile for profile in profiles}
        self._api, self._world = api, world
        self._cache, self._queue, self._search = Cache(), queue or SchedulingQueue(), Search()
        self._attempts = attempts or Attempts(world)
        self._binding = asyncio.Semaphore(BINDINGS_AT_ONCE)

    # --- what the API shows

    def update_node(self, node: Node) -> None:
        self._queue.happened(Event(self._cache.update_node(node)))

    def remove_node(self, name: str) -> None:
        self._queue.happened(Event(self._cache.remove_node(name)))

    def update_pod(self, pod: PodInfo, before: PodInfo | None = None) -> None:
        self._note_nomination(pod, before)
        if pod.node_name:
            self._queue.remove(pod.uid)
            self._queue.happened(Event(self._cache.update_pod(pod), pod))
        elif self._is_mine(pod) and not self._cache.is_assumed(pod.uid):
            self._queue.add(pod)
        elif not self._cache.is_assumed(pod.uid):
            self._queue.remove(pod.uid)

    def _note_nomination(self, pod: PodInfo, before: PodInfo | None) -> None:
        """A view from before our own nomination does not undo it."""
        told_before = before.nominated_node if before is not None else ""
        if pod.node_name or pod.is_terminal or (told_before and not pod.nominated_node):
            self._void_nomination(pod)
        elif pod.nominated_node != told_before and not self._cache.is_assumed(pod.uid):
            self._cache.nominated.set(pod, pod.nominated_node)

    def _void_nomination(self, pod: PodInfo) -> None:
        """To those who kept away it is as if the pod had gone."""
        if self._cache.nominated.node_of(pod.uid) is not None:
            self._cache.nominated.remove(pod.uid)
            self._queue.happened(Event(Happening.ASSIGNED_POD_DELETED, pod))

    def remove_pod(self, pod: PodInfo) -> None:
        self._void_nomination(pod)
        self._queue.remove(pod.uid)
        self._queue.happened(Event(self._cache.remove_pod(pod.uid), pod))

    def update_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        self._queue.happened(Event(self._cache.update_namespace(name, labels)))

    def remove_namespace(self, name: str) -> None:
        self._cache.remove_namespace(name)

    @property
    def cache(self) -> Cache:
        """Takes what is told of workloads and budgets as it is: no pod waits for that."""
        return self._cache

    def _is_mine(self, pod: PodInfo) -> bool:
        profile = self._profiles.get(pod.scheduler_name)
        return (profile is not None and not pod.is_terminal and not pod.is_terminating
                and all(plugin.admits(pod) for plugin in profile.gates))

    def pending(self) -> Mapping[str, int]:
        return {"pending": len(self._queue), "nodes": len(self._cache.nodes)}

    # --- decisions

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                queued = await self._queue.pop()
                await self._binding.acquire()
                chosen = choose(self._profiles[queued.pod.scheduler_name], queued.pod, self._cache, self._search, self._world)
                self._attempts.note(queued.pod, queued.attempts, chosen)
                if isinstance(chosen, Diagnosis):
                    self._nominate(queued.pod, chosen.rescue)
                    group.create_task(self._give_up(queued, chosen))
                else:
                    self._void_nomination(queued.pod)
                    self._cache.assume(queued.pod, chosen.node.name)
                    group.create_task(self._bind(queued, chosen.node.name))

    async def _bind(self, queued: QueuedPod, node: str) -> None:
        pod = queued.pod
        try:
            await self._api.bind(pod, node)
        except NotFound:                    # deleted meanwhile
            self._cache.forget(pod)
            self._queue.done(pod.uid)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("binding %s to %s failed: %s", pod.key, node, error)
            self._cache.forget(pod)
            if pod.nominated_node:
                self._cache.nominated.set(pod, pod.nominated_node)
            self._queue.failed(queued, None)
            self._queue.happened(Event(Happening.ASSIGNED_POD_DELETED, pod))
            self._api.event(pod, "Warning", "FailedScheduling", f"binding rejected: {error}")
        else:
            self._queue.done(pod.uid)
            self._api.event(pod, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node}")
        finally:
            self._binding.release()

    def _nominate(self, pod: PodInfo, rescue: Rescue) -> None:
        """The room that is being made counts as taken from now on."""
        if rescue.node:
            self._cache.nominated.set(pod, rescue.node)
        elif rescue.node is not None:
            self._void_nomination(pod)

    async def _give_up(self, queued: QueuedPod, diagnosis: Diagnosis) -> None:
        """For now: says why, and makes room where that helps."""
        pod, rescue = queued.pod, diagnosis.rescue
        try:
            self._queue.failed(queued, diagnosis.helped_by, diagnosis.is_helped)
            await self._say_why(pod, diagnosis)
            if rescue.node and self._cache.nominated.node_of(pod.uid) == rescue.node:       # else it is gone, or helped
                await self._preempt(pod, rescue)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("%s is unschedulable, but not all could be written: %s", pod.key, error)
            if rescue.node:
                self._void_nomination(pod)
                self._queue.retry(pod.uid)
        finally:
            self._binding.release()

    async def _say_why(self, pod: PodInfo, diagnosis: Diagnosis) -> None:
        message, nominated = diagnosis.message, self._cache.nominated.node_of(pod.uid) or ""
        self._api.event(pod, "Warning", "FailedScheduling", message)
        if (pod.told_unschedulable, pod.nominated_node) != (message, nominated):
            await self._api.report_unschedulable(pod, message, nominated)

    async def _preempt(self, pod: PodInfo, rescue: Rescue) -> None:
        """Whoever hoped for this node and is less important looks for another."""
        assert rescue.node is not None
        for victim in rescue.victims:
            if not (victim.is_terminating and victim.is_preempted):
                await self._api.preempt(victim, pod)
        for other in self._cache.nominated.on(rescue.node):
            if other.priority < pod.priority:
                self._cache.nominated.remove(other.uid)
                await self._api.clear_nomination(other)
                self._queue.retry(other.uid)
