"""Pods that wait for a node, in three places: active (by priority, then age), backing off, and unschedulable.

A pod that fitted nowhere waits until something happens that its refusing plugins are helped by, and then for the rest of
its back-off (1 s, doubling to 10 s). Events during a pod's attempt count by their kind: an attempt that they could have changed
leads to the back-off, not to the wait. After five minutes every pod is tried again whatever happened.
"""
from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from scheduler.events import Event, Happening
from scheduler.podinfo import PodInfo

INITIAL_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 1.0, 10.0
LONGEST_WAIT_SECONDS = 300.0
Hint = Callable[[PodInfo, Event], bool]


def always(pod: PodInfo, event: Event) -> bool:
    return True


@dataclass(slots=True)
class QueuedPod:
    pod: PodInfo
    order: int                                  # of arrival: the tie-breaker among equal priorities
    attempts: int = 0
    last_failure: float = 0.0                   # loop time
    helped_by: Happening = Happening.NOTHING    # while unschedulable
    hint: Hint = always                         # ... and by which of those events really
    happened: Happening = Happening.NOTHING     # since its attempt began


class SchedulingQueue:
    def __init__(self, initial_backoff_seconds: float = INITIAL_BACKOFF_SECONDS, longest_backoff_seconds: float = LONGEST_BACKOFF_SECONDS) -> None:
        self._initial_backoff, self._longest_backoff = initial_backoff_seconds, longest_backoff_seconds
        self._active: list[tuple[int, int, str]] = []       # (-priority, order, uid); stale entries are skipped
        self._queued: dict[str, QueuedPod] = {}             # everything that waits, by uid
        self._is_active: set[str] = set()
        self._unschedulable: set[str] = set()
        self._in_flight: dict[str, QueuedPod] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._order = count()
        self._available = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    def add(self, pod: PodInfo) -> None:
        """A pod that has come, or has changed: a changed pod is tried again at once."""
        if pod.uid in self._in_flight:
            self._in_flight[pod.uid].pod = pod
            return
        known = self._queued.get(pod.uid)
        if known is not None and known.pod.resource_version == pod.resource_version:
            return
        only_told = known is not None and _differs_only_in_condition(known.pod, pod)
        queued = known or QueuedPod(pod, next(self._order))
        queued.pod = pod
        self._queued[pod.uid] = queued
        if not only_told:
            self._activate(queued)

    def remove(self, uid: str) -> None:
        self._in_flight.pop(uid, None)
        self._queued.pop(uid, None)
        self._leave(uid)

    async def pop(self) -> QueuedPod:
        """The next pod; until `done` or `failed` it is in flight."""
        while True:
            while self._active:
                uid = heapq.heappop(self._active)[2]
                if uid in self._is_active:
                    self._is_active.discard(uid)
                    queued = self._in_flight[uid] = self._queued.pop(uid)
                    queued.attempts += 1
                    queued.happened = Happening.NOTHING
                    return queued
            self._available.clear()
            await self._available.wait()

    def retry(self, uid: str) -> None:
        """What kept an unschedulable pod waiting is void: it is tried again after its back-off."""
        if uid in self._unschedulable:
            self._back_off(self._queued[uid])

    def done(self, uid: str) -> None:
        self._in_flight.pop(uid, None)

    def failed(self, queued: QueuedPod, helped_by: Happening | None, hint: Hint = always) -> None:
        """Back into the queue. `helped_by` None: it was an error, so it is tried again after its back-off."""
        uid = queued.pod.uid
        if self._in_flight.pop(uid, None) is None:
            return                              # deleted meanwhile
        queued.last_failure = asyncio.get_running_loop().time()
        self._queued[uid] = queued
        if helped_by is None or queued.happened & helped_by:
            self._back_off(queued)
        else:
            queued.helped_by, queued.hint = helped_by, hint
            self._unschedulable.add(uid)
            self._after(LONGEST_WAIT_SECONDS, queued)

    def happened(self, event: Event) -> None:
        """Something in the cluster changed: those it may help move on."""
        if not event.happening:
            return
        for queued in self._in_flight.values():
            queued.happened |= event.happening
        for queued in [self._queued[uid] for uid in self._unschedulable]:
            if queued.helped_by & event.happening and queued.hint(queued.pod, event):
                self._back_off(queued)

    def pending(self) -> Iterable[PodInfo]:
        return [queued.pod for queued in (*self._queued.values(), *self._in_flight.values())]

    def _back_off(self, queued: QueuedPod) -> None:
        backoff = min(self._initial_backoff * (1 << min(10, max(0, queued.attempts - 1))), self._longest_backoff)
        left = queued.last_failure + backoff - asyncio.get_running_loop().time()
        self._leave(queued.pod.uid)
        if left > 0:
            self._after(left, queued)
        else:
            self._activate(queued)

    def _after(self, seconds: float, queued: QueuedPod) -> None:
        self._timers[queued.pod.uid] = asyncio.get_running_loop().call_later(seconds, self._activate, queued)

    def _activate(self, queued: QueuedPod) -> None:
        uid = queued.pod.uid
        self._leave(uid)
        if uid in self._queued:
            self._is_active.add(uid)
            heapq.heappush(self._active, (-queued.pod.priority, queued.order, uid))
            self._available.set()

    def _leave(self, uid: str) -> None:
        self._is_active.discard(uid)
        self._unschedulable.discard(uid)
        if (timer := self._timers.pop(uid, None)) is not None:
            timer.cancel()


def _differs_only_in_condition(old: PodInfo, new: PodInfo) -> bool:
    """Our own report that a pod is unschedulable must not make it active again."""
    return (old.requests, old.node_selector, old.affinity, old.tolerations, old.labels, old.gates, old.priority) == (
        new.requests, new.node_selector, new.affinity, new.tolerations, new.labels, new.gates, new.priority)
