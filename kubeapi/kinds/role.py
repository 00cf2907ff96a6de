"""Roles: what may be done in a namespace."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.names import path_segment_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.rbac import validate_rules

Document = dict[str, Any]


class RoleStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    is_namespaced: ClassVar[bool] = True

    def name_faults(self, name: str) -> list[str]:
        return path_segment_faults(name)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_rules(obj.get("rules") or [], "rules", self.is_namespaced)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)
