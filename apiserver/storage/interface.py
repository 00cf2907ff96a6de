"""Storage: bytes by key with revisions, compare-and-swap and one ordered watch. Two implementations: etcd and memory.

Both pass tests/contract's storage suite. A revision is etcd's mod revision: it grows by one with every write, and a
revision once answered is durable. Errors are these four, by what happened, plus StorageUnavailable:

    StorageError
      KeyNotFound · KeyExists · Conflict (carries the current value, or None where the key is gone)
      Compacted (carries the oldest revision still there) · FutureRevision · StorageUnavailable · TooLarge
"""
from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A value and the revision that wrote it."""

    key: str
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One page in key order: `more` says that `limit` cut it, `count` how many keys the prefix holds in all."""

    items: Sequence[Stored]
    revision: int
    more: bool
    count: int


@dataclass(frozen=True, slots=True)
class StorageEvent:
    """One write. PUT: `value` is new. DELETE: `value` is None."""

    type: Literal["PUT", "DELETE"]
    key: str
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Progress:
    """All events up to `revision` have been delivered."""

    revision: int


Batch = list[StorageEvent]


class StorageError(Exception):
    """A storage operation did not happen."""


class KeyNotFound(StorageError):
    pass


class KeyExists(StorageError):
    pass


class Conflict(StorageError):
    def __init__(self, current: Stored | None) -> None:
        super().__init__("the key changed")
        self.current = current


class Compacted(StorageError):
    def __init__(self, oldest: int) -> None:
        super().__init__(f"revisions before {oldest} are compacted")
        self.oldest = oldest


class FutureRevision(StorageError):
    """The asked-for revision has not happened yet."""


class TooLarge(StorageError):
    """The value is larger than a request to the store may be."""


class StorageUnavailable(StorageError):
    """No answer in time; a write may or may not have happened."""


class Storage(Protocol):
    async def get(self, key: str) -> Stored:
        """Raises KeyNotFound."""
        ...

    async def list(self, prefix: str, *, limit: int = 0, start: str = "", revision: int = 0) -> Listed:
        """Keys under `prefix` from key `start` on (inclusive), at `revision` (0: now). Raises Compacted, FutureRevision."""
        ...

    async def count(self, prefix: str) -> int: ...

    async def current_revision(self) -> int:
        """Linearizable: no write acknowledged before this call is newer than the answer."""
        ...

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        """The new revision. Raises KeyExists."""
        ...

    async def put_if(self, key: str, value: bytes, *, revision: int, ttl_seconds: int = 0) -> int:
        """Replaces the value if its revision is still `revision`; the new revision. Raises Conflict."""
        ...

    async def delete_if(self, key: str, *, revision: int) -> int:
        """Deletes if the revision is still `revision`; the deletion's revision. Raises Conflict."""
        ...

    def watch(self, prefix: str, *, since: int) -> AsyncGenerator[Batch | Progress, None]:
        """Everything after `since`, whole revisions in order. Raises Compacted, and FutureRevision where the server asked has
        not come as far as `since`; ends with StorageUnavailable when the connection is lost or silent (the caller watches
        again from the last revision it saw)."""
        ...

    async def request_progress(self) -> None:
        """Makes an open watch say something, soon: Progress, if nothing else. Where nobody asks for long, a watch that is
        merely quiet is taken for dead."""
        ...

    async def compact(self, revision: int) -> None: ...

    async def close(self) -> None: ...
