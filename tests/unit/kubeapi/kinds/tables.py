"""What the table tests of kinds share: a document through its kind's Strategy, as a create or an update would take it."""
from __future__ import annotations

import copy
from typing import Any

from kubeapi.catalog import by_kind
from kubeapi.schema import Schema
from kubeapi.zeros import fill_zeros

Document = dict[str, Any]
NOW = 1767225600.0                                # 2026-01-01T00:00:00Z
META: Document = {"name": "a", "namespace": "d", "uid": "u", "creationTimestamp": "2025-12-31T23:00:00Z"}


def _schema(group: str, kind: str) -> Schema:
    resource = by_kind(group, kind)
    return resource.version(resource.storage_version).schema()


def defaulted(group: str, kind: str, document: Document) -> Document:
    document = copy.deepcopy({"metadata": dict(META), **document})
    fill_zeros(document, _schema(group, kind))
    by_kind(group, kind).strategy().default(document)
    return document


def created(group: str, kind: str, document: Document) -> Document:
    document = defaulted(group, kind, document)
    by_kind(group, kind).strategy().prepare_for_create(document)
    return document


def faults(group: str, kind: str, document: Document) -> list[str]:
    return [str(fault) for fault in by_kind(group, kind).strategy().validate(created(group, kind, document))]


def update_faults(group: str, kind: str, new: Document, old: Document) -> list[str]:
    strategy = by_kind(group, kind).strategy()
    after, before = defaulted(group, kind, new), created(group, kind, old)
    strategy.prepare_for_update(after, before)
    return [str(fault) for fault in strategy.validate_update(after, before)]


def status_faults(group: str, kind: str, new: Document, old: Document | None = None) -> list[str]:
    strategy = by_kind(group, kind).strategy()
    after, before = defaulted(group, kind, new), defaulted(group, kind, old or {})
    strategy.prepare_for_status_update(after, before)
    return [str(fault) for fault in strategy.validate_status_update(after, before)]


def cells(group: str, kind: str, document: Document, wide: bool = True) -> list[Any]:
    document = {"metadata": dict(META), **document}
    return [column.cell(document, NOW) for column in by_kind(group, kind).columns() if wide or not column.priority]


def columns(group: str, kind: str) -> str:
    """`Name Ready Age | Containers`: what is shown, and what with -o wide."""
    found = by_kind(group, kind).columns()
    shown, wide = ([column.name for column in found if bool(column.priority) is hidden] for hidden in (False, True))
    return ", ".join(shown) + (" | " + ", ".join(wide) if wide else "")
