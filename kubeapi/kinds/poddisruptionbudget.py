"""PodDisruptionBudgets: how many of some pods evictions must leave, or may take."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid, not_supported
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.conditions import validate_conditions
from kubeapi.validation.selectors import at_most_all, count_or_percent, non_negative, validate_label_selector

Document = dict[str, Any]
_BOUNDS = ("minAvailable", "maxUnavailable")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


class PodDisruptionBudgetStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        faults = []
        if all(spec.get(name) is not None for name in _BOUNDS):
            faults.append(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
        for name in _BOUNDS:
            if (bound := spec.get(name)) is not None:
                faults += count_or_percent(bound, f"spec.{name}") + at_most_all(bound, f"spec.{name}")
        policy = spec.get("unhealthyPodEvictionPolicy")
        if policy is not None and policy not in _POLICIES:
            faults.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
        return faults + validate_label_selector(spec.get("selector"), "spec.selector")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        status = part(new, "status")
        counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
        return validate_conditions(status.get("conditions"), "status.conditions") + [
            fault for name in counts for fault in non_negative(status.get(name), f"status.{name}")]


def _bound(budget: Document, name: str) -> str:
    found = part(budget, "spec").get(name)
    return "N/A" if found is None else str(found)


COLUMNS = (
    NAME, column("Min Available", lambda each: _bound(each, "minAvailable")),
    column("Max Unavailable", lambda each: _bound(each, "maxUnavailable")),
    column("Allowed Disruptions", lambda each: part(each, "status").get("disruptionsAllowed", 0), "integer"), AGE,
)
