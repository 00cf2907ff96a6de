"""Validation of a LimitRange's items: min <= defaultRequest <= default <= max, resource by resource."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, required
from kubeapi.quantity import Quantity
from kubeapi.validation.resources import container_resource_name, may_overcommit, resource_name
from kubeapi.validation.selectors import label_name

Document = dict[str, Any]
Amounts = dict[str, Quantity]
_KINDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_NOT_FOR_PODS = "may not be specified when `type` is 'Pod'"
# (the one that is too great, the bound, the field at fault, whose value is shown, their names in the sentence)
_ORDER = (
    ("min", "max", "min", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min", "min value", "default value"),
    ("default", "max", "default", "max", "default value", "max value"),
)


def validate_limits(limits: list[Document], path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    seen: set[str] = set()
    for index, limit in enumerate(limits):
        at, type = f"{path}[{index}]", limit.get("type", "")
        faults += _type_name(type, f"{at}.type")
        if type in seen:
            faults.append(duplicate(f"{at}.type", type))
        seen.add(type)
        faults += _names(limit, type, at)
        amounts = {kind: {name: Quantity.parse(text) for name, text in (limit.get(kind) or {}).items()} for kind in _KINDS}
        for name in sorted({name for each in amounts.values() for name in each}):
            faults += _order({kind: amounts[kind][name] for kind in _KINDS if name in amounts[kind]}, name, at)
    return faults


def _type_name(type: str, path: str) -> list[FieldError]:
    faults = label_name(type, path)
    if faults or "/" in type or type in ("Pod", "Container", "PersistentVolumeClaim"):
        return faults
    return [invalid(path, type, "must be a standard limit type or fully qualified")]


def _names(limit: Document, type: str, path: str) -> Iterator[FieldError]:
    check = container_resource_name if type in ("Pod", "Container") else resource_name
    for kind in _KINDS:
        given = limit.get(kind) or {}
        if type == "Pod" and kind in ("default", "defaultRequest"):
            if given:
                yield forbidden(f"{path}.{kind}", _NOT_FOR_PODS)
            continue
        if kind == "maxLimitRequestRatio" and type == "PersistentVolumeClaim" and not any(
                "storage" in (limit.get(bound) or {}) for bound in ("min", "max")):
            yield required(f"{path}.limits", "either minimum or maximum storage value is required, but neither was provided")
        for name in given:
            yield from check(name, f"{path}.{kind}[{name}]")


def _order(of: Amounts, name: str, path: str) -> Iterator[FieldError]:
    """Faults among one resource's amounts."""
    for low, high, field, shown, low_name, high_name in _ORDER:
        if low in of and high in of and of[low] > of[high]:
            yield invalid(f"{path}.{field}[{name}]", str(of[shown]),
                          f"{low_name} {of[low]} is greater than {high_name} {of[high]}")
    yield from _ratio(of, f"{path}.maxLimitRequestRatio[{name}]")
    request, limit = of.get("defaultRequest"), of.get("default")
    if not may_overcommit(name) and request is not None and limit is not None and request != limit:
        yield invalid(f"{path}.defaultRequest[{name}]", str(request),
                      f"default value {limit} must equal to defaultRequest value {request} in {name}")


def _ratio(of: Amounts, path: str) -> Iterator[FieldError]:
    ratio = of.get("maxLimitRequestRatio")
    if ratio is None:
        return
    if ratio < Quantity.of(1):
        yield invalid(path, str(ratio), f"ratio {ratio} is less than 1")
    if "min" in of and "max" in of and of["min"]:
        most = of["max"].nanos / of["min"].nanos
        if ratio.milli_value() / 1000 > most:
            yield invalid(path, str(ratio), f"ratio {ratio} is greater than max/min = {most:f}")
