"""Validation of HorizontalPodAutoscalers: replicas, what is scaled, metrics with their targets, and scaling rules."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults, path_segment_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.resources import container_resource_name

Document = dict[str, Any]
MAX_WINDOW, MAX_PERIOD = 3600, 1800
_TYPES = {"ContainerResource": "containerResource", "External": "external", "Object": "object", "Pods": "pods", "Resource": "resource"}
_LOOKED_AT = ("object", "external", "pods", "resource", "containerResource")
_EITHER = "must set either a target raw value or a target utilization"


def validate_autoscaler(spec: Document, least: int = 1) -> list[FieldError]:
    """*least* is what minReplicas may be."""
    low, high = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    faults = []
    if low is not None and low < least:
        faults.append(invalid("spec.minReplicas", low, f"must be greater than or equal to {least}"))
    if high < 1:
        faults.append(invalid("spec.maxReplicas", high, "must be greater than 0"))
    if low is not None and high < low:
        faults.append(invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    faults += _reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    metrics = spec.get("metrics") or []
    faults += [fault for index, metric in enumerate(metrics) for fault in _metric(metric, f"spec.metrics[{index}]")]
    if low == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        faults.append(forbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas"))
    behavior = spec.get("behavior") or {}
    return faults + [fault for name in ("scaleUp", "scaleDown") if behavior.get(name) is not None
                     for fault in _rules(behavior[name], f"spec.behavior.{name}")]


def _segment(value: str, path: str, why_required: str = "") -> list[FieldError]:
    return [invalid(path, value, fault) for fault in path_segment_faults(value)] if value else [required(path, why_required)]


def _reference(reference: Document, path: str) -> list[FieldError]:
    return [fault for name in ("kind", "name") for fault in _segment(reference.get(name, ""), f"{path}.{name}")]


def _rules(rules: Document, path: str) -> list[FieldError]:
    window, select, policies = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy"), rules.get("policies") or []
    faults = []
    if window is not None and window < 0:
        faults.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > MAX_WINDOW:
        faults.append(invalid(f"{path}.stabilizationWindowSeconds", window, f"must be less than or equal to {MAX_WINDOW}"))
    if select is not None and select not in ("Disabled", "Max", "Min"):
        faults.append(not_supported(f"{path}.selectPolicy", select, ("Disabled", "Max", "Min")))
    if (tolerance := rules.get("tolerance")) is not None and Quantity.parse(tolerance) < Quantity(0):
        faults.append(invalid(f"{path}.tolerance", str(tolerance), "must be greater than or equal to 0"))
    if not policies:
        faults.append(required(f"{path}.policies", "must specify at least one Policy"))
    return faults + [fault for index, policy in enumerate(policies) for fault in _policy(policy, f"{path}.policies[{index}]")]


def _policy(policy: Document, path: str) -> list[FieldError]:
    faults = [] if policy.get("type") in ("Percent", "Pods") else [not_supported(f"{path}.type", policy.get("type", ""), ("Percent", "Pods"))]
    faults += [invalid(f"{path}.{name}", policy.get(name, 0), "must be greater than zero") for name in ("value", "periodSeconds")
               if policy.get(name, 0) <= 0]
    if policy.get("periodSeconds", 0) > MAX_PERIOD:
        faults.append(invalid(f"{path}.periodSeconds", policy["periodSeconds"], f"must be less than or equal to {MAX_PERIOD}"))
    return faults


def _metric(metric: Document, path: str) -> list[FieldError]:
    type = metric.get("type", "")
    faults = [] if type else [required(f"{path}.type", "must specify a metric source type")]
    if type not in _TYPES:
        faults.append(not_supported(f"{path}.type", type, tuple(_TYPES)))
    present = [name for name in _LOOKED_AT if metric.get(name) is not None]
    if present:
        faults += _source(present[0], metric[present[0]], f"{path}.{present[0]}")
    expected = _TYPES.get(type, "")
    if expected and expected not in present:
        faults.append(required(f"{path}.{expected}", "must populate information for the given metric source"))
    if len(present) != 1:
        faults += [forbidden(f"{path}.{name}", "must populate the given metric source only") for name in present if name != expected]
    return faults


def _source(kind: str, source: Document, path: str) -> list[FieldError]:
    target, at = source.get("target") or {}, f"{path}.target"
    faults: list[FieldError] = []
    if kind == "object":
        faults += _reference(source.get("describedObject") or {}, f"{path}.describedObject")
    if kind in ("object", "external", "pods"):
        faults += _segment((source.get("metric") or {}).get("name", ""), f"{path}.metric.name", "must specify a metric name")
    elif not source.get("name"):
        faults.append(required(f"{path}.name", "must specify a resource name"))
    if kind == "containerResource":
        container = source.get("container", "")
        faults += container_resource_name(source["name"], f"{path}.name") if source.get("name") else []
        faults += [invalid(f"{path}.container", container, fault) for fault in dns1123_label_faults(container)] if container else [
            required(f"{path}.container", "must specify a container")]
    faults += _target(target, at)
    value, average, utilization = (target.get(name) is not None for name in ("value", "averageValue", "averageUtilization"))
    if kind == "object" and not (value or average):
        faults.append(required(f"{at}.averageValue", "must set either a target value or averageValue"))
    if kind == "external":
        if not (value or average):
            faults.append(required(f"{at}.averageValue", "must set either a target value for metric or a per-pod target"))
        if value and average:
            faults.append(forbidden(f"{at}.value", "may not set both a target value for metric and a per-pod target"))
    if kind == "pods" and not average:
        faults.append(required(f"{at}.averageValue", "must specify a positive target averageValue"))
    if kind in ("resource", "containerResource"):
        if not (utilization or average):
            faults.append(required(f"{at}.averageUtilization", _EITHER))
        if utilization and average:
            faults.append(forbidden(f"{at}.averageValue", _EITHER.replace("must set either a", "may not set both a").replace(" or a", " and a")))
    return faults


def _target(target: Document, path: str) -> list[FieldError]:
    type = target.get("type", "")
    faults = [] if type else [required(f"{path}.type", "must specify a metric target type")]
    if type not in ("Utilization", "Value", "AverageValue"):
        faults.append(invalid(f"{path}.type", type, "must be either Utilization, Value, or AverageValue"))
    faults += [invalid(f"{path}.{name}", str(target[name]), "must be positive") for name in ("value", "averageValue")
               if target.get(name) is not None and Quantity.parse(target[name]) <= Quantity(0)]
    if (utilization := target.get("averageUtilization")) is not None and utilization < 1:
        faults.append(invalid(f"{path}.averageUtilization", utilization, "must be greater than 0"))
    return faults
