"""Which revision the cache has seen, who waits for a later one, and what the storage's revision is now.

Reads are consistent when the cache has seen the revision that the storage answers now. Those questions are coalesced:
whoever asks waits for the next question that starts after they came, so that any number of readers costs one round trip.
"""
from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count


class RevisionClock:
    """The revision up to which every change has been seen. 0: nothing has been read yet."""

    def __init__(self) -> None:
        self.revision = 0
        self._order = count()
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []

    def advance(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        while self._waiters and self._waiters[0][0] <= self.revision:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)

    def rewind(self, revision: int) -> None:
        """The storage went back (restored from a backup)."""
        self.revision = 0
        self.advance(revision)

    async def reached(self, revision: int) -> None:
        """Returns once *revision* has been seen; the deadline is the caller's."""
        if revision <= self.revision:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (revision, next(self._order), waiter))
        await waiter


class RevisionReader:
    """Coalesces `current_revision`; `run` does the reading and belongs to its owner's TaskGroup."""

    def __init__(self, read: Callable[[], Awaitable[int]]) -> None:
        self._read = read
        self._asked = asyncio.Event()
        self._waiters: list[asyncio.Future[int]] = []

    async def current(self) -> int:
        """The storage's revision at some moment after this call. Raises what the reading raised."""
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._asked.set()
        return await waiter

    async def run(self) -> None:
        waiters: list[asyncio.Future[int]] = []
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                waiters, self._waiters = self._waiters, []
                await self._answer(waiters)
        finally:
            for waiter in waiters + self._waiters:
                waiter.cancel()

    async def _answer(self, waiters: list[asyncio.Future[int]]) -> None:
        try:
            revision = await self._read()
        except Exception as error:        # every reader gets the answer, whatever it is
            # Those who came meanwhile, too: they have waited long enough for a storage that does not answer.
            late, self._waiters = self._waiters, []
            for waiter in waiters + late:
                if not waiter.done():
                    waiter.set_exception(error)
            return
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(revision)
