"""What can be configured of a scheduler as a whole; without a file all of it is as upstream's defaults."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scheduler.profile import Profile
from scheduler.queue import INITIAL_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS
from scheduler.registry import default_profile


@dataclass(frozen=True, slots=True)
class Configuration:
    profiles: Sequence[Profile] = field(default_factory=lambda: (default_profile(),))
    initial_backoff_seconds: float = INITIAL_BACKOFF_SECONDS
    longest_backoff_seconds: float = LONGEST_BACKOFF_SECONDS
    leader_elect: bool = True
    kubeconfig: str = ""
