"""Validation of a Pod's volumes: one source each, and what each common source needs."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import config_key_faults, dns1123_label_faults
from kubeapi.quantity import Quantity

Document = dict[str, Any]
_MODE_FAULT = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")


def validate_volumes(volumes: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        at, name = f"{path}[{index}]", volume.get("name", "")
        faults += _source(volume, at)
        if not name:
            faults.append(required(f"{at}.name"))
        elif wrong := dns1123_label_faults(name):
            faults += [invalid(f"{at}.name", name, fault) for fault in wrong]
        elif name in names:
            faults.append(duplicate(f"{at}.name", name))
        names.add(name)
    return faults


def _source(volume: Document, path: str) -> list[FieldError]:
    sources = [name for name in volume if name != "name"]
    if not sources:
        return [required(path, "must specify a volume type")]
    faults = [forbidden(f"{path}.{name}", "may not specify more than 1 volume type") for name in sources[1:]]
    name, at = sources[0], f"{path}.{sources[0]}"
    source = volume[name] or {}
    match name:
        case "hostPath":
            faults += host_path(source, at)
        case "secret":
            faults += needs(source, "secretName", at) + _files(source, at)
        case "configMap":
            faults += needs(source, "name", at) + _files(source, at)
        case "downwardAPI":
            faults += _mode(source.get("defaultMode"), f"{at}.defaultMode")
        case "persistentVolumeClaim":
            faults += needs(source, "claimName", at)
        case "emptyDir":
            if (limit := source.get("sizeLimit")) is not None and Quantity.parse(limit) < Quantity(0):
                faults.append(forbidden(f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity"))
        case "projected":
            faults += _projected(source, at)
        case "nfs":
            faults += needs(source, "server", at) + needs(source, "path", at)
        case "csi":
            faults += needs(source, "driver", at)
    return faults


def needs(source: Document, name: str, path: str) -> list[FieldError]:
    return [] if source.get(name) else [required(f"{path}.{name}")]


def _mode(mode: int | None, path: str) -> list[FieldError]:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(path, mode, _MODE_FAULT)]


def relative_path(path: str, at: str) -> list[FieldError]:
    faults = [invalid(at, path, "must be a relative path")] if path.startswith("/") else []
    return faults + ([invalid(at, path, "must not contain '..'")] if ".." in path.split("/") else [])


def _files(source: Document, path: str) -> list[FieldError]:
    faults = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, item in enumerate(source.get("items") or ()):
        at, key, file = f"{path}.items[{index}]", item.get("key", ""), item.get("path", "")
        faults += [invalid(f"{at}.key", key, fault) for fault in config_key_faults(key)] if key else [required(f"{at}.key")]
        if not file:
            faults.append(required(f"{at}.path"))
        elif file.startswith(".."):
            faults.append(invalid(f"{at}.path", file, "must not start with '..'"))
        else:
            faults += relative_path(file, f"{at}.path")
        faults += _mode(item.get("mode"), f"{at}.mode")
    return faults


def host_path(source: Document, path: str) -> list[FieldError]:
    faults = needs(source, "path", path)
    if ".." in source.get("path", "").split("/"):
        faults.append(invalid(f"{path}.path", source["path"], "must not contain '..'"))
    kind = source.get("type") or ""
    return faults if kind in _HOST_PATH_TYPES else [*faults, not_supported(f"{path}.type", kind, sorted(_HOST_PATH_TYPES))]


def _projected(source: Document, path: str) -> list[FieldError]:
    faults = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, each in enumerate(source.get("sources") or ()):
        at = f"{path}.sources[{index}]"
        kinds = [name for name in _PROJECTIONS if each.get(name) is not None]
        if not kinds:
            faults.append(required(at, "must specify a volume projection type"))
        faults += [forbidden(f"{at}.{name}", "may not specify more than 1 volume type per source") for name in kinds[1:]]
        for name in ("secret", "configMap"):
            if (files := each.get(name)) is not None:
                faults += needs(files, "name", f"{at}.{name}") + _files(files, f"{at}.{name}")
        if (token := each.get("serviceAccountToken")) is not None:
            faults += needs(token, "path", f"{at}.serviceAccountToken")
    return faults
