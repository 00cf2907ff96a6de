"""IngressClasses: which controller cares for an Ingress; that never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, column, part
from kubeapi.strategy import Strategy
from kubeapi.validation.ingress import validate_ingress_class
from kubeapi.validation.meta import immutable

Document = dict[str, Any]


class IngressClassStrategy(Strategy):
    has_status: ClassVar[bool] = False

    def default(self, obj: Document) -> None:
        if (parameters := part(obj, "spec").get("parameters")) is not None:
            parameters.setdefault("scope", "Cluster")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_ingress_class(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        changed = immutable(part(new, "spec").get("controller"), part(old, "spec").get("controller"), "spec.controller")
        return [*changed, *self.validate(new)]


def _parameters(each: Document) -> str:
    parameters = part(each, "spec").get("parameters")
    if parameters is None:
        return NONE
    group = parameters.get("apiGroup")
    return f"{parameters.get('kind', '')}{f'.{group}' if group is not None else ''}/{parameters.get('name', '')}"


COLUMNS = (NAME, column("Controller", lambda each: part(each, "spec").get("controller", "")), column("Parameters", _parameters), AGE)
