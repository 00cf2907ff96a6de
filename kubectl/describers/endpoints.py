"""How Endpoints and EndpointSlices are described."""
from __future__ import annotations

from kubectl.describers.writer import Writer, annotation_lines, events, head, label_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def _start(writer: Writer, document: Document) -> None:
    head(writer, document)
    label_lines(writer, "Labels", document["metadata"].get("labels"))
    annotation_lines(writer, "Annotations", document["metadata"].get("annotations"))


def _ports(writer: Writer, ports: list[Document], level: int) -> None:
    writer.line("Ports:", level)
    writer.line("Name\tPort\tProtocol", level + 1)
    writer.line("----\t----\t--------", level + 1)
    for port in ports:
        writer.line(f"{port.get('name') or '<unset>'}\t{port.get('port', '<unset>')}\t{port.get('protocol', 'TCP')}", level + 1)


def endpoints(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of Endpoints."""
    _start(writer, document)
    writer.line("Subsets:")
    for subset in document.get("subsets") or []:
        for title, field in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            writer.field(title, ",".join(each["ip"] for each in subset.get(field) or []) or "<none>", 1)
        if subset.get("ports"):
            _ports(writer, subset["ports"], 1)
        writer.line()
    events(writer, found_events)


def slice_(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of an EndpointSlice."""
    _start(writer, document)
    writer.field("AddressType", document.get("addressType", ""))
    if document.get("ports"):
        _ports(writer, document["ports"], 0)
    else:
        writer.field("Ports", "<unset>")
    if not document.get("endpoints"):
        writer.field("Endpoints", "<none>")
    else:
        writer.line("Endpoints:")
    for each in document.get("endpoints") or []:
        writer.field("- Addresses", ", ".join(each.get("addresses") or []), 1)
        writer.line("Conditions:", 2)
        ready = (each.get("conditions") or {}).get("ready")
        writer.field("Ready", "<unset>" if ready is None else str(ready).lower(), 3)
        writer.field("Hostname", each.get("hostname") or "<unset>", 2)
        if target := each.get("targetRef"):
            writer.field("TargetRef", f"{target['kind']}/{target['name']}", 2)
        writer.field("NodeName", each.get("nodeName") or "<unset>", 2)
        writer.field("Zone", each.get("zone") or "<unset>", 2)
    events(writer, found_events)
