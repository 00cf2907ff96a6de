"""Events, in the form they are stored in: what both groups ask for, and what events.k8s.io asks for besides. Upstream: validation/events.go."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.names import qualified_name_faults

Document = dict[str, Any]
# (field, as it is called in what is told, characters)
LONGEST = (("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024))
REQUIRED = frozenset({"reportingInstance", "action", "reason"})
FIXED = ("involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "action", "related",
         "reportingComponent", "reportingInstance")
OF_OTHERS = ("firstTimestamp", "lastTimestamp", "count")          # what only core's events say


def validate_event(event: Document, controller: str = "reportingComponent") -> Iterator[FieldError]:
    """`controller`: what the group calls who tells it."""
    namespace = (event.get("metadata") or {}).get("namespace", "")
    about = (event.get("involvedObject") or {}).get("namespace") or ""
    if not event.get("eventTime"):
        if about != namespace and not (not about and namespace == "default"):
            yield invalid("involvedObject.namespace", about, "does not match event.namespace")
        return
    if not about and namespace not in ("default", "kube-system"):
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")
    teller = event.get("reportingComponent") or ""
    if not teller:
        yield required(controller, "")
    yield from (invalid(controller, teller, fault) for fault in qualified_name_faults(teller))
    for field, longest in LONGEST:
        value = event.get(field) or ""
        if not value and field in REQUIRED:
            yield required(field, "")
        if len(value.encode()) > longest:
            yield invalid(field, "", f"can have at most {longest} characters")


def validate_new_event(event: Document) -> Iterator[FieldError]:
    """By events.k8s.io."""
    yield from validate_event(event, "reportingController")
    yield from _of_series(event)
    if not event.get("eventTime"):
        yield required("eventTime", "")
    if event.get("type") not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {event.get('type') or ''}")
    yield from (invalid(field, "", "needs to be unset") for field in OF_OTHERS if event.get(field))
    if any((event.get("source") or {}).get(name) for name in ("component", "host")):
        yield invalid("source", "", "needs to be unset")


def validate_new_event_update(new: Document, old: Document) -> Iterator[FieldError]:
    """By events.k8s.io: an event is told again by its series alone."""
    yield from validate_event(new, "reportingController")
    if new.get("series") != old.get("series"):
        yield from _of_series(new)
    for field in FIXED:
        if (new.get(field) or None) != (old.get(field) or None):
            yield invalid("reportingController" if field == "reportingComponent" else field, new.get(field), "field is immutable")


def _of_series(event: Document) -> Iterator[FieldError]:
    series = event.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime", "")
