"""DaemonSets: one unavailable at a time unless told otherwise; the selector never changes, and the template's changes are counted."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, SELECTOR, column, format_labels, part
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.daemonset import validate_daemon_set_spec
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]
# Where apps/v1 keeps the counter that was a field of earlier versions.
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_COUNTS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
           "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount")


class DaemonSetStrategy(Strategy):
    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        strategy = spec.setdefault("updateStrategy", {})
        if not strategy.get("type"):
            strategy["type"] = "RollingUpdate"
        if strategy["type"] == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxUnavailable", 1)
            rolling.setdefault("maxSurge", 0)
        spec.setdefault("revisionHistoryLimit", 10)
        default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))

    def prepare_for_create(self, obj: Document) -> None:
        _set_template_generation(obj, max(1, _template_generation(obj)))

    def prepare_for_update(self, new: Document, old: Document) -> None:
        has_changed = part(new, "spec").get("template") != part(old, "spec").get("template")
        _set_template_generation(new, max(1, _template_generation(old)) + has_changed)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_daemon_set_spec(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        changed = immutable(part(new, "spec").get("selector"), part(old, "spec").get("selector"), "spec.selector")
        return [*self.validate(new), *changed]

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        after, before = part(new, "status"), part(old, "status")
        faults = [fault for name in _COUNTS for fault in non_negative(after.get(name), f"status.{name}")]
        collisions = after.get("collisionCount") or 0
        if collisions < (before.get("collisionCount") or 0):
            faults.append(invalid("status.collisionCount", collisions, "cannot be decremented"))
        return faults


def _template_generation(obj: Document) -> int:
    text = (part(obj, "metadata").get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if text.isdecimal() else 0


def _set_template_generation(obj: Document, generation: int) -> None:
    metadata = obj.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}


def _count(title: str, name: str) -> Column:
    return column(title, lambda each: part(each, "status").get(name, 0), "integer")


def _node_selector(daemon_set: Document) -> str:
    return format_labels(part(part(daemon_set, "spec").get("template") or {}, "spec").get("nodeSelector"))


COLUMNS = (
    NAME, _count("Desired", "desiredNumberScheduled"), _count("Current", "currentNumberScheduled"), _count("Ready", "numberReady"),
    _count("Up-to-date", "updatedNumberScheduled"), _count("Available", "numberAvailable"), column("Node Selector", _node_selector),
    AGE, CONTAINERS, IMAGES, SELECTOR,
)
