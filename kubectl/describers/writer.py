"""The page that a describer writes: indented lines whose tabs are aligned at the end, and the parts all kinds share."""
from __future__ import annotations

from kubectl import tabwriter
from kubectl.lastapplied import ANNOTATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

_LONGEST_ANNOTATION = 140


class Writer:
    """Lines of `label:\\tvalue`, two spaces per level."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def line(self, text: str = "", level: int = 0) -> None:
        self._parts.append("  " * level + text + "\n")

    def field(self, name: str, value: object, level: int = 0) -> None:
        self.line(f"{name}:\t{value}", level)

    def optional(self, name: str, value: object, level: int = 0) -> None:
        """The field, where it has a value."""
        if value:
            self.field(name, value, level)

    def raw(self) -> str:
        """The text with its tabs."""
        return "".join(self._parts)

    def text(self) -> str:
        return tabwriter.align(self.raw())


def label_lines(writer: Writer, name: str, values: dict[str, str] | None, level: int = 0) -> None:
    """`key=value` lines in order of their keys."""
    lines = [f"{key}={value}" for key, value in sorted((values or {}).items())]
    writer.line(("  " * level) + f"{name}:\t" + ("\n\t".join(lines) or "<none>"))


def annotation_lines(writer: Writer, name: str, values: dict[str, str] | None) -> None:
    """`key: value` lines; long or broken values below their key; what apply keeps is left out."""
    found = {key: value for key, value in sorted((values or {}).items()) if key != ANNOTATION}
    lines: list[str] = []
    for key, value in found.items():
        text = value.removesuffix("\n")
        if len(text) + len(key) + 2 > _LONGEST_ANNOTATION or "\n" in text:
            lines += [f"{key}:", *(f"  {_shortened(part)}" for part in text.split("\n"))]
        else:
            lines.append(f"{key}: {text}")
    writer.line(f"{name}:\t" + ("\n\t".join(lines) or "<none>"))


def joined(values: dict[str, str] | None) -> str:
    """`a=b,c=d` in one line, whatever is in it."""
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or "<none>"


def _shortened(text: str) -> str:
    most = _LONGEST_ANNOTATION - 2
    return text if len(text) <= most else f"{text[:most]}..."


def moment(timestamp: str | None) -> str:
    """`Sat, 21 Nov 2026 02:36:42 +0000`, in local time; Go's zero time without one."""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    import time

    from kubectl.humantime import seconds_of
    return time.strftime("%a, %d %b %Y %H:%M:%S %z", time.localtime(seconds_of(timestamp)))


def go_moment(timestamp: str) -> str:
    """`2026-11-21 02:36:42 +0000 UTC`, in local time."""
    import time

    from kubectl.humantime import seconds_of
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(seconds_of(timestamp)))


def controller(document: Document) -> str:
    """`ReplicaSet/web-1`; empty without one."""
    from kubectl.workloads import controller_of
    owner = controller_of(document)
    return f"{owner['kind']}/{owner['name']}" if owner else ""


def head(writer: Writer, document: Document, *, namespaced: bool = True) -> None:
    """Name and namespace."""
    writer.field("Name", document["metadata"]["name"])
    if namespaced:
        writer.field("Namespace", document["metadata"].get("namespace", ""))


def events(writer: Writer, found: list[Document] | None) -> None:
    """The table of events, oldest first; nothing where none were asked for."""
    if found is None:
        return
    if not found:
        writer.field("Events", "<none>")
        return
    writer.line("Events:")
    writer.line("Type\tReason\tAge\tFrom\tMessage", 1)
    writer.line("----\t------\t----\t----\t-------", 1)
    for event in sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or ""):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        message = event.get("message", "").strip()
        path = (event.get("involvedObject") or {}).get("fieldPath", "")
        if path:
            message = f"{path}: {message}"
        writer.line(f"{event.get('type', '')}\t{event.get('reason', '')}\t{event_age(event)}\t{source}\t{message}", 1)


def event_age(event: Document) -> str:
    """`3s`, or `3s (x5 over 2m)` of one that came again."""
    from kubectl.humantime import age
    first = event.get("firstTimestamp") or event.get("eventTime")
    series = event.get("series")
    if series:
        return f"{age(series.get('lastObservedTime'))} (x{series.get('count', 0)} over {age(first)})"
    if event.get("count", 0) > 1:
        return f"{age(event.get('lastTimestamp'))} (x{event['count']} over {age(first)})"
    return age(first)
