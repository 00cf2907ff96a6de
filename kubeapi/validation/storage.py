"""What validation of the storage kinds shares: access modes, drivers' names, classes' parameters and topologies."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required, too_long
from kubeapi.names import dns1123_subdomain_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.selectors import label_name

Document = dict[str, Any]
ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
MAX_PARAMETERS, MAX_PARAMETER_BYTES = 512, 256 * 1024


def access_modes(modes: list[str], path: str, why_required: str) -> list[FieldError]:
    faults = [] if modes else [required(path, why_required)]
    faults += [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if "ReadWriteOncePod" in modes and any(mode != "ReadWriteOncePod" and mode in ACCESS_MODES for mode in modes):
        faults.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return faults


def positive_quantity(text: str, path: str) -> list[FieldError]:
    amount = Quantity.parse(text)
    return [] if amount > Quantity(0) else [invalid(path, str(amount), "must be greater than zero")]


def class_name(name: str | None, path: str) -> list[FieldError]:
    return [invalid(path, name, fault) for fault in dns1123_subdomain_faults(name)] if name else []


def driver_name(name: str, path: str) -> list[FieldError]:
    faults = [] if name else [required(path)]
    if len(name) > 63:
        faults.append(too_long(path, 63))
    return faults + [invalid(path, name, fault) for fault in dns1123_subdomain_faults(name.lower())]


def provisioner(name: str, path: str) -> list[FieldError]:
    return label_name(name.lower(), path) if name else [required(path)]


def parameters(given: dict[str, str], path: str, may_be_empty: bool) -> list[FieldError]:
    if len(given) > MAX_PARAMETERS:
        return [too_long(path, MAX_PARAMETERS)]
    faults = [invalid(path, key, "field can not be empty.") for key in given if not key]
    if sum(len(key.encode()) + len(value.encode()) for key, value in given.items()) > MAX_PARAMETER_BYTES:
        faults.append(too_long(path, MAX_PARAMETER_BYTES))
    if not given and not may_be_empty:
        faults.append(required(path, "must contain at least one key/value pair"))
    return faults


def topologies(terms: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for number, term in enumerate(terms):
        keys: set[str] = set()
        for index, each in enumerate(term.get("matchLabelExpressions") or ()):
            at, key, values = f"{path}[{number}].matchLabelExpressions[{index}]", each.get("key", ""), each.get("values") or []
            faults += [] if values else [required(f"{at}.values")]
            faults += [duplicate(f"{at}.values[{place}]", value) for place, value in enumerate(values) if value in values[:place]]
            faults += label_name(key, f"{at}.key")
            if key in keys:
                faults.append(duplicate(f"{at}.key", key))
            keys.add(key)
    return faults
