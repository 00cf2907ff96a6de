"""ResourceClaimTemplates: a ResourceClaim for each pod; immutable."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, part
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]


class ResourceClaimTemplateStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return immutable(part(new, "spec"), part(old, "spec"), "spec")


COLUMNS = (NAME, AGE)
