"""Events: shown by when they were last seen; they belong to the namespace of what they are about."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.duration import age_of
from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import NAME, column
from kubeapi.names import dns1123_subdomain_faults, path_segment_faults
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.event import validate_event, validate_new_event, validate_new_event_update

Document = dict[str, Any]


class EventStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False
    default_propagation: ClassVar[str] = "Unsupported"

    def name_faults(self, name: str) -> list[str]:
        return path_segment_faults(name)            # that of what it is about, and what that may be called

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return list(validate_event(obj))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return list(validate_event(new))


class NewEventStrategy(EventStrategy):
    """Those that come by events.k8s.io."""

    def name_faults(self, name: str) -> list[str]:
        return dns1123_subdomain_faults(name)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return list(validate_new_event(obj))

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return list(validate_new_event_update(new, old))


STRATEGY_BY_GROUP = {"events.k8s.io": NewEventStrategy}


def _first_seen(event: Document) -> str:
    return str(event.get("firstTimestamp") or event.get("eventTime") or "")


def _last_seen(event: Document) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or _first_seen(event))


def _object(event: Document) -> str:
    about = event.get("involvedObject") or {}
    kind, name = about.get("kind", "").lower(), about.get("name", "")
    return f"{kind}/{name}" if name else kind


def _source(event: Document) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else str(component)


def _count(event: Document) -> int:
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


COLUMNS = (
    Column("Last Seen", "string", lambda event, now: age_of(_last_seen(event), now)),
    column("Type", lambda event: event.get("type", "")), column("Reason", lambda event: event.get("reason", "")),
    column("Object", _object),
    column("Subobject", lambda event: (event.get("involvedObject") or {}).get("fieldPath", ""), wide=True),
    column("Source", _source, wide=True), column("Message", lambda event: event.get("message", "").strip()),
    Column("First Seen", "string", lambda event, now: age_of(_first_seen(event), now), priority=1),
    column("Count", _count, wide=True),
    Column("Name", "string", NAME.cell, format="name", priority=1),
)
