"""Namespaces: labelled with their name, kept by the finalizer `kubernetes` until they are empty."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.names import dns1123_label_faults, qualified_name_faults
from kubeapi.strategy import Strategy

Document = dict[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def name_faults(self, name: str) -> list[str]:
        return dns1123_label_faults(name)

    def default(self, obj: Document) -> None:
        metadata = obj.setdefault("metadata", {})
        if name := metadata.get("name"):
            metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: name}

    def prepare_for_create(self, obj: Document) -> None:
        obj["status"] = {"phase": "Active"}
        spec = obj.setdefault("spec", {})
        spec["finalizers"] = list(dict.fromkeys([*(spec.get("finalizers") or ()), "kubernetes"]))

    def prepare_for_update(self, new: Document, old: Document) -> None:
        new["spec"] = {**part(new, "spec"), "finalizers": part(old, "spec").get("finalizers") or []}

    def holds_deletion(self, obj: Document) -> bool:
        return bool(part(obj, "spec").get("finalizers"))

    def prepare_for_deletion(self, obj: Document) -> None:
        obj["status"] = {**part(obj, "status"), "phase": "Terminating"}
        obj["metadata"].pop("deletionGracePeriodSeconds", None)         # what is in it has its own grace

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return [invalid(f"spec.finalizers[{index}]", name, fault)
                for index, name in enumerate(part(obj, "spec").get("finalizers") or ()) for fault in qualified_name_faults(name)]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        dying, phase = (new.get("metadata") or {}).get("deletionTimestamp"), part(new, "status").get("phase", "")
        if dying and phase != "Terminating":
            return [invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
        if not dying and phase != "Active":
            return [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]
        return []


COLUMNS = (NAME, column("Status", lambda each: part(each, "status").get("phase", "")), AGE)
