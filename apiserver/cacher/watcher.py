"""One reader of a Cacher's log: an index into it, and a future that wakes the reader when there is more.

A reader that sleeps has seen everything, whatever the log has grown by since: only changes that concern its selection wake
it, and it goes on at the change that woke it. A reader that is still writing while its place leaves the log is Expired.
"""
from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from apiserver.cacher.lines import Representation
from apiserver.cacher.objects import CachedObject
from apiserver.cacher.selection import Selection
from kubeapi.errors import Expired

if TYPE_CHECKING:
    from apiserver.cacher.cacher import Cacher, Snapshot

ENTRIES_PER_CHUNK = 256
CHUNK_BYTES = 64 * 1024            # a client that reads nothing holds one, encrypted for it alone


def too_old(revision: int, oldest: int) -> Expired:
    return Expired(f"too old resource version: {revision} ({oldest})")


class Watcher:
    """Iterates over chunks of whole lines, ready for the wire. Raises Expired when it fell out of the log."""

    def __init__(self, cacher: Cacher, selection: Selection, representation: Representation, *, since: int,
                 initial: Snapshot | None, ends_initial_events: bool, bookmarks: bool) -> None:
        self._cacher = cacher
        self._selection = selection
        self._representation = representation
        self._bookmarks = bookmarks
        self._is_bookmark_due = False
        self._revision = since                    # what the client knows of
        index = cacher.log.index_after(since)
        if index is None:
            raise too_old(since, cacher.log.start_revision)
        self._index = index
        self._initial = self._initial_chunks(initial, ends_initial_events) if initial is not None else iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._initial:
            return chunk
        while True:
            chunk = self._next_lines()
            if chunk:
                return chunk
            if self._index < self._cacher.log.end:
                await asyncio.sleep(0)            # many changes that do not concern this reader: let others run
                continue
            # Here the reader stands at the end of the log. A change that came between being woken for a bookmark and
            # running was written above: no bookmark ever overtakes a change.
            if self._is_bookmark_due:
                self._is_bookmark_due = False
                if (revision := self._cacher.revision) > self._revision:
                    self._revision = revision
                    return self._representation.bookmark(revision, ends_initial_events=False)
            woken = await self._cacher.sleep(self._selection)
            self._index = max(self._index, woken.index)
            self._is_bookmark_due = self._bookmarks and woken.is_bookmark

    def _initial_chunks(self, snapshot: Snapshot, ends_initial_events: bool) -> Iterator[bytes]:
        lines: list[bytes] = []
        size = 0
        for found in snapshot.objects:
            lines.append(self._added(found))
            size += len(lines[-1])
            if size > CHUNK_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
        if ends_initial_events:
            lines.append(self._representation.bookmark(snapshot.revision, ends_initial_events=True))
        if lines:
            yield b"".join(lines)

    def _added(self, found: CachedObject) -> bytes:
        return self._representation.line("ADDED", found)

    def _next_lines(self) -> bytes:
        log = self._cacher.log
        if self._index < log.first:
            raise too_old(self._revision, log.start_revision)
        if self._index >= log.end:
            return b""
        end = log.chunk_end(self._index, ENTRIES_PER_CHUNK, CHUNK_BYTES)
        chunk = self._cacher.lines(self._index, end, self._selection, self._representation)
        self._index = end
        self._revision = log[end - 1].revision
        return chunk
