"""Time for tests: a loop whose clock jumps to the next timer when everything waits, and a world that follows it.

Nothing ever sleeps, so an hour costs nothing and every run is the same. A loop that waits for what cannot come any more
raises Deadlock: no timer is left, or only timers that go on for ever. No sockets, threads or processes belong here.
"""
from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from kubeapi.world import World

LONGEST_SECONDS = 30 * 24 * 3600.0          # no test waits for a month
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")


class Deadlock(Exception):
    """Everything waits, and nothing will wake it."""


class _JumpingSelector(selectors.BaseSelector):
    def __init__(self) -> None:
        self.seconds = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Deadlock("every task waits, and no timer is set")
        self.seconds += max(timeout, 0.0)
        if self.seconds > LONGEST_SECONDS:
            raise Deadlock("a month has passed: what the test waits for does not come")
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.seconds


class VirtualWorld(World):
    """Begins on 2026-01-01 and follows the running loop's clock; the same seed gives the same uids and names."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=_loop_seconds())

    def seconds(self) -> float:
        return BEGINNING.timestamp() + _loop_seconds()


def _loop_seconds() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:                        # a test builds its objects before the loop runs
        return 0.0


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Runs *scenario* to its end in virtual time; tasks it left behind are cancelled."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario)


async def settle() -> None:
    """Lets everything happen that needs no time to pass."""
    await asyncio.sleep(1e-6)
