"""LimitRanges: what a container gets that asks for nothing, and how much it may ask for."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import part
from kubeapi.strategy import Strategy
from kubeapi.validation.limitrange import validate_limits

Document = dict[str, Any]


def _filled_from(there: Document | None, *sources: Document | None) -> Document:
    filled = dict(there or {})
    for source in sources:
        filled = {**(source or {}), **filled}
    return filled


class LimitRangeStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        for limit in part(obj, "spec").get("limits") or ():
            if limit.get("type") == "Container":
                limits = _filled_from(limit.get("default"), limit.get("max"))
                requests = _filled_from(limit.get("defaultRequest"), limits, limit.get("min"))
                limit.update({name: value for name, value in (("default", limits), ("defaultRequest", requests)) if value})

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_limits(part(obj, "spec").get("limits") or [], "spec.limits")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)
