"""ReplicaSets: one replica unless told otherwise; the selector never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, SELECTOR, column, part
from kubeapi.kinds.deployment import validate_replica_counts
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.workload import validate_replicated

Document = dict[str, Any]


class ReplicaSetStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("replicas", 1)
        default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_replicated(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        changed = immutable(part(new, "spec").get("selector"), part(old, "spec").get("selector"), "spec.selector")
        return [*self.validate(new), *changed]

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_replica_counts(part(new, "status"))


COLUMNS = (
    NAME,
    column("Desired", lambda each: part(each, "spec").get("replicas", 0), "integer"),
    column("Current", lambda each: part(each, "status").get("replicas", 0), "integer"),
    column("Ready", lambda each: part(each, "status").get("readyReplicas", 0), "integer"),
    AGE, CONTAINERS, IMAGES, SELECTOR,
)
