"""Deployments: rolled out by 25% at a time unless told otherwise; the selector never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, SELECTOR, column, part
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import non_negative
from kubeapi.validation.workload import validate_deployment_strategy, validate_replicated

Document = dict[str, Any]


class DeploymentStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("replicas", 1)
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxUnavailable", "25%")
            rolling.setdefault("maxSurge", "25%")
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
        default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        faults = validate_replicated(spec) + validate_deployment_strategy(spec.get("strategy") or {})
        faults += non_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit")
        deadline, at = spec.get("progressDeadlineSeconds"), "spec.progressDeadlineSeconds"
        if deadline is not None:
            faults += non_negative(deadline, at)
            if deadline <= spec.get("minReadySeconds", 0):
                faults.append(invalid(at, deadline, "must be greater than minReadySeconds"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        changed = immutable(part(new, "spec").get("selector"), part(old, "spec").get("selector"), "spec.selector")
        return [*self.validate(new), *changed]

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_replica_counts(part(new, "status"))


def validate_replica_counts(status: Document) -> list[FieldError]:
    """No count is negative, and none of the parts is greater than the whole."""
    faults = []
    total = status.get("replicas", 0)
    for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "fullyLabeledReplicas"):
        count = status.get(name, 0)
        faults += non_negative(count, f"status.{name}")
        if name != "unavailableReplicas" and count > total:
            faults.append(invalid(f"status.{name}", count, "cannot be greater than status.replicas"))
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        faults.append(invalid("status.availableReplicas", status["availableReplicas"], "cannot be greater than readyReplicas"))
    return faults


def _ready(deployment: Document) -> str:
    return f"{part(deployment, 'status').get('readyReplicas', 0)}/{part(deployment, 'spec').get('replicas', 0)}"


COLUMNS = (
    NAME, column("Ready", _ready),
    column("Up-to-date", lambda each: part(each, "status").get("updatedReplicas", 0)),
    column("Available", lambda each: part(each, "status").get("availableReplicas", 0)),
    AGE, CONTAINERS, IMAGES, SELECTOR,
)
