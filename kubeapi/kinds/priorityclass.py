"""PriorityClasses: a number by a name, which never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.strategy import Strategy
from kubeapi.validation.container import one_of
from kubeapi.validation.meta import immutable

Document = dict[str, Any]
HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


class PriorityClassStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True

    def default(self, obj: Document) -> None:
        obj.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        name, value, policy = (obj.get("metadata") or {}).get("name", ""), obj.get("value", 0), obj.get("preemptionPolicy")
        faults = []
        if name.startswith("system-"):
            if wrong := _not_known(name, value, bool(obj.get("globalDefault"))):
                faults.append(forbidden("metadata.name", f"priority class names with 'system-' prefix are reserved for system use only. error: {wrong}"))
        elif value > HIGHEST_USER_PRIORITY:
            faults.append(forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"))
        if policy is not None:
            faults += one_of(policy, "preemptionPolicy", ("Never", "PreemptLowerPriority"))
        return faults

    def desired(self, obj: Document) -> Document:
        return {}                                     # its generation stays 1

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [] if new.get("value", 0) == old.get("value", 0) else [forbidden("value", "may not be changed in an update.")]
        return faults + immutable(new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy")


def _not_known(name: str, value: int, is_default: bool) -> str:
    """Why this is none of the classes that a cluster begins with."""
    if name not in SYSTEM_PRIORITIES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_PRIORITIES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_PRIORITIES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


COLUMNS = (NAME, column("Value", lambda each: each.get("value", 0), "integer"),
           column("Global-Default", lambda each: bool(each.get("globalDefault")), "boolean"), AGE,
           column("PreemptionPolicy", lambda each: each.get("preemptionPolicy", "")))
