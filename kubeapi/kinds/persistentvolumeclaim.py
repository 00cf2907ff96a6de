"""PersistentVolumeClaims: born Pending, for a file system unless told otherwise."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, UNSET, access_modes_text, class_annotation, column, metadata, part
from kubeapi.strategy import Strategy
from kubeapi.validation.claim import validate_claim, validate_claim_status, validate_claim_update

Document = dict[str, Any]


def default_claim(claim: Document) -> None:
    claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    claim.setdefault("status", {}).setdefault("phase", "Pending")


def _same_sources(spec: Document) -> None:
    """dataSource and dataSourceRef say the same, whichever was given, unless the source is in another namespace."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {name: value for name, value in reference.items() if name != "namespace"}


class PersistentVolumeClaimStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def default(self, obj: Document) -> None:
        default_claim(obj)

    def prepare_for_create(self, obj: Document) -> None:
        obj["status"] = {"phase": "Pending"}
        _same_sources(obj["spec"])

    def prepare_for_update(self, new: Document, old: Document) -> None:
        _same_sources(new["spec"])

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_claim(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_claim_update(new, old)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_claim_status(part(new, "status"))


def _phase(each: Document) -> str:
    return "Terminating" if metadata(each).get("deletionTimestamp") else str(part(each, "status").get("phase", ""))


def _capacity(each: Document) -> str:
    bound = part(each, "spec").get("volumeName")
    return str((part(each, "status").get("capacity") or {}).get("storage", "0")) if bound else ""


def _modes(each: Document) -> str:
    return access_modes_text(part(each, "status").get("accessModes")) if part(each, "spec").get("volumeName") else ""


COLUMNS = (
    NAME, column("Status", _phase), column("Volume", lambda each: part(each, "spec").get("volumeName", "")),
    column("Capacity", _capacity), column("Access Modes", _modes), column("StorageClass", class_annotation),
    column("VolumeAttributesClass", lambda each: part(each, "spec").get("volumeAttributesClassName", UNSET)), AGE,
    column("VolumeMode", lambda each: part(each, "spec").get("volumeMode", UNSET), wide=True),
)
