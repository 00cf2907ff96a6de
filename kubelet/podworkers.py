"""One worker per pod: pods in parallel, each pod strictly in order; the newest wins, and a kill beats an update.

    SYNCING      what the API says is made to be, again at every change, event or timer
      | deleted, or ended by itself
    TERMINATING  its containers are stopped; a shorter grace period begins anew
      |
    TERMINATED   nothing of it runs; once the API has deleted it, nothing of it is left
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from kubeapi.generated.models.core_v1 import Pod
from kubelet.backoff import BackOff

log = logging.getLogger(__name__)

T = TypeVar("T")
LEAST_GRACE_SECONDS = 1
TERMINAL_PHASES = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Next:
    """What a sync leaves to do: come again after a time, or end the pod (reason: why the kubelet wants that itself)."""

    after_seconds: float | None = None
    has_ended: bool = False
    reason: str = ""
    message: str = ""
    grace_seconds: float | None = None   # at most, whatever the pod asks for
    is_disruption: bool = False          # it ends for the others' sake


class PodLife(Protocol):
    """What is done to one pod; none of these runs beside another. All may be cancelled and repeated."""

    async def sync(self, pod: Pod) -> Next: ...
    async def terminate(self, pod: Pod, grace_seconds: float, ended: Next) -> None: ...
    async def clean_up(self, pod: Pod, *, is_deleted: bool) -> None:
        """Removes what is left of it; the API is told where it waits for that."""
        ...

    async def forget(self, pod: Pod) -> None: ...


class PodWorker:
    def __init__(self, pod: Pod, life: PodLife) -> None:
        self._pod, self._life = pod, life
        self._wake, self._news = asyncio.Event(), asyncio.Event()
        self._gone = False
        self.ended = asyncio.Event()                # nothing of it runs any more
        self._ended = Next()
        self._grace: float | None = None            # of the termination under way
        self._running: asyncio.Task[Any] | None = None
        self._is_cut_off = False
        self._retries = BackOff(1.0, 60.0)

    @property
    def pod(self) -> Pod:
        return self._pod

    # --- what others tell it

    def update(self, pod: Pod, *, is_echo: bool = False) -> None:
        """An echo of the node's own write needs nothing to be done, unless it brings what was never seen besides."""
        is_known = is_echo and _asks_the_same(self._pod, pod)
        self._pod = pod
        if not is_known:
            self._notice()

    def removed(self) -> None:
        """The API no longer has the pod."""
        self._gone = True
        self._notice()

    def wake(self) -> None:
        self._wake.set()

    def end(self, ended: Next) -> None:
        """The node wants it to go; of one that ends already, nothing more."""
        if not self._must_end:
            self._ended = ended
            self._notice()

    @property
    def is_active(self) -> bool:
        return not self._must_end and self._pod.status.phase not in TERMINAL_PHASES

    def _notice(self) -> None:
        self._wake.set()
        self._news.set()
        if self._running is None or self._is_cut_off or not self._must_end:
            return
        if self._grace is None or self._grace_seconds() < self._grace:
            self._is_cut_off = True               # once: what it has begun it may bring to an end, or undo
            self._running.cancel()

    # --- its life

    @property
    def _must_end(self) -> bool:
        return self._gone or self._ended.has_ended or self._pod.metadata.deletion_timestamp is not None

    @property
    def _is_deleted(self) -> bool:
        return self._gone or self._pod.metadata.deletion_timestamp is not None

    def _grace_seconds(self) -> float:
        asked = self._pod.metadata.deletion_grace_period_seconds if self._pod.metadata.deletion_timestamp else None
        seconds = self._pod.spec.termination_grace_period_seconds if asked is None else asked
        most = self._ended.grace_seconds
        wanted = 30 if seconds is None else seconds
        return float(max(LEAST_GRACE_SECONDS, wanted if most is None else min(wanted, most)))

    async def run(self) -> None:
        """Until nothing of the pod is left."""
        while not self._must_end:
            found = await self._attempt(lambda: self._life.sync(self._pod), Next(after_seconds=0.0))
            if found is not None and found.has_ended:
                self._ended = found
            elif found is not None and not self._must_end:
                await self._sleep(found.after_seconds)
        self._grace = self._grace_seconds()
        while await self._attempt(self._terminate, False) is not True:
            pass
        self.ended.set()
        while await self._attempt(self._clean_up, False) is not True:
            pass
        await self._life.forget(self._pod)

    async def _terminate(self) -> bool:
        self._grace = self._grace_seconds()
        await self._life.terminate(self._pod, self._grace, self._ended)
        self._grace = 0.0
        return True

    async def _clean_up(self) -> bool:
        while not self._is_deleted:
            await self._sleep(None)
        while not self._gone:
            await self._life.clean_up(self._pod, is_deleted=False)
            if not self._gone:
                await self._sleep(None)
        await self._life.clean_up(self._pod, is_deleted=True)
        return True

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _until_news(self, seconds: float) -> None:
        """What failed may do better with what the API says now: a newer pod need not wait for the back-off to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _attempt(self, work: Callable[[], Coroutine[Any, Any, T]], failed: T) -> T | None:
        """The pod's error boundary; None where it was cut off because the pod must end (or end sooner)."""
        self._wake.clear()
        self._news.clear()
        self._is_cut_off = False
        async with asyncio.TaskGroup() as group:
            self._running = task = group.create_task(self._guarded(work, failed))
        self._running = None
        return None if task.cancelled() else task.result()

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, T]], failed: T) -> T:
        loop = asyncio.get_running_loop()
        try:
            done = await work()
        except Exception:
            log.exception("pod %s/%s", self._pod.metadata.namespace, self._pod.metadata.name)
            self._retries.next("", loop.time(), loop.time())
            await self._until_news(self._retries.delay(""))
            return failed
        self._retries.forget("")
        return done


