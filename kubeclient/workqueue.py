"""A queue of keys. Its contract (client-go's), each sentence a test:

fair: keys come out in the order they were added; stingy: a key added twice before it is taken comes out once; one worker a
key: a key added while it is worked on comes out again only after `done`; draining: after `shutdown` what is there comes out,
then QueueShutDown. Beside each key lie the causes that put it there; adding again unites them.
"""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from kubeclient.causes import NONE, RETRY, TIMER, Cause, Causes, current

K = TypeVar("K", bound=Hashable)
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.005, 1000.0


class QueueShutDown(Exception):
    """Nothing is left, and nothing will come."""


class WorkQueue(Generic[K]):
    def __init__(self, first_delay_seconds: float = FIRST_DELAY_SECONDS, longest_delay_seconds: float = LONGEST_DELAY_SECONDS) -> None:
        self._first_delay, self._longest_delay = first_delay_seconds, longest_delay_seconds
        self._order: deque[K] = deque()
        self._waiting: dict[K, Causes] = {}         # added and not yet taken
        self._working: dict[K, Causes] = {}         # taken and not yet done
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._is_shut_down = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._order)

    def add(self, key: K, cause: Cause | None = None) -> None:
        """Without a cause: those of what runs now."""
        if self._is_shut_down:
            return
        causes = Causes.of(cause) if cause is not None else current()
        if key in self._waiting:
            self._waiting[key] = self._waiting[key].merge(causes)
            return
        self._waiting[key] = causes
        if key not in self._working:
            self._push(key)

    def add_after(self, key: K, seconds: float, cause: Cause = TIMER) -> None:
        """The earliest of several timers of a key counts."""
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if known is not None:
            if known.when() <= loop.time() + seconds:
                return
            known.cancel()
        self._timers[key] = loop.call_later(seconds, self._on_timer, key, cause)

    def add_rate_limited(self, key: K) -> None:
        """After a failure: 5 ms, doubling."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(self._first_delay * (1 << min(failures, 30)), self._longest_delay), RETRY)

    def forget(self, key: K) -> None:
        """It succeeded: the next failure starts from the shortest delay."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key; `done` must follow. Raises QueueShutDown."""
        while not self._order:
            if self._is_shut_down:
                raise QueueShutDown
            self._changed.clear()
            await self._changed.wait()
        key = self._order.popleft()
        self._working[key] = self._waiting.pop(key)
        return key

    def causes(self, key: K) -> Causes:
        """Why a key that is being worked on was added."""
        return self._working.get(key, NONE)

    def done(self, key: K) -> None:
        self._working.pop(key, None)
        if key in self._waiting:
            self._push(key)
        self._changed.set()

    def shutdown(self) -> None:
        self._is_shut_down = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._changed.set()

    def _on_timer(self, key: K, cause: Cause) -> None:
        del self._timers[key]
        self.add(key, cause)

    def _push(self, key: K) -> None:
        self._order.append(key)
        self._changed.set()
