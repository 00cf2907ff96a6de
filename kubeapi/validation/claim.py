"""Validation of PersistentVolumeClaims: what is asked for is immutable, but a bound claim may grow."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.changes import changes
from kubeapi.validation.meta import immutable
from kubeapi.validation.selectors import validate_label_selector
from kubeapi.validation.storage import VOLUME_MODES, access_modes, class_name, positive_quantity

Document = dict[str, Any]
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_FROZEN = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
_NOT_DEFAULT_GROUP = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
_RESIZES = ("ControllerResizeFailed", "ControllerResizeInProgress", "NodeResizeFailed", "NodeResizeInProgress", "NodeResizePending")


def validate_claim(spec: Document, path: str = "spec") -> list[FieldError]:
    faults = access_modes(spec.get("accessModes") or [], f"{path}.accessModes", "at least 1 access mode is required")
    faults += validate_label_selector(spec.get("selector"), f"{path}.selector")
    storage, at = ((spec.get("resources") or {}).get("requests") or {}).get("storage"), f"{path}.resources[storage]"
    faults += [required(at)] if storage is None else positive_quantity(storage, at)
    faults += class_name(spec.get("storageClassName"), f"{path}.storageClassName")
    if (mode := spec.get("volumeMode")) is not None and mode not in VOLUME_MODES:
        faults.append(not_supported(f"{path}.volumeMode", mode, VOLUME_MODES))
    faults += _sources(spec.get("dataSource"), spec.get("dataSourceRef"), path)
    return faults + class_name(spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName")


def _sources(source: Document | None, reference: Document | None, path: str) -> list[FieldError]:
    faults = [fault for name, each in (("dataSource", source), ("dataSourceRef", reference)) if each is not None
              for fault in _data_source(each, f"{path}.{name}")]
    if source is None or reference is None:
        return faults
    if reference.get("namespace"):
        faults.append(invalid(path, f"{path}.dataSource", "may not be specified when dataSourceRef.namespace is specified"))
    elif any(source.get(name) != reference.get(name) for name in ("apiGroup", "kind", "name")):
        faults.append(invalid(path, f"{path}.dataSource", "must match dataSourceRef"))
    return faults


def _data_source(source: Document, path: str) -> list[FieldError]:
    faults = [required(f"{path}.{name}") for name in ("name", "kind") if not source.get(name)]
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        faults.append(invalid(path, source.get("kind", ""), _NOT_DEFAULT_GROUP))
    faults += [invalid(f"{path}.apiGroup", group, fault) for fault in dns1123_subdomain_faults(group)] if group else []
    if namespace := source.get("namespace"):
        faults += [invalid(f"{path}.namespace", namespace, fault) for fault in dns1123_label_faults(namespace)]
    return faults


def validate_claim_update(new: Document, old: Document) -> list[FieldError]:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    faults = validate_claim(after)
    annotation, was = (((each.get("metadata") or {}).get("annotations") or {}).get(CLASS_ANNOTATION) for each in (new, old))
    upgraded = _class_moved(after, before, annotation, was)
    if annotation != was and not upgraded:
        faults.append(invalid(f"metadata.annotations[{CLASS_ANNOTATION}]", annotation or "", "field is immutable"))
    wanted, kept = dict(after), dict(before)
    if not before.get("volumeName"):
        kept["volumeName"] = wanted.get("volumeName")
    if upgraded or (before.get("storageClassName") is None and was in (None, after.get("storageClassName"))
                    and after.get("storageClassName") is not None):
        kept["storageClassName"] = wanted.get("storageClassName")
    if (new.get("status") or {}).get("phase") == "Bound":
        wanted["resources"] = _with_storage(wanted.get("resources") or {}, before)
    kept["volumeAttributesClassName"] = wanted.get("volumeAttributesClassName")
    wanted, kept = ({name: value for name, value in each.items() if value not in (None, "")} for each in (wanted, kept))
    if wanted != kept:
        faults.append(forbidden("spec", _FROZEN + "\n".join(changes(kept, wanted, "spec"))))
    faults += _size(after, before, (old.get("status") or {}).get("capacity") or {})
    faults += immutable(after.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    return faults + _attributes_class(after.get("volumeAttributesClassName"), before.get("volumeAttributesClassName"))


def _class_moved(after: Document, before: Document, annotation: str | None, was: str | None) -> bool:
    """The class was named by an annotation, and is named by the field now."""
    return was is not None and before.get("storageClassName") is None and after.get("storageClassName") == was and annotation in (None, was)


def _with_storage(resources: Document, before: Document) -> Document:
    requests = resources.get("requests")
    if requests is None:
        return resources
    return {**resources, "requests": {**requests, "storage": ((before.get("resources") or {}).get("requests") or {}).get("storage")}}


def _size(after: Document, before: Document, capacity: Document) -> list[FieldError]:
    new, old = (Quantity.parse(((each.get("resources") or {}).get("requests") or {}).get("storage") or "0") for each in (after, before))
    if new < old and new <= Quantity.parse(capacity.get("storage") or "0"):
        return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]
    return []


def _attributes_class(new: str | None, old: str | None) -> list[FieldError]:
    at = "spec.volumeAttributesClassName"
    if old is None or new:
        return []
    return [forbidden(at, "update from non-nil value to nil is forbidden" if new is None else
                      "update from non-nil value to an empty string is forbidden")]


def validate_claim_status(status: Document) -> list[FieldError]:
    faults = [invalid(f"status.capacity[{name}]", Quantity.parse(text).value(), "must be a valid resource quantity")
              for name, text in (status.get("capacity") or {}).items() if Quantity.parse(text) < Quantity(0)]
    return faults + [not_supported("status.allocatedResourceStatus", name, _RESIZES)
                     for name, state in (status.get("allocatedResourceStatuses") or {}).items() if state not in _RESIZES]
