"""Exponential back-off by key: doubles at each failure up to a maximum, and forgets after twice the maximum without one."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    delay: float
    updated: float


class BackOff:
    def __init__(self, initial_seconds: float = 10.0, maximum_seconds: float = 300.0) -> None:
        self._initial, self._maximum = initial_seconds, maximum_seconds
        self._entries: dict[str, _Entry] = {}

    def remaining(self, key: str, failed_at: float, now: float) -> float:
        """Seconds to wait still after a failure at *failed_at*; 0 where nothing hinders another attempt."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, failed_at):
            return 0.0
        return max(0.0, failed_at + entry.delay - now)

    def remaining_since_update(self, key: str, now: float) -> float:
        entry = self._entries.get(key)
        return 0.0 if entry is None else self.remaining(key, entry.updated, now)

    def delay(self, key: str) -> float:
        entry = self._entries.get(key)
        return entry.delay if entry else 0.0

    def next(self, key: str, failed_at: float, now: float) -> None:
        """Another attempt begins (or has failed): the next one waits twice as long."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, failed_at):
            self._entries[key] = _Entry(self._initial, now)
        else:
            entry.delay, entry.updated = min(entry.delay * 2, self._maximum), now

    def forget(self, prefix: str) -> None:
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]

    def _expired(self, entry: _Entry, failed_at: float) -> bool:
        return failed_at - entry.updated > 2 * self._maximum
