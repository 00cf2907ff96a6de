"""Who manages which field of an object: metadata.managedFields, for plain updates and for server-side apply (KEP-555).

`track_update` gives every changed field to its writer and takes it from all others; `apply` merges an applied
configuration, refusing to change what others manage unless forced. Documents given are not changed.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from kubeapi.managedfields.conflicts import Contested, conflict
from kubeapi.managedfields.entries import BEFORE_FIRST_APPLY, Manager, are_reset, are_valid, entries_of, with_entries
from kubeapi.managedfields.fieldset import FieldSet, below, difference, intersection, paths, union
from kubeapi.managedfields.merge import merge, remove
from kubeapi.managedfields.typed import Typed, typed
from kubeapi.managedfields.walk import compare, fields_of, without_unmanaged
from kubeapi.repeats import Repeats
from kubeapi.schema import Schema

Document = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
__all__ = ["Manager", "apply", "track_update"]


def track_update(live: Document | None, new: Document, manager: Manager, now: str, schema: Schema | None) -> Document:
    """*new* with managedFields brought up to date. `live` is None on create.

    A client may state the entries itself; `[]` or `[{}]` drops them, and an object without entries gets none until
    somebody applies to it.
    """
    given = (new.get("metadata") or {}).get("managedFields")
    if live is None:
        return with_entries(new, [manager.entry(now, _fields_of_new(typed(schema))(without_unmanaged(new)))])
    if given is not None and not manager.subresource and are_reset(given):
        return with_entries(new, ())
    entries = given if given and not manager.subresource and are_valid(given) else entries_of(live)
    if not entries:
        return with_entries(new, ())
    changed, removed = compare(without_unmanaged(live), without_unmanaged(new), typed(schema))
    if not changed and not removed:
        return with_entries(new, entries)
    mine: FieldSet = {}
    others = []
    for entry in entries:
        kept = below(entry["fieldsV1"], removed)
        if manager.has(entry):
            mine = kept
            continue
        kept = difference(kept, changed)
        others.append(entry if kept == entry["fieldsV1"] else {**entry, "fieldsV1": kept})
    if changed or mine:
        others.append(manager.entry(now, union(mine, changed)))
    return with_entries(new, others)


@lru_cache(1024)
def _fields_of_new(kind: Typed) -> Repeats[FieldSet]:
    return Repeats(lambda document: fields_of(document, kind, True))


def apply(live: Document | None, applied: Document, manager: Manager, force: bool, now: str, schema: Schema | None) -> Document:
    """The object after a server-side apply; equal to *live* when nothing changes. Raises Conflict naming the other managers."""
    kind = typed(schema)
    config = {**applied, "metadata": {key: value for key, value in (applied.get("metadata") or {}).items() if key != "managedFields"}}
    wanted = fields_of(without_unmanaged(config), kind)
    entries = _entries_to_apply_over(live, kind)
    previous = next((entry for entry in entries if manager.has(entry)), None)
    others = [entry for entry in entries if entry is not previous]
    merged = merge(_without_entries(live or {}), config, kind)
    others = _win(live or {}, merged, others, kind, force or _applied_before(live, manager, kind))
    if previous is not None:
        orphaned = difference(previous["fieldsV1"], wanted)
        for entry in others:
            orphaned = difference(orphaned, entry["fieldsV1"])
        merged = remove(merged, orphaned, kind) if orphaned else merged
    _update_last_applied(live, merged, applied, manager)
    if live is not None and previous is not None and previous["fieldsV1"] == wanted and others == [
            entry for entry in entries_of(live) if not manager.has(entry)] and merged == _without_entries(live):
        return live
    return with_entries(merged, [*others, manager.entry(now, wanted)])


def _without_entries(document: Document) -> Document:
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key != "managedFields"}
    return {**document, "metadata": metadata}


def _entries_to_apply_over(live: Document | None, kind: Typed) -> list[Document]:
    """An object that nobody tracked belongs, as it is, to whoever wrote it before."""
    entries = entries_of(live)
    if entries or live is None:
        return entries
    before = Manager(BEFORE_FIRST_APPLY, "Update", str(live.get("apiVersion", "")))
    found = fields_of(without_unmanaged(live), kind, True)
    created = (live.get("metadata") or {}).get("creationTimestamp") or ""
    return [before.entry(created, found)] if found else []


def _win(live: Document, merged: Document, others: list[Document], kind: Typed, force: bool | FieldSet) -> list[Document]:
    """The others' entries without what this apply changes. Raises Conflict unless that is allowed (`force`, or for these fields)."""
    changed, _ = compare(without_unmanaged(live), without_unmanaged(merged), kind)
    contested: list[Contested] = []
    left = []
    for entry in others:
        taken = intersection(entry["fieldsV1"], changed) if changed else {}
        if taken:
            refused = taken if isinstance(force, bool) else difference(taken, force)
            if force is not True:
                contested += [(entry, path) for path in paths(refused)]
            entry = {**entry, "fieldsV1": difference(entry["fieldsV1"], taken)}
        left.append(entry)
    if contested:
        raise conflict(contested)
    return left


def _applied_before(live: Document | None, manager: Manager, kind: Typed) -> bool | FieldSet:
    """kubectl going from client-side to server-side apply takes over what it applied before, without a conflict."""
    text = (((live or {}).get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if manager.name != "kubectl" or not text:
        return False
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(document, dict):
        return False
    return fields_of(without_unmanaged(document), kind)


def _update_last_applied(live: Document | None, merged: Document, applied: Document, manager: Manager) -> None:
    """Where kubectl's client-side annotation lies, its server-side apply keeps it true."""
    annotations = (merged.get("metadata") or {}).get("annotations") or {}
    if manager.name == "kubectl" and not manager.subresource and LAST_APPLIED in annotations:
        text = orjson.dumps(_without_entries(applied), option=orjson.OPT_SORT_KEYS).decode() + "\n"
        merged["metadata"]["annotations"] = {**annotations, LAST_APPLIED: text}
