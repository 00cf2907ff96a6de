"""Validation of ResourceQuotas: amounts that can be counted, and scopes that go with them and with each other."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.validation.resources import is_quota_resource, quantity_value, quota_resource_name

Document = dict[str, Any]
_COMPUTE = frozenset({"pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"})
_STORAGE = frozenset({"persistentvolumeclaims", "requests.storage"})
_APPLIES_TO = {                                   # scope -> the resources that can be counted within it
    "Terminating": _COMPUTE, "NotTerminating": _COMPUTE, "NotBestEffort": _COMPUTE, "PriorityClass": _COMPUTE,
    "CrossNamespacePodAffinity": _COMPUTE, "BestEffort": frozenset({"pods"}), "VolumeAttributesClass": _STORAGE,
}
_ONLY_EXISTS = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_ONLY_EXISTS_FAULT = ("must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
                      "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity")
_OPPOSITES = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})


def validate_quota(spec: Document) -> list[FieldError]:
    hard, scopes = spec.get("hard") or {}, spec.get("scopes") or []
    faults = validate_amounts(hard, "spec.hard")
    for scope in scopes:
        if scope not in _APPLIES_TO:
            faults.append(invalid("spec.scopes", scopes, "unsupported scope"))
        faults += _misapplied(scope, hard, "spec.scopes", scopes)
    faults += _conflicts(scopes, "spec.scopes", scopes)
    if (selector := spec.get("scopeSelector")) is not None:
        faults += _selector(selector, hard, scopes)
    return faults


def validate_amounts(amounts: Document, path: str) -> list[FieldError]:
    return [fault for name, text in amounts.items()
            for fault in (*quota_resource_name(name, f"{path}[{name}]"), *quantity_value(name, text, f"{path}[{name}]"))]


def validate_quota_update(new: Document, old: Document) -> list[FieldError]:
    faults = validate_quota(new)
    if set(new.get("scopes") or ()) != set(old.get("scopes") or ()):
        faults.append(invalid("spec.scopes", new.get("scopes"), "field is immutable"))
    return faults


def _misapplied(scope: str, hard: Iterable[str], path: str, value: Any) -> list[FieldError]:
    known = _APPLIES_TO.get(scope)
    return [invalid(path, value, "unsupported scope applied to resource")
            for name in sorted(hard) if known is not None and is_quota_resource(name) and name not in known]


def _conflicts(scopes: Iterable[str], path: str, value: Any) -> list[FieldError]:
    return [invalid(path, value, "conflicting scopes") for pair in _OPPOSITES if pair <= set(scopes)]


def _selector(selector: Document, hard: Document, scopes: list[str]) -> list[FieldError]:
    path = "spec.scopeSelector.matchExpressions"
    faults: list[FieldError] = []
    expressions = selector.get("matchExpressions") or []
    for each in expressions:
        scope, operator, values = each.get("scopeName", ""), each.get("operator", ""), each.get("values") or []
        if scope not in _APPLIES_TO:
            faults.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        faults += _misapplied(scope, hard, path, selector)
        if scope in _ONLY_EXISTS and operator != "Exists":
            faults.append(invalid(f"{path}.operator", operator, _ONLY_EXISTS_FAULT))
        if operator in ("In", "NotIn"):
            if not values:
                faults.append(required(f"{path}.values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                faults.append(invalid(f"{path}.values", values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"))
        else:
            faults.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return faults + _conflicts((each.get("scopeName", "") for each in expressions), path, scopes or None)
