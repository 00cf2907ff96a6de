"""Leases: who holds what, and until when."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.selectors import label_name

Document = dict[str, Any]
STRATEGIES = ("OldestEmulationVersion",)


class LeaseStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        faults = []
        if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
            faults.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
        if (count := spec.get("leaseTransitions")) is not None and count < 0:
            faults.append(invalid("spec.leaseTransitions", count, "must be greater than or equal to 0"))
        strategy = spec.get("strategy")
        if strategy is not None:
            faults += label_name(strategy, "spec.strategy.strategy") if "/" in strategy else [] if strategy in STRATEGIES else [
                not_supported("spec.strategy.strategy", strategy, STRATEGIES)]        # the doubled path is upstream's
        if spec.get("preferredHolder") and not strategy:
            faults.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


COLUMNS = (NAME, column("Holder", lambda each: part(each, "spec").get("holderIdentity", "")), AGE)
