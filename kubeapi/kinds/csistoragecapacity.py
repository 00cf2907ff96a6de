"""CSIStorageCapacities: how much room there is in a part of the cluster."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class CSIStorageCapacityStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
