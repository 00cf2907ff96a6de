"""The one log of a resource's changes. It is bounded in entries and in bytes; readers hold an index into it, and one whose
index has left the log has to list again. Lines are made when the first reader wants them and shared by all others."""
from __future__ import annotations

from collections.abc import Hashable

from apiserver.cacher.lines import ChangeType, Representation
from apiserver.cacher.objects import CachedObject
from apiserver.cacher.selection import Selection

# What an entry costs beyond the bytes of its objects.
_OVERHEAD = 512


class Entry:
    """One change: the states before (None: created) and after (None: deleted) it."""

    __slots__ = ("_lines", "new", "old", "place", "revision")

    def __init__(self, old: CachedObject | None, new: CachedObject | None, revision: int) -> None:
        self.old = old
        self.new = new
        self.revision = revision
        self.place = 0                          # the weight of all that was logged before
        self._lines: dict[tuple[ChangeType, Hashable], bytes] = {}

    @property
    def weight(self) -> int:
        """Bytes held: the states, and about as much again for lines."""
        return _OVERHEAD + sum(2 * len(state.body) for state in (self.old, self.new) if state is not None)

    def change_for(self, selection: Selection) -> ChangeType | None:
        """What happened, seen by a reader of *selection*: an object that no longer matches is gone for it."""
        was = self.old is not None and selection.selects(self.old)
        is_now = self.new is not None and selection.selects(self.new)
        if is_now:
            return "MODIFIED" if was else "ADDED"
        return "DELETED" if was else None

    def line(self, change: ChangeType, representation: Representation) -> bytes:
        made = self._lines.get((change, representation.key))
        if made is None:
            made = representation.line(change, self._shown(change))
            self._lines[change, representation.key] = made
        return made

    def _shown(self, change: ChangeType) -> CachedObject:
        if change == "DELETED":
            assert self.old is not None
            return self.old.at(self.revision)
        assert self.new is not None
        return self.new


class EventLog:
    """Entries by index; `start_revision` says after which revision the log is complete."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: dict[int, Entry] = {}
        self._bytes = self._logged = 0
        self.first = 0
        self.end = 0
        self.start_revision = 0

    def append(self, entry: Entry) -> None:
        self._entries[self.end] = entry
        self.end += 1
        entry.place = self._logged
        self._logged += entry.weight
        self._bytes += entry.weight
        while self.end - self.first > self._max_entries or self._bytes > self._max_bytes:
            gone = self._entries.pop(self.first)
            self._bytes -= gone.weight
            self.start_revision = gone.revision
            self.first += 1
            if self.first == self.end:
                break

    def reset(self, revision: int) -> None:
        """Forgets everything: the changes up to *revision* are not known one by one."""
        self._entries.clear()
        self._bytes = 0
        self.first = self.end = self.end + 1            # so that readers who stood at the end have left the log too
        self.start_revision = revision

    def __getitem__(self, index: int) -> Entry:
        return self._entries[index]

    def chunk_end(self, start: int, most_entries: int, most_bytes: int) -> int:
        """Where a piece of the log that begins at *start* ends, one entry at least. Readers at one place get the same piece."""
        end = min(self.end, start + most_entries)
        while end - start > 1 and self._entries[end - 1].place - self._entries[start].place > most_bytes:
            end = start + (end - start) // 2
        return end

    def index_after(self, revision: int) -> int | None:
        """The index of the first entry newer than *revision*; None when older ones than the log's are needed."""
        if revision < self.start_revision:
            return None
        low, high = self.first, self.end
        while low < high:
            middle = (low + high) // 2
            if self._entries[middle].revision <= revision:
                low = middle + 1
            else:
                high = middle
        return low
