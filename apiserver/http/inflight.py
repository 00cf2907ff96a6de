"""How many requests are worked on at a time: of all, and of any one user, so that nobody takes every place and leaves it open."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kubeapi import errors

MOST, MOST_OF_ONE_USER = 600, 400


class InFlight:
    def __init__(self) -> None:
        self._by_user: Counter[str] = Counter()
        self._count = 0

    @contextmanager
    def one_of(self, user: str) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._count >= MOST or self._by_user[user] >= MOST_OF_ONE_USER:
            raise errors.TooManyRequests("too many requests, please try again later", details={"retryAfterSeconds": 1})
        self._count += 1
        self._by_user[user] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._by_user[user] -= 1
            if not self._by_user[user]:
                del self._by_user[user]         # users come and go
