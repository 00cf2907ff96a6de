"""One resource in memory: objects as bytes with an index, the log of their changes, and the watchers that read it.

The hub feeds it (`replace`, `apply`, both synchronous: readers never see half a revision); the registry reads it. Every
answer tells the revision it is true at.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import orjson

from apiserver.cacher.document import ITEM_HEAD, Document, body_of, split
from apiserver.cacher.lines import JsonLines, Representation
from apiserver.cacher.log import Entry, EventLog
from apiserver.cacher.objects import CachedObject, ObjectIndex
from apiserver.cacher.selection import EVERYTHING, Selection
from apiserver.cacher.sleepers import Sleepers, Wake
from apiserver.cacher.watcher import CHUNK_BYTES, Watcher, too_old
from apiserver.storage.interface import Compacted, FutureRevision, StorageEvent, Stored
from kubeapi.meta import ObjectKey

if TYPE_CHECKING:
    from apiserver.cacher.hub import WatchHub

logger = logging.getLogger(__name__)

Selectable = tuple[Mapping[str, str], Mapping[str, str]]        # labels and fields
Attributes = Callable[[Document], Selectable]
MAX_WRITTEN = 1024
RevisionMatch = Literal["consistent", "any", "not_older", "exact"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a list found: references into the cache, in key order. `more` objects match behind the last one;
    `remaining` tells how many where that is known for free."""

    objects: Sequence[CachedObject]
    revision: int
    more: bool = False
    remaining: int | None = None

    def chunks(self, item_head: bytes = ITEM_HEAD, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The items joined by commas (what belongs between `"items":[` and `]`), some hundred KB at a time. Items of
        typed lists carry no apiVersion and kind; for others give their head."""
        separator = b"," + item_head
        bodies: list[bytes] = []
        held, lead = 0, item_head
        for found in self.objects:
            bodies.append(found.body)
            held += len(found.body)
            if held > size:
                yield lead + separator.join(bodies)
                bodies, held, lead = [], 0, separator
        if bodies:
            yield lead + separator.join(bodies)


class Cacher:
    """get, list and watch of one resource. `attributes(document)` gives the labels and the selectable fields;
    `indexed_fields` are those by which watchers of one value sleep apart (such as spec.nodeName for pods)."""

    def __init__(self, hub: WatchHub, prefix: str, attributes: Attributes, *, head: bytes,
                 indexed_fields: Sequence[str] = (), max_entries: int = 10_000, max_bytes: int = 32 << 20) -> None:
        self.prefix = prefix
        self.json = JsonLines(head)
        self.log = EventLog(max_entries, max_bytes)
        self._hub = hub
        self._attributes = attributes
        self._objects = ObjectIndex()
        self._sleepers = Sleepers(indexed_fields)
        self._heads: dict[bytes, bytes] = {head: head}
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        self._joined: dict[tuple[int, int, Selection, Hashable], bytes] = {}
        self._writing: dict[str, tuple[bytes, Selectable]] = {}     # by this server, not yet answered
        self._written: dict[int, CachedObject] = {}         # by this server, not yet seen by the watch

    # --- reading

    @property
    def revision(self) -> int:
        """Every change up to it is in the cache."""
        return self._hub.clock.revision

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ObjectKey) -> CachedObject | None:
        """The object as the cache knows it; for a consistent read `await wait_until_current()` first."""
        return self._objects.get(key)

    def objects(self) -> Iterator[CachedObject]:
        """All that the cache knows now, in key order; to be read at once."""
        return self._objects.in_order()

    async def wait_until_current(self) -> int:
        """Returns when the cache has seen everything that was acknowledged before this call."""
        return await self._hub.wait_until_current()

    async def wait_for_revision(self, revision: int, timeout_seconds: float = 3.0) -> None:
        """Raises Timeout ("Too large resource version") when the cache has not seen *revision* in time."""
        await self._hub.wait_for_revision(revision, timeout_seconds)

    async def list(self, selection: Selection = EVERYTHING, *, match: RevisionMatch = "consistent", revision: int = 0,
                   limit: int = 0, after: ObjectKey | None = None) -> Snapshot:
        """Objects in key order behind *after*, at most *limit*.

        consistent: the newest state. any: what the cache has. not_older: what it has once it has seen *revision*.
        exact: the state at *revision* (pages of one list use it). Raises Expired, Timeout, StorageUnavailable.
        """
        if match == "consistent":
            await self._hub.wait_until_current()
        else:
            await self._hub.wait_for_revision(max(1, revision))
        if match == "exact" and revision < self.revision:
            return await self._list_at(revision, selection, limit, after)
        found = self._selected(self._objects.in_order(selection.namespace, after), selection)
        is_everything = selection.matches is None and not selection.name
        total = self._objects.count(selection.namespace, after) if limit and is_everything else None
        return _page(found, self.revision, limit, total)

    def watch(self, selection: Selection = EVERYTHING, *, since: int, representation: Representation | None = None,
              initial: Snapshot | None = None, ends_initial_events: bool = False, bookmarks: bool = False) -> Watcher:
        """Chunks of lines of what happens after *since*; with *initial* (a snapshot at `since`), its objects come first
        as ADDED, and with `ends_initial_events` the bookmark that says so. Raises Expired, here and while iterating."""
        return Watcher(self, selection, representation or self.json, since=since, initial=initial,
                       ends_initial_events=ends_initial_events, bookmarks=bookmarks)

    # --- for watchers

    async def sleep(self, selection: Selection) -> Wake:
        """Until something concerns *selection* or a bookmark is due."""
        return await self._sleepers.sleep(selection)

    def lines(self, start: int, end: int, selection: Selection, representation: Representation) -> bytes:
        """The lines of entries start..end for *selection*, joined; shared where many watchers ask for the same."""
        key = (start, end, selection, representation.key)
        joined = self._joined.get(key)
        if joined is None:
            entries = (self.log[index] for index in range(start, end))
            changes = ((entry, entry.change_for(selection)) for entry in entries)
            joined = b"".join([entry.line(change, representation) for entry, change in changes if change is not None])
            if len(self._joined) >= 64:
                self._joined.clear()
            self._joined[key] = joined
        return joined

    # --- feeding, by the hub alone

    def replace(self, stored: Iterable[Stored], revision: int) -> None:
        """The state at *revision*, after a list. Watchers have to list again."""
        self._objects = ObjectIndex()
        for item in stored:
            if (found := self._cached(item.key, item.value, item.revision)) is not None:
                self._objects.put(found)
        self.log.reset(revision)
        self._joined.clear()
        self._sleepers.wake_all(Wake(self.log.first - 1))

    def apply(self, event: StorageEvent) -> None:
        """One write, newer than all before it."""
        key = self._object_key(event.key)
        new = None if event.value is None else self._taken(event.key, event.revision) or self._cached(event.key, event.value, event.revision)
        old = self._objects.remove(key) if new is None else self._objects.put(new)
        if old is None and new is None:
            return
        self.log.append(Entry(old, new, event.revision))
        self._sleepers.wake(old, new, self.log.end - 1)

    def bookmark(self) -> None:
        """Wakes who sleeps, for a bookmark."""
        self._sleepers.wake_all(Wake(self.log.end, is_bookmark=True))

    def begin_write(self, key: str, value: bytes, document: Document) -> None:
        """`value`, which is `document` encoded, is on its way to storage: when the watch shows it, it is not decoded again."""
        labels, fields = self._attributes(document)
        self._writing[key] = value, (self._shared_labels(labels), fields)

    def end_write(self, key: str) -> None:
        """It is done, or nothing is known of it."""
        self._writing.pop(key, None)

    def written(self, stored: Stored) -> CachedObject:
        """What was just written, as the cache has or will have it; before `end_write`."""
        known = self.get(self._object_key(stored.key))
        if known is not None and known.revision == stored.revision:
            return known                            # the watch was faster than the answer
        made = self.made_of(stored)
        if stored.revision > self.revision:
            if len(self._written) >= MAX_WRITTEN:
                del self._written[next(iter(self._written))]
            self._written[stored.revision] = made
        return made

    def made_of(self, stored: Stored) -> CachedObject:
        """A value as the cache would have it. Raises what an unreadable one raises."""
        head, tail = split(stored.value)
        labels, fields = self._selectable(stored.key, stored.value)
        return CachedObject(stored.key, self._object_key(stored.key), self._heads.setdefault(head, head),
                            body_of(tail, stored.revision), stored.revision, labels, fields)

    # --- inside

    def _object_key(self, storage_key: str) -> ObjectKey:
        namespace, slash, name = storage_key[len(self.prefix):].partition("/")
        return ObjectKey(namespace, name) if slash else ObjectKey("", namespace)

    def _taken(self, storage_key: str, revision: int) -> CachedObject | None:
        made = self._written.pop(revision, None)
        return made if made is not None and made.storage_key == storage_key else None

    def _cached(self, storage_key: str, value: bytes, revision: int) -> CachedObject | None:
        try:
            return self.made_of(Stored(storage_key, value, revision))
        except Exception:                 # what others wrote into etcd must not stop everything else
            logger.exception("unreadable value of %s at revision %d", storage_key, revision)
            return None

    def _selectable(self, storage_key: str, value: bytes) -> Selectable:
        writing = self._writing.get(storage_key)
        if writing is not None and writing[0] == value:
            return writing[1]
        labels, fields = self._attributes(orjson.loads(value))
        return self._shared_labels(labels), fields

    def _shared_labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Pods of one template share one dict."""
        if len(self._labels) > 4096:
            self._labels.clear()
        return self._labels.setdefault(tuple(labels.items()), labels)

    @staticmethod
    def _selected(found: Iterable[CachedObject], selection: Selection) -> Iterable[CachedObject]:
        """*found* is already of the selection's namespace."""
        return found if selection.matches is None and not selection.name else filter(selection.selects, found)

    async def _list_at(self, revision: int, selection: Selection, limit: int, after: ObjectKey | None) -> Snapshot:
        index = self.log.index_after(revision)
        if index is not None:
            past: dict[ObjectKey, CachedObject | None] = {}
            for entry in (self.log[at] for at in range(self.log.end - 1, index - 1, -1)):
                changed = entry.old or entry.new
                assert changed is not None
                past[changed.key] = entry.old
            then = _as_of(past, self._objects.in_order(selection.namespace, after), selection.namespace, after)
            found, total = iter(then), len(then)
        else:
            found, total = await self._stored_at(revision, selection.namespace, after)
        is_everything = selection.matches is None and not selection.name
        return _page(filter(selection.selects, found), revision, limit, total if is_everything else None)

    async def _stored_at(self, revision: int, namespace: str, after: ObjectKey | None) -> tuple[Iterator[CachedObject], int]:
        prefix = f"{self.prefix}{namespace}/" if namespace else self.prefix
        start = "" if after is None else f"{self.prefix}{'/'.join(filter(None, after))}\0"
        try:
            listed = await self._hub.storage.list(prefix, start=start, revision=revision)
        except (Compacted, FutureRevision):
            raise too_old(revision, self.log.start_revision) from None
        cached = (self._cached(item.key, item.value, item.revision) for item in listed.items)
        return (found for found in cached if found is not None), len(listed.items)


def _as_of(past: Mapping[ObjectKey, CachedObject | None], now: Iterable[CachedObject], namespace: str,
           after: ObjectKey | None) -> list[CachedObject]:
    """The objects of *now* with the changed ones as they were, in key order."""
    def order(key: ObjectKey) -> tuple[str, str]:
        return key.namespace + "/", key.name

    old = {key: found for key, found in past.items() if found is not None and (not namespace or key.namespace == namespace)
           and (after is None or order(key) > order(after))}
    same = (found for found in now if found.key not in past)
    return sorted([*same, *old.values()], key=lambda found: order(found.key))


def _page(found: Iterable[CachedObject], revision: int, limit: int, total: int | None) -> Snapshot:
    if limit <= 0:
        return Snapshot(list(found), revision)
    page = list(islice(found, limit + 1))
    if len(page) <= limit:
        return Snapshot(page, revision)
    return Snapshot(page[:limit], revision, more=True, remaining=None if total is None else total - limit)
