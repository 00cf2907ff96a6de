"""PriorityClasses: a number by a name, which never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]
HIGHEST_USER_PRIORITY = 1_000_000_000


class PriorityClassStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True

    def default(self, obj: Document) -> None:
        obj.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        name = (obj.get("metadata") or {}).get("name", "")
        if name in ("system-node-critical", "system-cluster-critical"):
            return []
        faults = []
        if name.startswith("system-"):
            faults.append(forbidden("metadata.name", "priority class names with 'system-' prefix are reserved for system use only"))
        if obj.get("value", 0) > HIGHEST_USER_PRIORITY:
            faults.append(forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"))
        return faults

    def desired(self, obj: Document) -> Document:
        return {}                                     # its generation stays 1

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [] if new.get("value", 0) == old.get("value", 0) else [forbidden("value", "may not be changed in an update.")]
        return faults + immutable(new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy")


COLUMNS = (NAME, column("Value", lambda each: each.get("value", 0), "integer"),
           column("Global-Default", lambda each: bool(each.get("globalDefault")), "boolean"), AGE,
           column("PreemptionPolicy", lambda each: each.get("preemptionPolicy", "")))
