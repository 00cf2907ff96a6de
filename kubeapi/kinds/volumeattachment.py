"""VolumeAttachments: a volume that is to be attached to a node."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class VolumeAttachmentStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
