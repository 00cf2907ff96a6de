"""PersistentVolumes: retained and a file system unless told otherwise; the time of the last change of phase is kept."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, UNSET, access_modes_text, class_annotation, column, metadata, part
from kubeapi.strategy import Strategy
from kubeapi.times import format_time
from kubeapi.validation.persistentvolume import validate_persistent_volume, validate_persistent_volume_update
from kubeapi.world import REAL_WORLD, World

Document = dict[str, Any]
SINCE = "lastPhaseTransitionTime"


class PersistentVolumeStrategy(Strategy):
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def __init__(self, world: World = REAL_WORLD) -> None:
        self._world = world

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")
        if (host := spec.get("hostPath")) is not None:
            host.setdefault("type", "")
        obj.setdefault("status", {}).setdefault("phase", "Pending")

    def prepare_for_create(self, obj: Document) -> None:
        obj["status"] = {"phase": "Pending", SINCE: format_time(self._world.now())}

    def prepare_for_status_update(self, new: Document, old: Document) -> None:
        after, before = part(new, "status"), part(old, "status")
        if after.get("phase") != before.get("phase") and after.get(SINCE) in (None, before.get(SINCE)):
            new["status"] = {**after, SINCE: format_time(self._world.now())}

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_persistent_volume(part(obj, "spec"))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_persistent_volume_update(part(new, "spec"), part(old, "spec"))


def _claim(volume: Document) -> str:
    claim = part(volume, "spec").get("claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _phase(each: Document) -> str:
    return "Terminating" if metadata(each).get("deletionTimestamp") else str(part(each, "status").get("phase", ""))


COLUMNS = (
    NAME, column("Capacity", lambda each: (part(each, "spec").get("capacity") or {}).get("storage", "0")),
    column("Access Modes", lambda each: access_modes_text(part(each, "spec").get("accessModes"))),
    column("Reclaim Policy", lambda each: part(each, "spec").get("persistentVolumeReclaimPolicy", "")),
    column("Status", _phase), column("Claim", _claim), column("StorageClass", class_annotation),
    column("VolumeAttributesClass", lambda each: part(each, "spec").get("volumeAttributesClassName", UNSET)),
    column("Reason", lambda each: part(each, "status").get("reason", "")), AGE,
    column("VolumeMode", lambda each: part(each, "spec").get("volumeMode", UNSET), wide=True),
)
