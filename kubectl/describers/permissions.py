"""How roles and role bindings are described."""
from __future__ import annotations

from kubectl import rbacrules
from kubectl.describers.writer import Writer, annotation_lines, label_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def _start(writer: Writer, document: Document) -> None:
    writer.field("Name", document["metadata"]["name"])
    label_lines(writer, "Labels", document["metadata"].get("labels"))
    annotation_lines(writer, "Annotations", document["metadata"].get("annotations"))


def role(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a role: a line per resource."""
    _start(writer, document)
    writer.line("PolicyRule:")
    writer.line("Resources\tNon-Resource URLs\tResource Names\tVerbs", 1)
    writer.line("---------\t-----------------\t--------------\t-----", 1)
    single = [each for rule in document.get("rules") or [] for each in rbacrules.breakdown(rule)]
    for rule in sorted(rbacrules.compact(single), key=rbacrules.go_text):
        lists = (f"[{' '.join(rule.get(field) or [])}]" for field in ("nonResourceURLs", "resourceNames", "verbs"))
        writer.line("\t".join([rbacrules.resource_text(rule), *lists]), 1)


def binding(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a role binding."""
    _start(writer, document)
    writer.line("Role:")
    writer.field("Kind", document["roleRef"]["kind"], 1)
    writer.field("Name", document["roleRef"]["name"], 1)
    writer.line("Subjects:")
    writer.line("Kind\tName\tNamespace", 1)
    writer.line("----\t----\t---------", 1)
    for each in document.get("subjects") or []:
        writer.line(f"{each['kind']}\t{each['name']}\t{each.get('namespace', '')}", 1)
