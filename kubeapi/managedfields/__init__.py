"""Who manages which field of an object: metadata.managedFields, for plain updates and for server-side apply.

`track_update` gives every changed field to its writer and takes it from all others; `apply` merges an applied
configuration, refusing to change what others manage unless forced. Documents given are not changed.
"""
from __future__ import annotations

import copy
from typing import Any

from kubeapi.errors import Conflict
from kubeapi.managedfields.fieldset import (
    FieldSet,
    below,
    children,
    compare,
    difference,
    fields_of,
    intersection,
    is_atomic,
    item_key,
    paths,
    root,
    union,
    without_unmanaged,
)
from kubeapi.schema import Schema

Document = dict[str, Any]
__all__ = ["apply", "track_update"]


def _entry(manager: str, operation: str, api_version: str, subresource: str, now: str, fields: FieldSet) -> Document:
    entry = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": now,
             "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {**entry, "subresource": subresource} if subresource else entry


def _identity(entry: Document) -> tuple[str, str, str, str]:
    version = entry.get("apiVersion", "") if entry.get("operation") == "Update" else ""
    return entry.get("manager", ""), entry.get("operation", ""), version, entry.get("subresource", "")


def _entries(document: Document | None) -> list[Document]:
    return list(((document or {}).get("metadata") or {}).get("managedFields") or ())


def _with_entries(document: Document, entries: list[Document]) -> Document:
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key != "managedFields"}
    kept = [entry for entry in entries if entry.get("fieldsV1")]
    if kept:
        metadata["managedFields"] = kept
    return {**document, "metadata": metadata}


def _replaced(entries: list[Document], entry: Document) -> list[Document]:
    """Appliers first, then updaters, each in order of time."""
    others = [each for each in entries if _identity(each) != _identity(entry)]
    return sorted([*others, entry], key=lambda each: (each.get("operation") != "Apply", each.get("time", ""), each.get("manager", "")))


def track_update(live: Document | None, new: Document, manager: str, operation: str, api_version: str, subresource: str,
                 now: str, schema: Schema | None) -> Document:
    """*new* with managedFields brought up to date; an empty list in *new* resets them. `live` is None on create."""
    given = (new.get("metadata") or {}).get("managedFields")
    entries = [] if given == [] else _entries(live)
    changed, removed = compare(without_unmanaged(live or {}), without_unmanaged(new), root(schema))
    if not changed and not removed:
        return _with_entries(new, entries)
    mine = _entry(manager, operation, api_version, subresource, now, {})
    owned: FieldSet = {}
    others = []
    for entry in entries:
        fields = entry.get("fieldsV1") or {}
        if _identity(entry) == _identity(mine):
            owned = fields
            continue
        kept = _lose(fields, changed, removed)
        others.append(entry if kept == fields else {**entry, "fieldsV1": kept})
    owned = union(below(owned, removed), changed)
    return _with_entries(new, _replaced(others, {**mine, "fieldsV1": owned}))


def _lose(fields: FieldSet, changed: FieldSet, removed: FieldSet) -> FieldSet:
    taken = intersection(fields, changed)
    return below(difference(fields, taken), removed)


def apply(live: Document | None, applied: Document, manager: str, force: bool, api_version: str, subresource: str,
          now: str, schema: Schema | None) -> Document:
    """The object after a server-side apply. Raises errors.Conflict naming the other managers."""
    config = without_unmanaged(applied)
    wanted = fields_of(config, root(schema))
    entries = _entries(live)
    mine = _entry(manager, "Apply", api_version, subresource, now, wanted)
    base = copy.deepcopy(live) if live is not None else {key: applied[key] for key in ("apiVersion", "kind") if key in applied}
    merged = _merge(base, {**applied, "metadata": {key: value for key, value in (applied.get("metadata") or {}).items()
                                                   if key != "managedFields"}}, root(schema))
    changed, _ = compare(without_unmanaged(live or {}), without_unmanaged(merged), root(schema))
    others, conflicts = [], []
    previous: FieldSet = {}
    for entry in entries:
        fields = entry.get("fieldsV1") or {}
        if _identity(entry) == _identity(mine):
            previous = fields
            continue
        if contested := intersection(fields, intersection(changed, wanted)):
            conflicts += [(entry, path) for path in paths(contested)]
            entry = {**entry, "fieldsV1": difference(fields, contested)}
        others.append(entry)
    if conflicts and not force:
        raise _conflict(conflicts)
    orphaned = difference(previous, wanted)
    for entry in others:
        orphaned = difference(orphaned, entry.get("fieldsV1") or {})
    if orphaned:
        merged = _removed(merged, orphaned, root(schema))
    return _with_entries(merged, _replaced(others, mine))


def _conflict(conflicts: list[tuple[Document, str]]) -> Conflict:
    causes = [{"reason": "FieldManagerConflict", "message": f"conflict with {_named(entry)}", "field": path}
              for entry, path in conflicts]
    managers = list(dict.fromkeys(_named(entry) for entry, _ in conflicts))
    plural = "conflict" if len(conflicts) == 1 else "conflicts"
    if len(managers) == 1:
        told = f"conflict with {managers[0]}: {conflicts[0][1]}" if len(conflicts) == 1 else (
            f"conflicts with {managers[0]}:\n" + "\n".join(f"- {path}" for _, path in conflicts))
    else:
        told = "\n".join(f"conflicts with {name}:\n" + "\n".join(f"- {path}" for entry, path in conflicts if _named(entry) == name)
                         for name in managers)
    return Conflict(f"Apply failed with {len(conflicts)} {plural}: {told}", details={"causes": causes})


def _named(entry: Document) -> str:
    text = f'"{entry.get("manager", "")}"'
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    if entry.get("operation") == "Update":
        text += f" using {entry.get('apiVersion', '')}"
    return text


def _merge(current: Any, applied: Any, field: Schema | None) -> Any:
    if is_atomic(applied, field) or type(current) is not type(applied):
        return applied
    if isinstance(applied, dict):
        nested = children(applied, field)
        return {**current, **{key[2:]: _merge(current.get(key[2:]), value, schema) for key, (value, schema) in nested.items()}}
    assert field is not None
    ours = children(applied, field)
    merged = [_merge(item, *ours.pop(key)) if (key := item_key(item, field)) in ours else item for item in current]
    return merged + [value for value, _ in ours.values()]


def _removed(value: Any, gone: FieldSet, field: Schema | None) -> Any:
    if isinstance(value, dict):
        kept = {}
        for key, (child, schema) in children(value, field).items():
            node = gone.get(key)
            if node is None:
                kept[key[2:]] = child
            elif node and not ("." in node and isinstance(child, dict | list) and not child):
                kept[key[2:]] = _removed(child, node, schema)
        return kept
    items = []
    for key, (item, schema) in children(value, field).items():
        node = gone.get(key)
        if node is None:
            items.append(item)
        elif node and "." not in node:
            items.append(_removed(item, node, schema))
    return items
