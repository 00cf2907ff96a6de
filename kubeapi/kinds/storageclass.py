"""StorageClasses: volumes are bound at once and deleted with their claim unless told otherwise; next to nothing may change."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden, not_supported
from kubeapi.kinds.cells import AGE, column, name_with_default
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.storage import parameters, provisioner, topologies

Document = dict[str, Any]
DEFAULT_ANNOTATIONS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_POLICIES, _MODES = ("Delete", "Retain"), ("Immediate", "WaitForFirstConsumer")


class StorageClassStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def default(self, obj: Document) -> None:
        obj.setdefault("reclaimPolicy", "Delete")
        obj.setdefault("volumeBindingMode", "Immediate")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        faults = provisioner(obj.get("provisioner", ""), "provisioner")
        faults += parameters(obj.get("parameters") or {}, "parameters", may_be_empty=True)
        faults += [not_supported(name, obj[name], supported) for name, supported in (("reclaimPolicy", _POLICIES), ("volumeBindingMode", _MODES))
                   if obj.get(name) and obj[name] not in supported]
        return faults + topologies(obj.get("allowedTopologies") or [], "allowedTopologies")

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        faults = [*self.validate(new)]
        faults += [forbidden(name, f"updates to {name} are forbidden.") for name in ("parameters", "provisioner", "reclaimPolicy")
                   if (new.get(name) or None) != (old.get(name) or None)]
        return faults + immutable(new.get("volumeBindingMode"), old.get("volumeBindingMode"), "volumeBindingMode")


COLUMNS: tuple[Column, ...] = (
    name_with_default(*DEFAULT_ANNOTATIONS), column("Provisioner", lambda each: each.get("provisioner", "")),
    column("ReclaimPolicy", lambda each: each.get("reclaimPolicy", "Delete")),
    column("VolumeBindingMode", lambda each: each.get("volumeBindingMode", "Immediate")),
    column("AllowVolumeExpansion", lambda each: bool(each.get("allowVolumeExpansion"))), AGE,
)
