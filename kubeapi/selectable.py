"""What field selectors may name, beyond metadata.name and metadata.namespace, per resource."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

Document = dict[str, Any]
Field = Callable[[Document], str]


def text_at(path: tuple[str, ...], default: str, document: Document) -> str:
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return default if value is None else str(value)


def _at(path: str, default: str = "") -> Field:
    return partial(text_at, tuple(path.split(".")), default)


def _same(*paths: str) -> dict[str, Field]:
    return {path: _at(path) for path in paths}


def _event_source(document: Document) -> str:
    return text_at(("source", "component"), "", document) or text_at(("reportingComponent",), "", document)


_EVENTS = _same("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
                "reason", "reportingComponent", "type") | {"source": _event_source}
_REPLICAS = {"status.replicas": _at("status.replicas", "0")}
SELECTABLE_FIELDS: Mapping[tuple[str, str], Mapping[str, Field]] = {
    ("", "pods"): _same("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
                        "status.podIP", "status.nominatedNodeName") | {"spec.hostNetwork": _at("spec.hostNetwork", "false")},
    ("", "nodes"): {"spec.unschedulable": _at("spec.unschedulable", "false")},
    ("", "namespaces"): _same("status.phase"),
    ("", "secrets"): _same("type"),
    ("", "services"): _same("spec.clusterIP", "spec.type"),
    ("", "events"): _EVENTS,
    ("events.k8s.io", "events"): _EVENTS | {                          # its names for the same stored fields
        "regarding." + path.partition(".")[2]: field for path, field in _EVENTS.items() if path.startswith("involvedObject.")
    } | {"reportingController": _EVENTS["reportingComponent"]},
    ("", "replicationcontrollers"): _REPLICAS,
    ("apps", "replicasets"): _REPLICAS,
    ("batch", "jobs"): {"status.successful": _at("status.succeeded", "0")},
    ("certificates.k8s.io", "certificatesigningrequests"): _same("spec.signerName"),
}
