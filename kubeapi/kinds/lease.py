"""Leases: who holds what, and until when."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy

Document = dict[str, Any]


class LeaseStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        faults = []
        if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
            faults.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
        if (count := spec.get("leaseTransitions")) is not None and count < 0:
            faults.append(invalid("spec.leaseTransitions", count, "must be greater than or equal to 0"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


COLUMNS = (NAME, column("Holder", lambda each: part(each, "spec").get("holderIdentity", "")), AGE)
