"""Causes: what put a key into a work queue, carried through reconcile and sent along with the writes it leads to.

A cause is an object's event, a timer or a retry. Merging unites causes: the newest 16 and a count of all. Writes send
them in the header X-Picokube-Causes, which the API server's audit records; objects never contain them.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.meta import ObjectKey

HEADER = "X-Picokube-Causes"
KEPT = 16


class Cause(NamedTuple):
    """`event` is ADDED, MODIFIED, DELETED, RESYNC, timer or retry; timers and retries name no object."""

    event: str
    resource: str = ""
    key: ObjectKey = ObjectKey("", "")
    resource_version: str = ""

    def __str__(self) -> str:
        if not self.resource:
            return self.event
        return f"{self.event} {self.resource} {self.key}@{self.resource_version}"


TIMER = Cause("timer")
RETRY = Cause("retry")


@dataclass(frozen=True, slots=True)
class Causes:
    """The newest causes (oldest first) and how many there were in all."""

    newest: tuple[Cause, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, *causes: Cause) -> Causes:
        return cls(causes[-KEPT:], len(causes))

    def merge(self, other: Causes) -> Causes:
        return Causes((*self.newest, *other.newest)[-KEPT:], self.count + other.count)

    def header(self) -> str:
        """`MODIFIED pods default/web-1@42, retry, (+3 more)`"""
        texts = [str(cause) for cause in self.newest]
        if self.count > len(self.newest):
            texts.append(f"(+{self.count - len(self.newest)} more)")
        return ", ".join(texts).encode("ascii", "replace").decode()


NONE = Causes()
_current: ContextVar[Causes] = ContextVar("causes", default=NONE)


def current() -> Causes:
    """The causes of what runs now: of the event being handled, or of the key being reconciled."""
    return _current.get()


@contextmanager
def because_of(causes: Causes) -> Iterator[None]:
    token = _current.set(causes)
    try:
        yield
    finally:
        _current.reset(token)
