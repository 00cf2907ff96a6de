"""CSIDrivers: what a storage driver can do."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class CSIDriverStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
