"""RoleBindings: who has a role in a namespace."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class RoleBindingStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
