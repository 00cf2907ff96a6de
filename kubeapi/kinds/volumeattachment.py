"""VolumeAttachments: a volume that is to be attached to a node; the spec never changes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, forbidden, invalid, required, too_long
from kubeapi.kinds.cells import AGE, NAME, column, part
from kubeapi.names import dns1123_subdomain_faults
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable
from kubeapi.validation.persistentvolume import validate_inline_volume
from kubeapi.validation.storage import driver_name

Document = dict[str, Any]
MAX_METADATA, MAX_MESSAGE = 256 * 1024, 1024
_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


class VolumeAttachmentStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def validate(self, obj: Document) -> Sequence[FieldError]:
        spec = part(obj, "spec")
        node, volume = spec.get("nodeName", ""), part(spec, "source").get("persistentVolumeName")
        faults = driver_name(spec.get("attacher", ""), "spec.attacher")
        faults += _source(part(spec, "source"), "spec.source")
        faults += [invalid("spec.source.persistentVolumeName", volume, fault) for fault in dns1123_subdomain_faults(volume)] if volume else []
        return faults + [invalid("spec.nodeName", node, fault) for fault in dns1123_subdomain_faults(node)]

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*self.validate(new), *immutable(part(new, "spec"), part(old, "spec"), "spec")]

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        status = part(new, "status")
        size = sum(len(key) + len(value) for key, value in (status.get("attachmentMetadata") or {}).items())
        faults = [too_long("status.attachmentMetadata", MAX_METADATA)] if size > MAX_METADATA else []
        for kind in ("attachError", "detachError"):
            error = status.get(kind) or {}
            if len(error.get("message", "")) > MAX_MESSAGE:
                faults.append(too_long(f"status.{kind}.message", MAX_MESSAGE))
            if (code := error.get("errorCode") or 0) < 0:
                faults.append(invalid(f"status.{kind}.errorCode", code, "must be between 0 and 2147483647, inclusive"))
        return faults


def _source(source: Document, path: str) -> list[FieldError]:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is not None and name is not None:
        return [forbidden(path, _ONE)]
    if inline is not None:
        return validate_inline_volume(inline, f"{path}.inlineVolumeSpec")
    if name is None:
        return [required(path, _ONE)]
    return [] if name else [required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")]


COLUMNS = (
    NAME, Column("Attacher", "string", lambda each, now: part(each, "spec").get("attacher", ""), format="name"),
    column("PV", lambda each: part(part(each, "spec"), "source").get("persistentVolumeName", "")),
    column("Node", lambda each: part(each, "spec").get("nodeName", "")),
    column("Attached", lambda each: bool(part(each, "status").get("attached")), "boolean"), AGE,
)
