"""Runs a Reconciler: watches fill the queue, workers drain it. Retry, back-off and the error boundary live here, once."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from kubeapi.errors import ApiStatusError, Conflict, NotFound
from kubeapi.meta import ObjectKey
from kubeclient.causes import because_of, current
from kubeclient.informer import Informer
from kubeclient.workqueue import WorkQueue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What happens with the key next; `requeue_after` is in seconds."""

    requeue_after: float | None = None


DONE = Result()


def _no_time(key: ObjectKey) -> float:
    return 0.0


class Reconciler(Protocol):
    async def reconcile(self, key: ObjectKey) -> Result:
        """Reads the state, converges, is idempotent. What it raises is tried again, later each time."""
        ...


class Controller:
    def __init__(self, name: str, reconciler: Reconciler, workers: int = 2) -> None:
        self.name = name
        self.queue: WorkQueue[ObjectKey] = WorkQueue()
        self.reconciled = self.failed = 0
        self._reconciler, self._workers = reconciler, workers
        self._informers: list[Informer[Any]] = []

    def watches(self, informer: Informer[Any], keys_of: Callable[[Any], Sequence[ObjectKey]],
                wait: Callable[[ObjectKey], float] = _no_time) -> Self:
        """A change of an object adds the keys of its old and its new state, each after the seconds that `wait` says."""
        def add(*states: Any) -> None:
            for key in dict.fromkeys(key for obj in states for key in keys_of(obj)):
                if (seconds := wait(key)) > 0:
                    self.queue.add_after(key, seconds, *current().newest[-1:])
                else:
                    self.queue.add(key)

        informer.add_handler(add, add, add)
        return self.waits_for(informer)

    def waits_for(self, informer: Informer[Any]) -> Self:
        self._informers.append(informer)
        return self

    async def run(self) -> None:
        """Works from the moment all its caches are filled, until cancelled."""
        for informer in self._informers:
            await informer.wait_synced()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"{self.name}-{number}")
        finally:
            self.queue.shutdown()

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                with because_of(self.queue.causes(key)):
                    await self._process(key)
            finally:
                self.queue.done(key)

    async def _process(self, key: ObjectKey) -> None:
        self.reconciled += 1
        try:
            result = await self._reconciler.reconcile(key)
        except (Conflict, NotFound) as error:       # the cache was behind: ordinary
            logger.info("%s %s: %s", self.name, key, error)
            self.queue.add_rate_limited(key)
            return
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            self.failed += 1
            logger.warning("%s %s: %s", self.name, key, error)
            self.queue.add_rate_limited(key)
            return
        except Exception:                           # the one place where a reconcile may fail in a way nobody foresaw
            self.failed += 1
            logger.exception("%s %s", self.name, key)
            self.queue.add_rate_limited(key)
            return
        self.queue.forget(key)
        if result.requeue_after is not None:
            self.queue.add_after(key, result.requeue_after)
