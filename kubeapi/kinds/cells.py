"""What the columns of several kinds share."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kubeapi.duration import age_of
from kubeapi.resource import Column

Document = dict[str, Any]
NONE, UNSET = "<none>", "<unset>"


def metadata(document: Document) -> Document:
    return document.get("metadata") or {}


def part(document: Document, name: str) -> Document:
    """`spec` or `status`, empty where there is none."""
    return document.get(name) or {}


def column(name: str, cell: Callable[[Document], Any], type: str = "string", wide: bool = False) -> Column:
    return Column(name, type, lambda document, now: cell(document), priority=int(wide))


NAME = Column("Name", "string", lambda document, now: metadata(document).get("name", ""), format="name")
AGE = Column("Age", "string", lambda document, now: age_of(metadata(document).get("creationTimestamp", ""), now))


def format_labels(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def format_label_selector(selector: Document | None) -> str:
    """A LabelSelector as users write it; `<none>` where it selects everything or nothing."""
    from kubeapi.labels import from_label_selector
    return str(from_label_selector(selector)) or NONE


def containers_of(document: Document) -> list[Document]:
    template = part(document, "spec").get("template") or {}
    return part(template, "spec").get("containers") or []


def joined(values: Iterable[Any]) -> str:
    return ",".join(str(value) for value in values)


def containers_columns(containers: Callable[[Document], Iterable[Document]]) -> tuple[Column, Column]:
    return (column("Containers", lambda document: joined(each.get("name", "") for each in containers(document)), wide=True),
            column("Images", lambda document: joined(each.get("image", "") for each in containers(document)), wide=True))


def boolean(value: bool | None) -> str:
    return UNSET if value is None else str(value)


CONTAINERS, IMAGES = containers_columns(containers_of)
SELECTOR = column("Selector", lambda document: format_label_selector(part(document, "spec").get("selector")), wide=True)


def name_with_default(*annotations: str) -> Column:
    """The name of a class, which says if it is the one that is used where none is named."""
    def cell(document: Document, now: float) -> str:
        given = metadata(document).get("annotations") or {}
        is_default = any(given.get(each) == "true" for each in annotations)
        return f"{metadata(document).get('name', '')}{' (default)' if is_default else ''}"
    return Column("Name", "string", cell, format="name")


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes_text(modes: Iterable[str] | None) -> str:
    return joined(short for mode, short in _MODES.items() if mode in (modes or ()))


def class_annotation(document: Document) -> str:
    """The storage class of a volume or a claim; an old annotation goes before the field."""
    given = (metadata(document).get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    return str(part(document, "spec").get("storageClassName", "") if given is None else given)
