"""Conversions between a served version and the stored one, where they differ. Pure; the argument is not changed.

Events are stored as core/v1 whichever group they came by; HorizontalPodAutoscalers as autoscaling/v2.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]
# events.k8s.io/v1 name -> core/v1 name of the same field.
_EVENT_NAMES = {
    "note": "message", "regarding": "involvedObject", "deprecatedCount": "count", "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp", "deprecatedLastTimestamp": "lastTimestamp",
    "reportingController": "reportingComponent",
}
_CORE_NAMES = {core: new for new, core in _EVENT_NAMES.items()}
_ANNOTATION = "autoscaling.alpha.kubernetes.io/"


def event_to_core(document: Document) -> Document:
    renamed = {_EVENT_NAMES.get(name, name): value for name, value in document.items()}
    return renamed | {"apiVersion": "v1"}


def event_from_core(document: Document) -> Document:
    renamed = {_CORE_NAMES.get(name, name): value for name, value in document.items()}
    return renamed | {"apiVersion": "events.k8s.io/v1"}


def _is_cpu_utilization(metric: Document) -> bool:
    resource = metric.get("resource") or {}
    return (metric.get("type") == "Resource" and resource.get("name") == "cpu"
            and (resource.get("target") or {}).get("type") == "Utilization")


def autoscaler_to_v2(document: Document) -> Document:
    """v1's single CPU target becomes a metric; what v1 cannot say comes back from annotations."""
    metadata = dict(document.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    kept = {name: json.loads(annotations.pop(_ANNOTATION + name)) for name in ("metrics", "behavior", "conditions", "current-metrics")
            if _ANNOTATION + name in annotations}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    spec, status = dict(document.get("spec") or {}), dict(document.get("status") or {})
    metrics = kept.get("metrics") or []
    if (target := spec.pop("targetCPUUtilizationPercentage", None)) is not None:
        metrics = [{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}, *metrics]
    if metrics:
        spec["metrics"] = metrics
    if "behavior" in kept:
        spec["behavior"] = kept["behavior"]
    current = kept.get("current-metrics") or []
    if (used := status.pop("currentCPUUtilizationPercentage", None)) is not None:
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}, *current]
    if current:
        status["currentMetrics"] = current
    if "conditions" in kept:
        status["conditions"] = kept["conditions"]
    return _autoscaler(document, "autoscaling/v2", metadata, spec, status)


def autoscaler_from_v2(document: Document) -> Document:
    metadata = dict(document.get("metadata") or {})
    spec, status = dict(document.get("spec") or {}), dict(document.get("status") or {})
    metrics = list(spec.pop("metrics", None) or ())
    if (cpu := next(filter(_is_cpu_utilization, metrics), None)) is not None:
        metrics.remove(cpu)
        spec["targetCPUUtilizationPercentage"] = cpu["resource"]["target"].get("averageUtilization")
    current = list(status.pop("currentMetrics", None) or ())
    used = next((metric for metric in current if (metric.get("resource") or {}).get("name") == "cpu"
                 and "averageUtilization" in (metric["resource"].get("current") or {})), None)
    if used is not None:
        current.remove(used)
        status["currentCPUUtilizationPercentage"] = used["resource"]["current"]["averageUtilization"]
    kept = {"metrics": metrics, "behavior": spec.pop("behavior", None), "conditions": status.pop("conditions", None),
            "current-metrics": current}
    texts = {_ANNOTATION + name: json.dumps(value, separators=(",", ":")) for name, value in kept.items() if value}
    if texts:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **texts}
    return _autoscaler(document, "autoscaling/v1", metadata, spec, status)


def _autoscaler(document: Document, api_version: str, metadata: Document, spec: Document, status: Document) -> Document:
    converted = {**document, "apiVersion": api_version, "metadata": metadata, "spec": spec}
    if status or "status" in document:
        converted["status"] = status
    return converted


Conversion = Callable[[Document], Document]
# (group, version, kind) -> (to the stored version, from it)
CONVERSIONS: Mapping[tuple[str, str, str], tuple[Conversion, Conversion]] = {
    ("events.k8s.io", "v1", "Event"): (event_to_core, event_from_core),
    ("autoscaling", "v1", "HorizontalPodAutoscaler"): (autoscaler_to_v2, autoscaler_from_v2),
}
