"""How daemon sets are described."""
from __future__ import annotations

from kubectl.describers.pods import pod_template
from kubectl.describers.workloads import format_selector, pod_phases
from kubectl.describers.writer import Writer, annotation_lines, events, label_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_COUNTS = (("Desired Number of Nodes Scheduled", "desiredNumberScheduled"), ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
           ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
           ("Number of Nodes Scheduled with Available Pods", "numberAvailable"), ("Number of Nodes Misscheduled", "numberMisscheduled"))


def daemon_set(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a daemon set."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    writer.field("Name", metadata["name"])
    writer.field("Selector", format_selector(spec.get("selector")))
    nodes = (spec["template"].get("spec") or {}).get("nodeSelector") or {}
    writer.field("Node-Selector", ",".join(f"{key}={value}" for key, value in sorted(nodes.items())) or "<none>")
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    for words, name in _COUNTS:
        writer.line(f"{words}: {status.get(name, 0)}")
    writer.field("Pods Status", pod_phases(session, document))
    pod_template(writer, spec["template"])
    events(writer, found_events)
