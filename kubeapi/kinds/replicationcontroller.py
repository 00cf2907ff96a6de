"""ReplicationControllers: what ReplicaSets were first; selector and labels are the template's unless told otherwise."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid, not_supported, required
from kubeapi.kinds.cells import AGE, CONTAINERS, IMAGES, NAME, column, format_labels, part
from kubeapi.kinds.deployment import validate_replica_counts
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.strategy import Strategy
from kubeapi.validation.podspec import validate_pod_template
from kubeapi.validation.selectors import non_negative

Document = dict[str, Any]


class ReplicationControllerStrategy(Strategy):
    default_propagation: ClassVar[str] = "Orphan"

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        if spec.get("replicas") is None:
            spec["replicas"] = 1
        if (template := spec.get("template")) is None:
            return
        if labels := part(template, "metadata").get("labels"):
            if not spec.get("selector"):
                spec["selector"] = dict(labels)
            if not part(obj, "metadata").get("labels"):
                obj.setdefault("metadata", {})["labels"] = dict(labels)
        default_pod_spec(template.setdefault("spec", {}))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        faults = non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
        if not spec.get("selector"):
            faults.append(required("spec.selector"))
        faults += non_negative(spec.get("replicas"), "spec.replicas")
        if spec.get("template") is None:
            return [*faults, required("spec.template")]
        return [*faults, *_template(spec["template"], spec.get("selector") or {}, "spec.template")]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_replica_counts(part(new, "status"))


def _template(template: Document, selector: Document, path: str) -> list[FieldError]:
    labels, spec = part(template, "metadata").get("labels") or {}, part(template, "spec")
    faults = []
    if not selector.items() <= labels.items():
        faults.append(invalid(f"{path}.metadata.labels", labels, "`selector` does not match template `labels`"))
    faults += validate_pod_template(template, path)
    if (policy := spec.get("restartPolicy", "")) != "Always":
        faults.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if (deadline := spec.get("activeDeadlineSeconds")) is not None:
        faults.append(invalid(f"{path}.spec.activeDeadlineSeconds", deadline, "must not be specified"))
    return faults


COLUMNS = (
    NAME,
    column("Desired", lambda each: part(each, "spec").get("replicas", 0), "integer"),
    column("Current", lambda each: part(each, "status").get("replicas", 0), "integer"),
    column("Ready", lambda each: part(each, "status").get("readyReplicas", 0), "integer"),
    AGE, CONTAINERS, IMAGES, column("Selector", lambda each: format_labels(part(each, "spec").get("selector")), wide=True),
)