def _asks_the_same(old: Pod, new: Pod) -> bool:
    """Its status apart."""
    before, after = old.metadata, new.metadata
    return (before.generation, before.deletion_timestamp, before.deletion_grace_period_seconds, before.labels, before.annotations) == (
        after.generation, after.deletion_timestamp, after.deletion_grace_period_seconds, after.labels, after.annotations)


class PodWorkers:
    """The workers of a node, owned by *group*."""

    def __init__(self, group: asyncio.TaskGroup, new_life: Callable[[Pod], PodLife]) -> None:
        self._group, self._new_life = group, new_life
        self._workers: dict[str, PodWorker] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._workers

    def __len__(self) -> int:
        return len(self._workers)

    def pods(self) -> list[Pod]:
        return [worker.pod for worker in self._workers.values()]

    def find(self, namespace: str, name: str) -> Pod | None:
        """The newest of that name: one that is deleted may still be ending beside its successor."""
        found = [pod for pod in self.pods() if (pod.metadata.namespace, pod.metadata.name) == (namespace, name)]
        return found[-1] if found else None

    def update(self, pod: Pod, *, is_echo: bool = False) -> None:
        if worker := self._workers.get(pod.metadata.uid):
            worker.update(pod, is_echo=is_echo)
        else:
            self._begin(pod)

    def remove(self, pod: Pod) -> None:
        """The API no longer has it; of a pod never heard of (an orphan the runtime still has), what is left is removed."""
        worker = self._workers.get(pod.metadata.uid) or self._begin(pod)
        worker.removed()

    def active(self) -> list[Pod]:
        """Those that run, or are about to."""
        return [worker.pod for worker in self._workers.values() if worker.is_active]

    def end(self, uid: str, ended: Next) -> None:
        if worker := self._workers.get(uid):
            worker.end(ended)

    async def wait_ended(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            await worker.ended.wait()

    def wake(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.wake()

    def _begin(self, pod: Pod) -> PodWorker:
        worker = self._workers[pod.metadata.uid] = PodWorker(pod, self._new_life(pod))
        self._group.create_task(self._run(pod.metadata.uid, worker), name=f"pod-{pod.metadata.namespace}/{pod.metadata.name}")
        return worker

    async def _run(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        finally:
            del self._workers[uid]
