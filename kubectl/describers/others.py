"""How namespaces, config maps, secrets and everything without a page of its own are described."""
from __future__ import annotations

import re

from kubectl.describers.writer import Writer, annotation_lines, events, head, label_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.session import Session

_ACRONYMS = ("API", "URL", "UID", "GUID")


def namespace(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a namespace, with its quotas and limits."""
    name = document["metadata"]["name"]
    head(writer, document, namespaced=False)
    label_lines(writer, "Labels", document["metadata"].get("labels"))
    annotation_lines(writer, "Annotations", document["metadata"].get("annotations"))
    status = document.get("status") or {}
    writer.field("Status", status.get("phase", ""))
    if status.get("conditions"):
        writer.line("Conditions:")
        writer.line("Type\tStatus\tLastTransitionTime\tReason\tMessage", 1)
        writer.line("----\t------\t------------------\t------\t-------", 1)
        for each in status["conditions"]:
            writer.line("\t".join(str(each.get(key, "")) for key in ("type", "status", "lastTransitionTime", "reason", "message")), 1)
    writer.line()
    _quotas(writer, session.client.get(f"/api/v1/namespaces/{name}/resourcequotas")["items"])
    writer.line()
    _limits(writer, session.client.get(f"/api/v1/namespaces/{name}/limitranges")["items"])


def _quotas(writer: Writer, quotas: list[Document]) -> None:
    if not quotas:
        writer.line("No resource quota.")
        return
    writer.line("Resource Quotas")
    for quota in quotas:
        writer.line(f"  Name:\t{quota['metadata']['name']}")
        writer.line("  Resource\tUsed\tHard\n  --------\t---\t---")
        status = quota.get("status") or {}
        for resource, hard in sorted((status.get("hard") or {}).items()):
            writer.line(f"  {resource}\t{(status.get('used') or {}).get(resource, '0')}\t{hard}")


def _limits(writer: Writer, ranges: list[Document]) -> None:
    if not ranges:
        writer.line("No LimitRange resource.")
        return
    writer.line("Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
    writer.line(" ----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    for item in (item for each in ranges for item in each["spec"].get("limits") or []):
        columns = [item.get(key) or {} for key in ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")]
        for resource in sorted({name for column in columns for name in column}):
            writer.line(f" {item['type']}\t{resource}\t" + "\t".join(str(column.get(resource, "-")) for column in columns))


def _decoded(text: str) -> bytes:
    from binascii import a2b_base64
    return a2b_base64(text)


def config_map(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a config map: all its data."""
    head(writer, document)
    label_lines(writer, "Labels", document["metadata"].get("labels"))
    annotation_lines(writer, "Annotations", document["metadata"].get("annotations"))
    writer.line("\nData\n====")
    for key, value in sorted((document.get("data") or {}).items()):
        writer.line(f"{key}:\n----\n{value}\n")
    writer.line("\nBinaryData\n====")
    for key, value in sorted((document.get("binaryData") or {}).items()):
        writer.line(f"{key}: {len(_decoded(value))} bytes")
    writer.line()
    events(writer, found_events)


def secret(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The page of a secret: sizes only, but for tokens of service accounts."""
    head(writer, document)
    label_lines(writer, "Labels", document["metadata"].get("labels"))
    annotation_lines(writer, "Annotations", document["metadata"].get("annotations"))
    writer.line(f"\nType:\t{document.get('type', '')}")
    writer.line("\nData\n====")
    for key, value in sorted((document.get("data") or {}).items()):
        data = _decoded(value)
        is_token = key == "token" and document.get("type") == "kubernetes.io/service-account-token"
        writer.line(f"{key}:\t{data.decode('utf-8', 'replace') if is_token else f'{len(data)} bytes'}")


def anything(session: Session, writer: Writer, document: Document, found_events: list[Document] | None) -> None:
    """The fields of any object, in order of their names."""
    metadata = document["metadata"]
    writer.field("Name", metadata["name"])
    writer.field("Namespace", metadata.get("namespace", ""))
    label_lines(writer, "Labels", metadata.get("labels"))
    annotation_lines(writer, "Annotations", metadata.get("annotations"))
    hidden = ("managedFields", "name", "namespace", "labels", "annotations")
    rest = {key: value for key, value in metadata.items() if key not in hidden}
    _fields(writer, {**document, "metadata": rest}, 0)
    events(writer, found_events)


def _fields(writer: Writer, content: Document, level: int) -> None:
    for name in sorted(content):
        value = content[name]
        if isinstance(value, dict):
            writer.line(f"{label_of(name)}:", level)
            _fields(writer, value, level + 1)
        elif isinstance(value, list):
            writer.line(f"{label_of(name)}:", level)
            for item in value:
                if isinstance(item, dict):
                    _fields(writer, item, level + 1)
                else:
                    writer.line(_scalar(item), level + 1)
        else:
            writer.field(label_of(name), _scalar(value), level)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


def label_of(name: str) -> str:
    """`creationTimestamp` -> `Creation Timestamp`; names with other characters stay."""
    if not name.replace("-", "").isalpha():
        return name
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|-", name)
    words = [part.upper() if part.upper() in _ACRONYMS else part.capitalize() if part.islower() else part for part in parts]
    return " ".join(words)
