"""How long a failed pod stays before it is replaced: 1 s, 2 s, 4 s ... 15 minutes, on each node for itself.

A kubelet that refuses a pod refuses the next one as well: without waiting the two would keep each other busy for ever.
"""
from __future__ import annotations

import asyncio
from typing import NamedTuple

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 15 * 60.0
FORGET_AFTER_SECONDS = 2 * LONGEST_SECONDS
Key = tuple[str, int, str]                      # the DaemonSet's uid, the generation it was at, the node


class _Wait(NamedTuple):
    since: float
    seconds: float


class FailedPodBackoff:
    def __init__(self) -> None:
        self._waits: dict[Key, _Wait] = {}
        self._swept = 0.0

    def seconds_left(self, key: Key) -> float:
        """0: now."""
        wait = self._waits.get(key)
        return max(0.0, wait.since + wait.seconds - self._now()) if wait is not None else 0.0

    def next(self, key: Key) -> None:
        """A failed pod is replaced now; the next one stays longer."""
        now = self._now()
        self._sweep(now)
        wait = self._waits.get(key)
        self._waits[key] = _Wait(now, min(wait.seconds * 2, LONGEST_SECONDS) if wait is not None else FIRST_SECONDS)

    def _sweep(self, now: float) -> None:
        if now - self._swept > LONGEST_SECONDS / 2:
            self._swept = now
            self._waits = {key: wait for key, wait in self._waits.items() if now - wait.since <= FORGET_AFTER_SECONDS}

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
