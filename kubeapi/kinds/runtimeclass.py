"""RuntimeClasses: a way to run pods, by a name; its handler never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, duplicate, invalid
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.names import dns1123_label_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.container import validate_resources
from kubeapi.validation.meta import immutable, validate_labels
from kubeapi.validation.scheduling import validate_tolerations

Document = dict[str, Any]


class RuntimeClassStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def validate(self, obj: Document) -> Sequence[FieldError]:
        handler = obj.get("handler", "")
        faults = [invalid("handler", handler, fault) for fault in dns1123_label_faults(handler)]
        faults += validate_resources({"limits": (obj.get("overhead") or {}).get("podFixed")}, "overhead")
        scheduling = obj.get("scheduling") or {}
        faults += validate_labels(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
        tolerations = scheduling.get("tolerations") or []
        faults += validate_tolerations(tolerations, "scheduling.tolerations")
        keys = [tuple(each.get(name, "") for name in ("key", "operator", "value", "effect")) for each in tolerations]
        return faults + [duplicate(f"scheduling.tolerations[{index}]", tolerations[index])
                         for index, key in enumerate(keys) if key in keys[:index]]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*self.validate(new), *immutable(new.get("handler"), old.get("handler"), "handler")]


COLUMNS = (NAME, column("Handler", lambda each: each.get("handler", "")), AGE)
