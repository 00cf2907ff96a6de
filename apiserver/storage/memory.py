"""Storage in a dict, with the whole history since the last compaction: for tests and simulations, under etcd's contract."""
from __future__ import annotations

import asyncio
import bisect
from collections.abc import AsyncGenerator

from apiserver.storage.interface import (
    Batch,
    Compacted,
    Conflict,
    FutureRevision,
    KeyExists,
    KeyNotFound,
    Listed,
    Progress,
    StorageEvent,
    Stored,
)


class MemoryStorage:
    def __init__(self) -> None:
        self._now: dict[str, Stored] = {}
        self._keys: list[str] = []                    # of `_now`, sorted
        self._events: list[StorageEvent] = []         # since the last compaction, one a revision
        self._revision = 1
        self._compacted = 0                           # revisions up to here are gone
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._changed = asyncio.Event()
        self._asked = 0                               # how often a progress was requested

    async def get(self, key: str) -> Stored:
        try:
            return self._now[key]
        except KeyError:
            raise KeyNotFound(key) from None

    async def list(self, prefix: str, *, limit: int = 0, start: str = "", revision: int = 0) -> Listed:
        self._check(revision)
        at = self._now if revision in (0, self._revision) else self._as_of(revision)
        keys = self._keys if at is self._now else sorted(at)
        first, end = bisect.bisect_left(keys, prefix), bisect.bisect_left(keys, _after(prefix))
        begin = max(first, bisect.bisect_left(keys, start)) if start else first
        chosen = keys[begin:min(end, begin + limit) if limit else end]
        return Listed([at[key] for key in chosen], revision or self._revision, begin + len(chosen) < end, end - first)

    async def count(self, prefix: str) -> int:
        return bisect.bisect_left(self._keys, _after(prefix)) - bisect.bisect_left(self._keys, prefix)

    async def current_revision(self) -> int:
        return self._revision

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        if key in self._now:
            raise KeyExists(key)
        return self._put(key, value, ttl_seconds)

    async def put_if(self, key: str, value: bytes, *, revision: int, ttl_seconds: int = 0) -> int:
        self._expect(key, revision)
        return self._put(key, value, ttl_seconds)

    async def delete_if(self, key: str, *, revision: int) -> int:
        self._expect(key, revision)
        return self._delete(key)

    async def watch(self, prefix: str, *, since: int) -> AsyncGenerator[Batch | Progress, None]:
        if since < self._compacted:
            raise Compacted(self._compacted)
        if since > self._revision:
            raise FutureRevision(str(since))
        seen, asked = since, self._asked
        while True:
            changed = self._changed
            if seen < self._compacted:
                raise Compacted(self._compacted)
            fresh = [event for event in self._events[bisect.bisect_right(self._events, seen, key=_revision_of):]
                     if event.key.startswith(prefix)]
            newest = self._revision
            if fresh:
                yield fresh
            elif newest > seen or asked != self._asked:
                asked = self._asked
                yield Progress(newest)
            seen = max(seen, newest)
            if seen >= self._revision and asked == self._asked:
                await changed.wait()

    async def request_progress(self) -> None:
        self._asked += 1
        self._notify()

    async def compact(self, revision: int) -> None:
        if revision <= self._compacted:
            raise Compacted(self._compacted)
        if revision > self._revision:
            raise FutureRevision(str(revision))
        self._compacted = revision
        # What was true at `revision` must still be told: keep the last event of each key that is still there.
        self._base = self._as_of(revision)
        self._events = self._events[bisect.bisect_right(self._events, revision, key=_revision_of):]
        self._notify()

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    _base: dict[str, Stored] = {}

    def _check(self, revision: int) -> None:
        if revision > self._revision:
            raise FutureRevision(str(revision))
        if revision and revision < self._compacted:
            raise Compacted(self._compacted)

    def _as_of(self, revision: int) -> dict[str, Stored]:
        state = dict(self._base)
        for event in self._events:
            if event.revision > revision:
                break
            if event.value is None:
                state.pop(event.key, None)
            else:
                state[event.key] = Stored(event.key, event.value, event.revision)
        return state

    def _expect(self, key: str, revision: int) -> None:
        current = self._now.get(key)
        if current is None or current.revision != revision:
            raise Conflict(current)

    def _put(self, key: str, value: bytes, ttl_seconds: int) -> int:
        previous = self._now.get(key)
        self._revision += 1
        if previous is None:
            bisect.insort(self._keys, key)
        self._now[key] = Stored(key, value, self._revision)
        self._record(StorageEvent("PUT", key, value, self._revision))
        self._forget_timer(key)
        if ttl_seconds:
            self._timers[key] = asyncio.get_running_loop().call_later(ttl_seconds, self._delete, key)
        return self._revision

    def _delete(self, key: str) -> int:
        self._now.pop(key)
        del self._keys[bisect.bisect_left(self._keys, key)]
        self._forget_timer(key)
        self._revision += 1
        self._record(StorageEvent("DELETE", key, None, self._revision))
        return self._revision

    def _forget_timer(self, key: str) -> None:
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    def _record(self, event: StorageEvent) -> None:
        self._events.append(event)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _revision_of(event: StorageEvent) -> int:
    return event.revision


def _after(prefix: str) -> str:
    """The first key behind all keys that begin with *prefix*; prefixes end in `/`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"
