"""HorizontalPodAutoscalers in autoscaling/v1's form: one CPU target, and all else as JSON in annotations, as upstream writes it.

What is stored is autoscaling/v2. Metrics in the annotations have v1's older names; behavior has Go's. Pure; arguments stay as they are.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubeapi import errors

Document = dict[str, Any]
PREFIX = "autoscaling.alpha.kubernetes.io/"
_KEPT = ("metrics", "behavior", "conditions", "current-metrics")
_SOURCES = {"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object", "External": "external"}


def _is_cpu(metric: Document) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _without_none(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None}


# --- metrics: v2's nested metric, target and current values; v1's flat names

def _metric_to_v1(metric: Document) -> Document:
    return _flat(metric, "target", {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue", "value": "targetValue"})


def _status_to_v1(metric: Document) -> Document:
    return _flat(metric, "current", {"averageUtilization": "currentAverageUtilization", "averageValue": "currentAverageValue", "value": "currentValue"})


def _flat(metric: Document, values: str, names: dict[str, str]) -> Document:
    kind = _SOURCES.get(metric.get("type", ""), "")
    source = metric.get(kind)
    if not source:
        return metric
    given, identifier = source.get(values) or {}, source.get("metric") or {}
    flat = {name: source.get(name) for name in ("name", "container")}
    flat |= {v1: given.get(v2) for v2, v1 in names.items()}
    flat |= {"metricName": identifier.get("name"), "metricSelector" if kind == "external" else "selector": identifier.get("selector")}
    if kind == "object":
        flat |= {"target": source.get("describedObject"), "averageValue": flat.pop(names["averageValue"]), names["value"]: flat[names["value"]] or "0"}
    return {"type": metric["type"], kind: _without_none(flat)}


def _metric_from_v1(metric: Document) -> Document:
    return _nested(metric, "target", {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue", "value": "targetValue"})


def _status_from_v1(metric: Document) -> Document:
    return _nested(metric, "current", {
        "averageUtilization": "currentAverageUtilization", "averageValue": "currentAverageValue", "value": "currentValue"})


def _nested(metric: Document, values: str, names: dict[str, str]) -> Document:
    kind = _SOURCES.get(metric.get("type", ""), "")
    flat = metric.get(kind)
    if not flat:
        return metric
    given = _without_none({v2: flat.get(v1) for v2, v1 in names.items()})
    if kind == "object":
        given |= _without_none({"averageValue": flat.get("averageValue")})
        if "averageValue" in given and given.get("value") == "0":
            del given["value"]
    if values == "target":
        given = {"type": next((word for name, word in (("averageUtilization", "Utilization"), ("averageValue", "AverageValue"))
                               if name in given), "Value"), **given}
    source = _without_none({name: flat.get(name) for name in ("name", "container")}) | {values: given}
    if "metricName" in flat:
        source["metric"] = _without_none({"name": flat["metricName"], "selector": flat.get("selector") or flat.get("metricSelector")})
    if kind == "object":
        source["describedObject"] = flat.get("target") or {}
    return {"type": metric["type"], kind: source}


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {rename(name): _renamed(inner, rename) for name, inner in value.items()}
    return [_renamed(each, rename) for each in value] if isinstance(value, list) else value


# --- whole objects

def from_v2(document: Document) -> Document:
    metadata, spec, status = (dict(document.get(name) or {}) for name in ("metadata", "spec", "status"))
    metrics, current = spec.pop("metrics", None) or [], status.pop("currentMetrics", None) or []
    utilizations = [each["resource"].get("target", {}).get("averageUtilization") for each in metrics if _is_cpu(each)]
    others = [each for each in metrics if not (_is_cpu(each) and each["resource"].get("target", {}).get("averageUtilization") is not None)]
    if utilizations and utilizations[0] is not None:
        spec["targetCPUUtilizationPercentage"] = utilizations[0]
    used = [each["resource"].get("current", {}).get("averageUtilization") for each in current if _is_cpu(each)]
    if used and used[-1] is not None:
        status["currentCPUUtilizationPercentage"] = used[-1]
    kept = {"metrics": [_metric_to_v1(each) for each in others], "current-metrics": [_status_to_v1(each) for each in current],
            "behavior": _renamed(spec.pop("behavior", None), lambda name: name[0].upper() + name[1:]), "conditions": status.pop("conditions", None)}
    texts = {PREFIX + name: json.dumps(value, separators=(",", ":")) for name, value in kept.items() if value}
    if texts:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **texts}
    return _assembled(document, "autoscaling/v1", metadata, spec, status)


def to_v2(document: Document) -> Document:
    """Raises BadRequest where an annotation does not hold what it should."""
    metadata, spec, status = (dict(document.get(name) or {}) for name in ("metadata", "spec", "status"))
    annotations = dict(metadata.pop("annotations", None) or {})
    kept = {name: _loaded(PREFIX + name, annotations.pop(PREFIX + name)) for name in _KEPT if PREFIX + name in annotations}
    if annotations:
        metadata["annotations"] = annotations
    target, used = spec.pop("targetCPUUtilizationPercentage", None), status.pop("currentCPUUtilizationPercentage", None)
    metrics = [_metric_from_v1(each) for each in kept.get("metrics", ())]
    if target is not None:
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}})
    current = [_status_from_v1(each) for each in kept.get("current-metrics", ())]
    if not current and used is not None:
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}]
    for part, name, value in ((spec, "metrics", metrics), (status, "currentMetrics", current), (status, "conditions", kept.get("conditions")),
                              (spec, "behavior", _renamed(kept.get("behavior"), lambda name: name[:1].lower() + name[1:]))):
        if value:
            part[name] = value
    converted = _assembled(document, "autoscaling/v2", metadata, spec, status)
    return _checked(converted) if kept else converted


def _loaded(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.BadRequest(f"the annotation {name} is no JSON") from None
    is_list = not name.endswith("/behavior")
    if value is None:
        return [] if is_list else {}
    if not isinstance(value, list if is_list else dict) or is_list and not all(isinstance(each, dict) for each in value):
        raise errors.BadRequest(f"the annotation {name} does not hold what it should")
    for each in value if is_list else ():
        if any(not isinstance(each.get(kind) or {}, dict) for kind in _SOURCES.values()) or not isinstance(each.get("type", ""), str):
            raise errors.BadRequest(f"the annotation {name} does not hold what it should")
    return value


def _checked(document: Document) -> Document:
    """What came out of annotations has not been decoded with the rest of the object."""
    from kubeapi.decode import DecodeError, decode
    from kubeapi.schemas import schema_of
    try:
        return decode(document, schema_of("autoscaling", "v2", "HorizontalPodAutoscaler")).document
    except DecodeError as error:
        raise errors.BadRequest(f"HorizontalPodAutoscaler in version \"v1\" cannot be handled as a HorizontalPodAutoscaler: {error}") from error


def _assembled(document: Document, api_version: str, metadata: Document, spec: Document, status: Document) -> Document:
    converted = {**document, "apiVersion": api_version, "metadata": metadata, "spec": spec}
    if status or "status" in document:
        converted["status"] = status
    return converted
