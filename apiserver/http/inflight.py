"""How many requests are worked on at a time: of all, and of any one user, so that nobody takes every place and leaves it open.
Who is system:masters mends what others broke: they are refused nothing of what lasts (upstream's priority level `exempt`)."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from apiserver.auth.user import User
from kubeapi import errors

MOST, MOST_OF_ONE_USER = 600, 400
MASTERS = "system:masters"


def too_many() -> errors.TooManyRequests:
    return errors.TooManyRequests("too many requests, please try again later", details={"retryAfterSeconds": 1})


class InFlight:
    """Short requests: each has a deadline, and so has its place."""

    def __init__(self) -> None:
        self._by_user: Counter[str] = Counter()
        self._count = 0

    @contextmanager
    def one_of(self, user: str) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._count >= MOST or self._by_user[user] >= MOST_OF_ONE_USER:
            raise too_many()
        self._count += 1
        self._by_user[user] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._by_user[user] -= 1
            if not self._by_user[user]:
                del self._by_user[user]         # users come and go


class LongRunning:
    """Watches, logs and streams: open for as long as their client likes, each with its connection and what waits to be sent."""

    def __init__(self, most_of_one_user: int) -> None:
        self._most = most_of_one_user
        self._by_user: Counter[str] = Counter()

    @contextmanager
    def one_of(self, user: User) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._by_user[user.name] >= self._most and MASTERS not in user.groups:
            raise too_many()
        self._by_user[user.name] += 1
        try:
            yield
        finally:
            self._by_user[user.name] -= 1
            if not self._by_user[user.name]:
                del self._by_user[user.name]
