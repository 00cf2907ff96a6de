"""The loop: take the next pod, decide, assume, bind in the background; or say why no node fits.

Deciding is synchronous and one pod at a time; binding is a request and many run at once.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Node
from kubeapi.world import REAL_WORLD, World
from scheduler.algorithm import Diagnosis, Search, choose
from scheduler.cache import Cache
from scheduler.events import Event, Happening
from scheduler.podinfo import PodInfo
from scheduler.profile import Profile
from scheduler.queue import QueuedPod, SchedulingQueue
from scheduler.workloads import Workloads

logger = logging.getLogger(__name__)
BINDINGS_AT_ONCE = 64


class Api(Protocol):
    """What the scheduler writes; every call may raise ApiStatusError or ConnectionError."""

    async def bind(self, pod: PodInfo, node: str) -> None: ...
    async def report_unschedulable(self, pod: PodInfo, message: str) -> None: ...
    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None: ...


class Scheduler:
    """Fed by informers through the `*_pod` and `*_node` methods; `run` decides."""

    def __init__(self, profile: Profile, api: Api, world: World = REAL_WORLD) -> None:
        self._profile, self._api, self._world = profile, api, world
        self._cache, self._queue, self._search = Cache(), SchedulingQueue(), Search()
        self._binding = asyncio.Semaphore(BINDINGS_AT_ONCE)

    # --- what the API shows

    def update_node(self, node: Node) -> None:
        self._queue.happened(Event(self._cache.update_node(node)))

    def remove_node(self, name: str) -> None:
        self._queue.happened(Event(self._cache.remove_node(name)))

    def update_pod(self, pod: PodInfo) -> None:
        if pod.node_name:
            self._queue.remove(pod.uid)
            self._queue.happened(Event(self._cache.update_pod(pod), pod))
        elif self._is_mine(pod) and not self._cache.is_assumed(pod.uid):
            self._queue.add(pod)
        elif not self._cache.is_assumed(pod.uid):
            self._queue.remove(pod.uid)

    def remove_pod(self, pod: PodInfo) -> None:
        self._queue.remove(pod.uid)
        self._queue.happened(Event(self._cache.remove_pod(pod.uid), pod))

    def update_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        self._queue.happened(Event(self._cache.update_namespace(name, labels)))

    def remove_namespace(self, name: str) -> None:
        self._cache.remove_namespace(name)

    @property
    def workloads(self) -> Workloads:
        return self._cache.workloads

    def _is_mine(self, pod: PodInfo) -> bool:
        return (pod.scheduler_name == self._profile.scheduler_name and not pod.is_terminal and not pod.is_terminating
                and all(plugin.admits(pod) for plugin in self._profile.gates))

    def pending(self) -> Mapping[str, int]:
        return {"pending": len(self._queue), "nodes": len(self._cache.nodes)}

    # --- decisions

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                queued = await self._queue.pop()
                await self._binding.acquire()
                chosen = choose(self._profile, queued.pod, self._cache, self._search, self._world)
                if isinstance(chosen, Diagnosis):
                    group.create_task(self._say_why(queued, chosen))
                else:
                    self._cache.assume(queued.pod, chosen.name)
                    group.create_task(self._bind(queued, chosen.name))

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
            self._queue.failed(queued, None)
            self._queue.happened(Event(Happening.ASSIGNED_POD_DELETED, pod))
            self._api.event(pod, "Warning", "FailedScheduling", f"binding rejected: {error}")
        else:
            self._queue.done(pod.uid)
            self._api.event(pod, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node}")
        finally:
            self._binding.release()

    async def _say_why(self, queued: QueuedPod, diagnosis: Diagnosis) -> None:
        pod, message = queued.pod, diagnosis.message
        try:
            self._queue.failed(queued, diagnosis.helped_by, diagnosis.is_helped)
            self._api.event(pod, "Warning", "FailedScheduling", message)
            if pod.told_unschedulable != message:
                await self._api.report_unschedulable(pod, message)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("%s is unschedulable, but its status could not be written: %s", pod.key, error)
        finally:
            self._binding.release()
