"""VolumeAttributesClasses: what a driver may change of a volume; immutable."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden
from kubeapi.kinds.cells import AGE, column, name_with_default
from kubeapi.strategy import Strategy
from kubeapi.validation.storage import parameters, provisioner

Document = dict[str, Any]


class VolumeAttributesClassStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return provisioner(obj.get("driverName", ""), "driverName") + parameters(obj.get("parameters") or {}, "parameters", may_be_empty=False)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*(forbidden(name, f"updates to {name} are forbidden.") for name in ("driverName", "parameters") if new.get(name) != old.get(name)),
                *self.validate(new)]


COLUMNS = (name_with_default("volumeattributesclass.kubernetes.io/is-default-class"),
           column("DriverName", lambda each: each.get("driverName", "")), AGE)
