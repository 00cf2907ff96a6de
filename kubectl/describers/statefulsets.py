"""How stateful sets are described."""
from __future__ import annotations

from kubectl.describers.pods import pod_template
from kubectl.describers.workloads import format_selector, pod_phases
from kubectl.describers.writer import Writer, annotation_lines, events, head, label_lines, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def stateful_set(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The whole page of a stateful set."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    head(writer, document)
    writer.field("CreationTimestamp", moment(metadata.get("creationTimestamp")))
    writer.field("Selector", format_selector(spec.get("selector")))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    writer.field("Replicas", f"{spec.get('replicas', 1)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    writer.field("Update Strategy", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate") or {}
    for name, field in (("Partition", "partition"), ("MaxUnavailable", "maxUnavailable")):
        if field in rolling:
            writer.field(name, rolling[field], 1)
    writer.field("Pods Status", pod_phases(session, document))
    pod_template(writer, spec["template"])
    _claims(writer, spec.get("volumeClaimTemplates") or [])
    events(writer, found_events)


def _claims(writer: Writer, templates: list[Document]) -> None:
    if not templates:
        writer.field("Volume Claims", "<none>")
        return
    writer.line("Volume Claims:")
    for template in templates:
        metadata, spec = template["metadata"], template["spec"]
        writer.field("Name", metadata["name"], 1)
        writer.field("StorageClass", spec.get("storageClassName", ""), 1)
        label_lines(writer, "  Labels", metadata.get("labels"))
        label_lines(writer, "  Annotations", metadata.get("annotations"))
        asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "<default>")
        writer.field("Capacity", asked, 1)
        writer.field("Access Modes", f"[{' '.join(spec.get('accessModes') or [])}]", 1)
