"""PodTemplates: a template kept for later."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import NAME, column, containers_columns, format_labels, metadata, part
from kubeapi.kinds.poddefaults import default_pod_spec
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.podspec import validate_pod_template

Document = dict[str, Any]


class PodTemplateStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True
    returns_deleted_object: ClassVar[bool] = True

    def default(self, obj: Document) -> None:
        default_pod_spec(obj.setdefault("template", {}).setdefault("spec", {}))

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_pod_template(part(obj, "template"), "template")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


def _containers(template: Document) -> list[Document]:
    return part(part(template, "template"), "spec").get("containers") or []


COLUMNS = (
    NAME, *(Column(each.name, each.type, each.cell) for each in containers_columns(_containers)),
    column("Pod Labels", lambda each: format_labels(metadata(part(each, "template")).get("labels"))),
)
