"""What a watch writes on the wire per change. JSON in the storage version is joined from the cached bytes; any other
representation (another version, Table, metadata only, protobuf) is made by whoever asks for it."""
from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, Protocol

from apiserver.cacher.objects import CachedObject

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Representation(Protocol):
    """How changes look to one sort of client. Equal keys mean equal bytes: lines are shared by it."""

    @property
    def key(self) -> Hashable: ...

    def line(self, change: ChangeType, found: CachedObject) -> bytes: ...

    def bookmark(self, revision: int, *, ends_initial_events: bool) -> bytes: ...


class JsonLines:
    """JSON lines of the storage version; `head` is `{"apiVersion":...,"kind":...,"metadata":{` for bookmarks."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    @property
    def key(self) -> Hashable:
        return self._head

    def line(self, change: ChangeType, found: CachedObject) -> bytes:
        return b'{"type":"%b","object":%b%b}\n' % (change.encode(), found.head, found.body)

    def bookmark(self, revision: int, *, ends_initial_events: bool) -> bytes:
        annotations = b',"annotations":{"%b":"true"}' % INITIAL_EVENTS_END.encode() if ends_initial_events else b""
        return b'{"type":"BOOKMARK","object":%b"resourceVersion":"%d"%b}}}\n' % (self._head, revision, annotations)
