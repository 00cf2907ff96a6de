"""CSIDrivers: what a storage driver can do and what it wants to be told."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required
from kubeapi.kinds.cells import AGE, NAME, NONE, UNSET, column, joined, part
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]
_DEFAULTS = {"attachRequired": True, "fsGroupPolicy": "ReadWriteOnceWithFSType", "podInfoOnMount": False, "requiresRepublish": False,
             "seLinuxMount": False, "storageCapacity": False}
_POLICIES, _MODES = ("File", "None", "ReadWriteOnceWithFSType"), ("Persistent", "Ephemeral")


class CSIDriverStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        for name, value in _DEFAULTS.items():
            spec.setdefault(name, value)
        if not spec.get("volumeLifecycleModes"):
            spec["volumeLifecycleModes"] = ["Persistent"]

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        policy, period = spec.get("fsGroupPolicy"), spec.get("nodeAllocatableUpdatePeriodSeconds")
        faults = [required(f"spec.{at}") for name, at in (          # the first one's spelling is upstream's
            ("attachRequired", "attachedRequired"), ("podInfoOnMount",) * 2, ("storageCapacity",) * 2) if spec.get(name) is None]
        if policy is not None and policy not in _POLICIES:
            faults.append(not_supported("spec.fsGroupPolicy", policy, _POLICIES))
        faults += _token_requests(spec.get("tokenRequests") or [], "spec.tokenRequests")
        faults += [not_supported("spec.volumeLifecycleModes", mode, _MODES) for mode in spec.get("volumeLifecycleModes") or () if mode not in _MODES]
        if spec.get("seLinuxMount") is None:
            faults.append(required("spec.seLinuxMount"))
        if period is not None and period < 10:
            faults.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        after, before = part(new, "spec"), part(old, "spec")
        return [*self.validate(new), *immutable(after.get("attachRequired"), before.get("attachRequired"), "spec.attachedRequired"),
                *immutable(after.get("volumeLifecycleModes"), before.get("volumeLifecycleModes"), "spec.volumeLifecycleModes")]


def _token_requests(requests: list[Document], path: str) -> list[FieldError]:
    faults = []
    for index, each in enumerate(requests):
        seconds, audiences = each.get("expirationSeconds"), [other.get("audience", "") for other in requests[:index]]
        if each.get("audience", "") in audiences:
            faults.append(duplicate(f"{path}[{index}].audience", each.get("audience", "")))
        elif seconds is not None and seconds < 600:
            faults.append(invalid(f"{path}[{index}].expirationSeconds", seconds, "may not specify a duration less than 10 minutes"))
        elif seconds is not None and seconds > 1 << 32:
            faults.append(invalid(f"{path}[{index}].expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"))
    return faults


def _audiences(driver: Document) -> str:
    requests = part(driver, "spec").get("tokenRequests")
    return UNSET if requests is None else joined(each.get("audience", "") for each in requests)


COLUMNS = (
    NAME, column("AttachRequired", lambda each: part(each, "spec").get("attachRequired", True), "boolean"),
    column("PodInfoOnMount", lambda each: bool(part(each, "spec").get("podInfoOnMount")), "boolean"),
    column("StorageCapacity", lambda each: bool(part(each, "spec").get("storageCapacity")), "boolean"),
    column("TokenRequests", _audiences),
    column("RequiresRepublish", lambda each: bool(part(each, "spec").get("requiresRepublish")), "boolean"),
    column("Modes", lambda each: joined(part(each, "spec").get("volumeLifecycleModes") or ()) or NONE), AGE,
)
