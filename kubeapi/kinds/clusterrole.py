"""ClusterRoles: what may be done anywhere."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class ClusterRoleStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
