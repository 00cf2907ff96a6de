"""What closed connections held goes back to the system.

A client that reads nothing leaves some hundred KB waiting for it. When a thousand such go, all that memory is free, but it lies between what
is still used, where the C library keeps it for ever: it is asked to look through it, once for many connections.
"""
from __future__ import annotations

import asyncio
import ctypes
import gc

FROM_CONNECTIONS = 64
DELAY_SECONDS = 1.0             # the others of a crowd go within it


class Heap:
    """This process's: there is but one."""

    def __init__(self) -> None:
        self._closed = 0
        self._due = 0.0

    def connection_closed(self, loop: asyncio.AbstractEventLoop) -> None:
        self._closed += 1
        if self._closed >= FROM_CONNECTIONS and loop.time() >= self._due:
            self._due = loop.time() + DELAY_SECONDS
            loop.call_later(DELAY_SECONDS, self.give_back)

    def give_back(self) -> None:
        self._closed = 0
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)      # of glibc
        if trim is not None:
            trim(0)
