"""Conversions between a served version and the stored one, where they differ. Pure; the argument is not changed.

Events are stored as core/v1 whichever group they came by; HorizontalPodAutoscalers as autoscaling/v2.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeapi import autoscaling

Document = dict[str, Any]
# events.k8s.io/v1 name -> core/v1 name of the same field.
_EVENT_NAMES = {
    "note": "message", "regarding": "involvedObject", "deprecatedCount": "count", "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp", "deprecatedLastTimestamp": "lastTimestamp",
    "reportingController": "reportingComponent",
}
_CORE_NAMES = {core: new for new, core in _EVENT_NAMES.items()}


def event_to_core(document: Document) -> Document:
    renamed = {_EVENT_NAMES.get(name, name): value for name, value in document.items()}
    return renamed | {"apiVersion": "v1"}


def event_from_core(document: Document) -> Document:
    """What core shows even if it is empty is left out where events.k8s.io does not."""
    renamed = {_CORE_NAMES.get(name, name): value for name, value in document.items() if value != "" or not name.startswith("reporting")}
    return renamed | {"apiVersion": "events.k8s.io/v1"}


Conversion = Callable[[Document], Document]
# (group, version, kind) -> (to the stored version, from it)
CONVERSIONS: Mapping[tuple[str, str, str], tuple[Conversion, Conversion]] = {
    ("events.k8s.io", "v1", "Event"): (event_to_core, event_from_core),
    ("autoscaling", "v1", "HorizontalPodAutoscaler"): (autoscaling.to_v2, autoscaling.from_v2),
}
