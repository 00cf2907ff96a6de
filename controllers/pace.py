"""How soon after one look at an object with many parts the next one follows.

A look at a thousand pods costs as much as their creation; while they start, most looks would find one more of them ready. So what
has many parts rests after a look, a little for each part, and some looks do what a thousand would have done.
"""
from __future__ import annotations

import asyncio

from kubeapi.meta import ObjectKey

SMALL = 50                          # no rest for so few


class Pace:
    """`batch_seconds` is a wait before every look, for more changes to come."""

    def __init__(self, rest_seconds: float, batch_seconds: float = 0.0) -> None:
        """`rest_seconds`: for each part."""
        self._rest_seconds, self._batch_seconds = rest_seconds, batch_seconds
        self._rests_until: dict[ObjectKey, float] = {}

    def looked(self, key: ObjectKey, parts: int) -> None:
        if parts <= SMALL:
            self._rests_until.pop(key, None)
        else:
            self._rests_until[key] = self._now() + parts * self._rest_seconds

    def wait(self, key: ObjectKey) -> float:
        return max(self._batch_seconds, self._rests_until.get(key, 0.0) - self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
