"""Documents as sets of fields: all that one has, and what differs between two."""
from __future__ import annotations

from typing import Any

from kubeapi.managedfields.fieldset import LEAF, FieldSet
from kubeapi.managedfields.typed import Typed

Document = dict[str, Any]
# Fields that the server owns, or that identify the object: nobody manages them.
UNMANAGED = frozenset({"name", "namespace", "creationTimestamp", "selfLink", "uid", "resourceVersion", "generation", "managedFields"})


def without_unmanaged(document: Document) -> Document:
    """The part of an object whose fields have managers."""
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key not in UNMANAGED}
    rest = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    return {"metadata": metadata, **rest} if metadata else rest


def fields_of(value: Any, kind: Typed, marks: bool = False) -> FieldSet:
    """All fields under *value*. `marks`: as an update does, count maps and lists that came into being."""
    found: FieldSet = {}
    if type(value) is dict:
        fields = kind.fields
        for name, child in value.items():
            path, below = fields.get(name) or kind.field(name)
            if not child or below.owns_whole(child):
                found[path] = LEAF
                continue
            nested = fields_of(child, below, marks)
            found[path] = {".": LEAF, **nested} if marks and below.is_marked else nested
        return found
    items = kind.items
    for item in value:
        found[kind.item_key(item)] = LEAF if not item or items.owns_whole(item) else {".": LEAF, **fields_of(item, items, marks)}
    return found


def compare(old: Any, new: Any, kind: Typed) -> tuple[FieldSet, FieldSet]:
    """(added or changed, removed) fields between two containers of one kind; equal parts are not walked."""
    changed: FieldSet = {}
    removed: FieldSet = {}
    before, after = kind.children(old), kind.children(new)
    for key, (child, below) in after.items():
        if key not in before:
            changed[key] = _all(key, child, below)
            continue
        was = before[key][0]
        if was == child:
            continue
        if below.owns_whole(child) or type(was) is not type(child) or not was or not child:
            changed[key] = _all(key, child, below)
            if was and not child and not below.owns_whole(was):
                removed[key] = fields_of(was, below, True)
            continue
        more, less = compare(was, child, below)
        if more:
            changed[key] = more
        if less:
            removed[key] = less
    for key in before.keys() - after.keys():
        removed[key] = LEAF
    return changed, removed


def _all(key: str, value: Any, kind: Typed) -> FieldSet:
    """What an update that brings *value* has changed."""
    if not value or kind.owns_whole(value):
        return LEAF
    nested = fields_of(value, kind, True)
    return {".": LEAF, **nested} if key[0] != "f" or kind.is_marked else nested
