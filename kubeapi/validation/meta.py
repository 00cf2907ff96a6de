"""Validation of ObjectMeta, the same for every kind: on create, and what an update may not change."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, required, too_long
from kubeapi.names import NameCheck, dns1123_label_faults, dns1123_subdomain_faults, label_value_faults, qualified_name_faults

Document = dict[str, Any]
MAX_ANNOTATION_BYTES = 256 * 1024
IMMUTABLE = "field is immutable"


def validate_labels(labels: Document | None, path: str) -> list[FieldError]:
    faults = []
    for key, value in (labels or {}).items():
        faults += [invalid(path, key, fault) for fault in qualified_name_faults(key)]
        faults += [invalid(path, value, fault) for fault in label_value_faults(value)]
    return faults


def validate_annotations(annotations: Document | None, path: str) -> list[FieldError]:
    annotations = annotations or {}
    faults = [invalid(path, key, fault) for key in annotations for fault in qualified_name_faults(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > MAX_ANNOTATION_BYTES:
        faults.append(too_long(path, MAX_ANNOTATION_BYTES))
    return faults


def _validate_owners(owners: list[Document], path: str) -> list[FieldError]:
    faults, controllers = [], []
    for index, owner in enumerate(owners):
        at = f"{path}[{index}]"
        if not owner.get("apiVersion"):
            faults.append(invalid(f"{at}.apiVersion", "", "version must not be empty"))
        faults += [invalid(f"{at}.{name}", "", "must not be empty") for name in ("kind", "name", "uid") if not owner.get(name)]
        if owner.get("controller"):
            controllers.append(owner.get("name", ""))
    if len(controllers) > 1:
        faults.append(invalid(path, owners, 'Only one reference can have Controller set to true. Found "true" in references '
                                            f"for {controllers[0]} and {controllers[1]}"))
    return faults


def validate_object_meta(meta: Document, namespaced: bool, name_check: NameCheck = dns1123_subdomain_faults,
                         path: str = "metadata") -> list[FieldError]:
    """All faults of a new object's metadata."""
    faults = []
    name, prefix, namespace = meta.get("name", ""), meta.get("generateName", ""), meta.get("namespace", "")
    if prefix:
        faults += [invalid(f"{path}.generateName", prefix, fault) for fault in name_check(_masked(prefix))]
    if not name:
        faults.append(required(f"{path}.name", "name or generateName is required"))
    else:
        faults += [invalid(f"{path}.name", name, fault) for fault in name_check(name)]
    if not namespaced and namespace:
        faults.append(forbidden(f"{path}.namespace", "not allowed on this type"))
    elif namespaced and not namespace:
        faults.append(required(f"{path}.namespace"))
    elif namespaced:
        faults += [invalid(f"{path}.namespace", namespace, fault) for fault in dns1123_label_faults(namespace)]
    return faults + _validate_mutable(meta, path)


def _masked(prefix: str) -> str:
    """A prefix may end in a dash, a whole name may not."""
    return prefix[:-1] + "a" if prefix.endswith("-") else prefix


def _validate_mutable(meta: Document, path: str) -> list[FieldError]:
    faults = []
    if (generation := meta.get("generation", 0)) < 0:
        faults.append(invalid(f"{path}.generation", generation, "must be greater than or equal to 0"))
    faults += validate_labels(meta.get("labels"), f"{path}.labels")
    faults += validate_annotations(meta.get("annotations"), f"{path}.annotations")
    faults += _validate_owners(meta.get("ownerReferences") or [], f"{path}.ownerReferences")
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        faults += [invalid(f"{path}.finalizers[{index}]", finalizer, fault) for fault in qualified_name_faults(finalizer)]
    return faults


def validate_object_meta_update(new: Document, old: Document, path: str = "metadata") -> list[FieldError]:
    """All faults of a change of metadata."""
    faults = []
    if new.get("deletionTimestamp") or old.get("deletionTimestamp"):
        added = [each for each in new.get("finalizers") or () if each not in (old.get("finalizers") or ())]
        if added and old.get("deletionTimestamp"):
            shown = ", ".join(f'"{each}"' for each in sorted(added))
            faults.append(forbidden(f"{path}.finalizers", "no new finalizers can be added if the object is being deleted, "
                                                          f"found new finalizers []string{{{shown}}}"))
    if not new.get("resourceVersion"):
        faults.append(invalid(f"{path}.resourceVersion", new.get("resourceVersion", ""), "must be specified for an update"))
    if new.get("generation", 0) < old.get("generation", 0):
        faults.append(invalid(f"{path}.generation", new.get("generation", 0), "must not be decremented"))
    faults += [invalid(f"{path}.{name}", new.get(name), IMMUTABLE)
               for name in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
               if new.get(name) != old.get(name)]
    return faults + _validate_mutable(new, path)


def immutable(new: Any, old: Any, path: str) -> list[FieldError]:
    return [] if new == old else [invalid(path, new, IMMUTABLE)]
