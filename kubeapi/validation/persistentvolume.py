"""Validation of PersistentVolumes: one source, which never changes; also of the inline volumes of VolumeAttachments."""
from __future__ import annotations

import posixpath
from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.changes import changes
from kubeapi.validation.meta import immutable
from kubeapi.validation.scheduling import validate_node_selector
from kubeapi.validation.storage import VOLUME_MODES, access_modes, class_name, driver_name, positive_quantity
from kubeapi.validation.volumes import host_path, needs

Document = dict[str, Any]
_POLICIES = ("Delete", "Recycle", "Retain")
# Sources in the order in which they are looked at, and what each cannot be without.
_SOURCES: dict[str, tuple[str, ...]] = {
    "hostPath": (), "gcePersistentDisk": ("pdName",), "awsElasticBlockStore": ("volumeID",), "glusterfs": ("endpoints", "path"), "flocker": (),
    "nfs": ("server", "path"), "rbd": ("monitors", "image"), "quobyte": ("registry", "volume"), "cephfs": ("monitors",),
    "iscsi": ("targetPortal", "iqn"), "cinder": ("volumeID",), "fc": (), "flexVolume": ("driver",), "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",), "photonPersistentDisk": ("pdID",), "portworxVolume": ("volumeID",), "azureDisk": ("diskName", "diskURI"),
    "scaleIO": ("gateway", "system", "volumeName"), "local": (), "storageos": ("volumeName",), "csi": (),
}
_SECRETS = ("controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef")
_INLINE = "may not be specified in the context of inline volumes"


def validate_persistent_volume(spec: Document, path: str = "spec") -> list[FieldError]:
    capacity, policy = spec.get("capacity") or {}, spec.get("persistentVolumeReclaimPolicy", "")
    faults = access_modes(spec.get("accessModes") or [], f"{path}.accessModes", "")
    if not capacity:
        faults.append(required(f"{path}.capacity"))
    if set(capacity) != {"storage"}:
        faults.append(not_supported(f"{path}.capacity", capacity, ("storage",)))
    for name, text in capacity.items():
        at = f"{path}.capacity[{name}]"
        if Quantity.parse(text) < Quantity(0):
            faults.append(invalid(at, Quantity.parse(text).value(), "must be a valid resource quantity"))
        faults += positive_quantity(text, at)
    if policy and policy not in _POLICIES:
        faults.append(not_supported(f"{path}.persistentVolumeReclaimPolicy", policy, _POLICIES))
    faults += _node_affinity(spec.get("nodeAffinity"), f"{path}.nodeAffinity")
    faults += _source(spec, path)
    if posixpath.normpath((spec.get("hostPath") or {}).get("path") or ".") == "/" and policy == "Recycle":
        faults.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"))
    faults += class_name(spec.get("storageClassName"), f"{path}.storageClassName")
    if (mode := spec.get("volumeMode")) is not None and mode not in VOLUME_MODES:
        faults.append(not_supported(f"{path}.volumeMode", mode, VOLUME_MODES))
    return faults + _attributes_class(spec, path)


def validate_inline_volume(spec: Document, path: str) -> list[FieldError]:
    """A CSI volume that a VolumeAttachment carries itself."""
    faults = [forbidden(f"{path}.{name}", _INLINE) for name in ("claimRef", "capacity", "nodeAffinity", "storageClassName") if spec.get(name)]
    if spec.get("csi") is None:
        faults.append(required(f"{path}.csi", "has to be specified in the context of inline volumes"))
    faults += access_modes(spec.get("accessModes") or [], f"{path}.accessModes", "")
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        faults.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", "may only be Retain in the context of inline volumes"))
    if spec.get("volumeMode") not in (None, "Filesystem"):
        faults.append(forbidden(f"{path}.volumeMode", "may not specify volumeMode other than Filesystem in the context of inline volumes"))
    return faults + _source(spec, path)


def _node_affinity(affinity: Document | None, path: str) -> list[FieldError]:
    if affinity is None:
        return []
    if affinity.get("required") is None:
        return [required(f"{path}.required", "must specify required node constraints")]
    return validate_node_selector(affinity["required"], f"{path}.required")


def _source(spec: Document, path: str) -> list[FieldError]:
    found = [name for name in _SOURCES if spec.get(name) is not None]
    if not found:
        return [required(path, "must specify a volume type")]
    name, at = found[0], f"{path}.{found[0]}"
    source = spec[name]
    faults = [fault for field in _SOURCES[name] for fault in needs(source, field, at)]
    if name == "hostPath":
        faults += host_path(source, at)
    if name == "nfs" and not source.get("path", "").startswith("/"):
        faults.append(invalid(f"{at}.path", source.get("path", ""), "must be an absolute path"))
    if name == "local":
        faults += _local(source, at)
        faults += [] if spec.get("nodeAffinity") is not None else [
            required(f"{path}.nodeAffinity", "Local volume requires node affinity")]
    if name == "csi":
        faults += _csi(source, at)
    return faults + [forbidden(f"{path}.{other}", "may not specify more than 1 volume type") for other in found[1:]]


def _local(source: Document, path: str) -> list[FieldError]:
    where = source.get("path", "")
    if not where:
        return [required(f"{path}.path")]
    faults = [] if where.startswith("/") else [invalid(path, where, "must be an absolute path")]
    return [*faults, invalid(f"{path}.path", where, "must not contain '..'")] if ".." in where.split("/") else faults


def _csi(source: Document, path: str) -> list[FieldError]:
    faults = driver_name(source.get("driver", ""), f"{path}.driver") + needs(source, "volumeHandle", path)
    for kind in _SECRETS:
        if (secret := source.get(kind)) is None:
            continue
        for field, check in (("name", dns1123_subdomain_faults), ("namespace", dns1123_label_faults)):
            at, value = f"{path}.{kind}.{field}", secret.get(field, "")
            faults += [invalid(at, value, fault) for fault in check(value)] if value else [required(at)]
    return faults


def _attributes_class(spec: Document, path: str) -> list[FieldError]:
    name, at = spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName"
    if name is None:
        return []
    faults = class_name(name, at) if name else [required(at, "an empty string is disallowed")]
    return faults if spec.get("csi") is not None else [
        *faults, required(f"{path}.csi", "has to be specified when using volumeAttributesClassName")]


def validate_persistent_volume_update(new: Document, old: Document) -> list[FieldError]:
    faults = validate_persistent_volume(new)
    after, before = ({name: spec[name] for name in _SOURCES if spec.get(name) is not None} for spec in (new, old))
    if "controllerExpandSecretRef" in after.get("csi", {}) and "csi" in before and "controllerExpandSecretRef" not in before["csi"]:
        after["csi"] = {name: value for name, value in after["csi"].items() if name != "controllerExpandSecretRef"}
    if after != before:
        faults.append(forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n"
                                + "\n".join(changes(before, after, "spec"))))
    faults += immutable(new.get("volumeMode"), old.get("volumeMode"), "volumeMode")
    if old.get("nodeAffinity") is not None:
        faults += immutable(new.get("nodeAffinity"), old.get("nodeAffinity"), "nodeAffinity")
    if old.get("volumeAttributesClassName") is not None and new.get("volumeAttributesClassName") is None:
        faults.append(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"))
    return faults
