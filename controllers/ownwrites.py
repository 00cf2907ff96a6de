"""A controller's own writes that its cache does not show yet: until it does, what the cache says must not be acted on.

Unlike expectations, which count, these compare: an object written must appear at that resourceVersion or a later one, a
deleted one must be gone. What is not seen within a minute is given up: somebody else undid it before the watch looked.
"""
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from controllers.references import key_of
from kubeapi.meta import ObjectKey
from kubeclient.informer import Informer

LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Write:
    uid: str
    version: int | None             # None: deleted
    since: float


class OwnWrites:
    """`about` is the key that is reconciled, which the objects written belong to."""

    def __init__(self, informer: Informer[Any]) -> None:
        self._informer = informer
        self._unseen: dict[ObjectKey, dict[ObjectKey, _Write]] = {}
        self._waiting: set[ObjectKey] = set()

    def wrote(self, about: ObjectKey, obj: Any) -> None:
        self._note(about, obj, int(obj.metadata.resource_version))

    def deleted(self, about: ObjectKey, obj: Any) -> None:
        self._note(about, obj, None)

    def are_seen(self, about: ObjectKey) -> bool:
        """If not, what shows the last of them is news."""
        unseen = self._unseen.get(about, {})
        for key, write in [*unseen.items()]:
            if self._shows(key, write) or self._now() - write.since > LONGEST_SECONDS:
                del unseen[key]
        if not unseen:
            self._unseen.pop(about, None)
            self._waiting.discard(about)
            return True
        self._waiting.add(about)
        return False

    def is_news(self, about: ObjectKey, obj: Any, *, is_gone: bool = False) -> bool:
        """Whether this state of an object needs a look: not if it is what was written here last and nobody waits for it."""
        write = self._unseen.get(about, {}).get(key_of(obj))
        if write is None:
            return True
        if self._shows(key_of(obj), write):
            del self._unseen[about][key_of(obj)]
        return about in self._waiting or write.uid != obj.metadata.uid or write.version != (None if is_gone else int(obj.metadata.resource_version))

    def forget(self, about: ObjectKey) -> None:
        self._unseen.pop(about, None)
        self._waiting.discard(about)

    def _note(self, about: ObjectKey, obj: Any, version: int | None) -> None:
        write = _Write(obj.metadata.uid, version, self._now())
        if not self._shows(key_of(obj), write):         # the watch may have been faster than the answer
            self._unseen.setdefault(about, {})[key_of(obj)] = write

    def _shows(self, key: ObjectKey, write: _Write) -> bool:
        there = self._informer.get(key)
        if write.version is None:
            return there is None or there.metadata.uid != write.uid
        return there is not None and int(there.metadata.resource_version) >= write.version

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
