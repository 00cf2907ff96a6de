"""The audit log: one line for every request that may change something, with who asked and which events made them ask.

Written straight to standard error (the logging package would cost a twentieth of a whole request), some lines at a time: each write
wakes who reads them. A line waits a tenth of a second at most, and no more than 16 KiB of them do.
"""
from __future__ import annotations

import asyncio
import os
import time

from apiserver.http.responses import Scope, header

STANDARD_ERROR = 2
WAIT_SECONDS, MOST_BYTES = 0.1, 16 * 1024


class AuditLog:
    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self._descriptor = descriptor
        self._second, self._shown = -1, ""
        self._lines: list[bytes] = []
        self._size = 0
        self._writing: asyncio.TimerHandle | None = None

    def record(self, scope: Scope, now: float) -> None:
        """`now`: seconds since the epoch. Paths are shown quoted: nobody can write a second line through one."""
        if scope["method"] in ("GET", "HEAD"):
            return
        causes = header(scope, b"x-picokube-causes")
        line = (f"{self._time(now)} I audit: {scope.get('status')} {scope['method']} {_quoted(scope['path'])} "
                f"by {_quoted(scope.get('user', '?'))} because of [{_quoted(causes)}]\n")
        self._lines.append(line.encode("utf-8", "backslashreplace"))
        self._size += len(self._lines[-1])
        if self._size >= MOST_BYTES:
            self.flush()
        elif self._writing is None:
            self._writing = asyncio.get_running_loop().call_later(WAIT_SECONDS, self.flush)

    def flush(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
        lines, self._lines, self._size, self._writing = b"".join(self._lines), [], 0, None
        try:
            os.write(self._descriptor, lines)
        except OSError:                         # a full disk or a closed pipe must not fail requests
            return

    def _time(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second, self._shown = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._shown},{int(now % 1 * 1000):03}"


def _quoted(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()
