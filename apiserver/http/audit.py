"""The audit log: one line for every request that may change something, with who asked and which events made them ask.

Written straight to standard error, one write a line: the logging package would cost a twentieth of a whole request.
"""
from __future__ import annotations

import os
import time

from apiserver.http.responses import Scope, header

STANDARD_ERROR = 2


class AuditLog:
    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self._descriptor = descriptor
        self._second, self._shown = -1, ""

    def record(self, scope: Scope, now: float) -> None:
        """`now`: seconds since the epoch. Paths are shown quoted: nobody can write a second line through one."""
        if scope["method"] in ("GET", "HEAD"):
            return
        causes = header(scope, b"x-picokube-causes")
        line = (f"{self._time(now)} I audit: {scope.get('status')} {scope['method']} {_quoted(scope['path'])} "
                f"by {_quoted(scope.get('user', '?'))} because of [{_quoted(causes)}]\n")
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:                         # a full disk or a closed pipe must not fail requests
            return

    def _time(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second, self._shown = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._shown},{int(now % 1 * 1000):03}"


def _quoted(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()
