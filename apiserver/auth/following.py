"""An index over a Cacher that costs nothing while nobody asks: it reads the log from where it stopped, when it is asked."""
from __future__ import annotations

from collections.abc import Callable

from apiserver.cacher import CachedObject, Cacher

Changed = Callable[[CachedObject | None, CachedObject | None], None]


class Following:
    """Hands every change, once, to `changed(old, new)`; after `forget` everything there is comes again, as new."""

    def __init__(self, cacher: Cacher, forget: Callable[[], None], changed: Changed) -> None:
        self._cacher, self._forget, self._changed = cacher, forget, changed
        self._at = -1                           # the log's index of what is next

    def catch_up(self) -> bool:
        """Whether anything has happened since the last time."""
        log = self._cacher.log
        if self._at == log.end:
            return False
        if self._at < log.first:
            self._forget()
            for found in self._cacher.objects():
                self._changed(None, found)
        else:
            for index in range(self._at, log.end):
                self._changed(log[index].old, log[index].new)
        self._at = log.end
        return True
