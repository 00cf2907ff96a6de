"""CSINodes: the storage drivers that a node has."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class CSINodeStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
