"""Wall clock, random numbers and uids, injected so that tests and simulations repeat exactly.

Nothing else in the tree may call time.time, datetime.now, uuid4 or random (lint holds it). Monotonic time is the event
loop's and is not here.
"""
from __future__ import annotations

import os
import random
import time
import uuid
from datetime import UTC, datetime

# Upstream's alphabet for generated names: no vowels, no 0, 1 or 3, so that no words appear.
NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class World:
    """The real world; a subclass with a seed and a virtual clock is a test's."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def name_suffix(self, length: int = 5) -> str:
        return "".join(self.random.choices(NAME_ALPHABET, k=length))


REAL_WORLD = World()
# Processes forked from a warm parent must not all draw the same uids.
os.register_at_fork(after_in_child=REAL_WORLD.random.seed)
