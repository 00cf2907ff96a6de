"""The entries of metadata.managedFields: who they are of, their order, and how many are kept."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kubeapi.managedfields.fieldset import FieldSet, union

Document = dict[str, Any]
MAX_UPDATERS = 10
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes, how, and in which words: an updater's entries are told apart by version, an applier's are not."""

    name: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str = ""

    def entry(self, now: str, fields: FieldSet) -> Document:
        found: Document = {"manager": self.name, "operation": self.operation, "apiVersion": self.api_version, "time": now,
                           "fieldsType": "FieldsV1", "fieldsV1": fields}
        if self.subresource:
            found["subresource"] = self.subresource
        return found

    def has(self, entry: Document) -> bool:
        return (entry.get("manager", "") == self.name and entry.get("operation", "") == self.operation
                and entry.get("subresource", "") == self.subresource
                and (self.operation == "Apply" or entry.get("apiVersion", "") == self.api_version))


def entries_of(document: Document | None) -> list[Document]:
    return list(((document or {}).get("metadata") or {}).get("managedFields") or ())


def are_reset(entries: object) -> bool:
    """`[]` and `[{}]` are how clients ask for a fresh start."""
    return isinstance(entries, list) and (not entries or entries == [{}])


def are_valid(entries: Sequence[Document]) -> bool:
    return all(entry.get("operation") in ("Apply", "Update") and entry.get("fieldsType") == "FieldsV1"
               and isinstance(entry.get("fieldsV1"), dict) for entry in entries)


def with_entries(document: Document, entries: Sequence[Document]) -> Document:
    """*document* with these entries, without the empty ones: appliers first, each kind by age."""
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key != "managedFields"}
    kept = _capped([entry for entry in entries if entry.get("fieldsV1")])
    if kept:
        metadata["managedFields"] = sorted(kept, key=_rank)
    return {**document, "metadata": metadata}


def _rank(entry: Document) -> tuple[bool, str, str, str, str]:
    return (entry.get("operation") != "Apply", entry.get("time") or "", entry.get("manager", ""), entry.get("apiVersion", ""),
            entry.get("subresource", ""))


def _capped(entries: list[Document]) -> list[Document]:
    """At most ten updaters: of each version the oldest are merged into one entry until that holds."""
    updaters = sorted((entry for entry in entries if entry.get("operation") == "Update"), key=_rank)
    count = len(updaters)
    if count <= MAX_UPDATERS:
        return entries
    oldest: dict[str, Document] = {}            # by version: the first that was met, or all that were merged
    kept = [entry for entry in entries if entry.get("operation") != "Update"]
    for entry in updaters:
        version = entry.get("apiVersion", "")
        if count <= MAX_UPDATERS:
            kept.append(entry)
        elif version not in oldest:
            oldest[version] = entry
        else:
            fields = union(oldest[version]["fieldsV1"], entry["fieldsV1"])
            oldest[version] = Manager(ANCIENT, "Update", version).entry(entry.get("time") or "", fields)
            count -= 1
    return [*kept, *oldest.values()]
