"""RuntimeClasses: a way to run pods, by a name."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class RuntimeClassStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
