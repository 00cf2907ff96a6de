"""APIServices: who serves a group's version."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class APIServiceStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
