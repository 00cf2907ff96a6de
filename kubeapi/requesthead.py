"""How much of a request a server takes in before it can make anything of it.

Parsers of HTTP keep a head, a trailer or a chunk's extension until it is whole: who never ends one would fill the memory of
a server that does not know him yet. The bounds are upstream's (Go's 1 MiB, ReadHeaderTimeout).
"""
from __future__ import annotations

MOST_BYTES = 1 << 20
HEAD_SECONDS = 32.0                     # from a connection, or from a head's first bytes, to the head's end


class Unread:
    """Counts what came since the parser last understood something: the end of a head, a piece of a body, a message's end."""

    def __init__(self) -> None:
        self._bytes = 0
        self._has_moved = False

    def moved(self) -> None:
        self._has_moved = True

    def is_too_much(self, received: int) -> bool:
        """After that many bytes more have been parsed."""
        self._bytes = 0 if self._has_moved else self._bytes + received
        self._has_moved = False
        return self._bytes > MOST_BYTES
