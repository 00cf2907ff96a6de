"""Strategic merge patch: a merge patch that knows from the Schema which lists merge, and by which key.

Directives in a patch: `$patch` (delete, replace, merge), `$retainKeys`, `$setElementOrder/<list>` and
`$deleteFromPrimitiveList/<list>`. `diff3` makes the patch that `kubectl apply` sends. Arguments are never changed.
"""
from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from kubeapi.patch.jsonpatch import PatchError
from kubeapi.schema import Schema
from kubeapi.schemas import field_of, items_of

Document = dict[str, Any]
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def apply(document: Document, patch: Document, schema: Schema | None) -> Document:
    """The patched document. Raises PatchError."""
    return _merge_map(document, patch, schema)


def _merge_map(original: Document, patch: Document, schema: Schema | None) -> Document:
    match patch.get(_DIRECTIVE):
        case None | "merge":
            pass
        case "replace":
            return {key: value for key, value in patch.items() if key != _DIRECTIVE}
        case "delete":
            return {}
        case other:
            raise PatchError(f"unable to find api field in struct: unknown patch type: {other}")
    result = dict(original)
    if (retained := patch.get(_RETAIN)) is not None:
        if not isinstance(retained, list):
            raise PatchError(f"{_RETAIN} is no list")
        result = {key: value for key, value in result.items() if key in retained}
    for name in _lists_with_directives(patch):
        _merge_list_field(result, original, patch, name, schema)
    for key, value in patch.items():
        if key in (_DIRECTIVE, _RETAIN) or key.startswith((_ORDER, _DELETE)):
            continue
        if _ORDER + key in patch or _DELETE + key in patch:
            continue
        field = field_of(schema, key) if schema is not None else None
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            current = result.get(key)
            replaced = field is not None and "replace" in field.patch_strategy
            result[key] = value if replaced else _merge_map(current if isinstance(current, dict) else {}, value, field)
        elif isinstance(value, list) and _merges(field):
            current = result.get(key)
            result[key] = _merge_list(current if isinstance(current, list) else [], value, field)
        else:
            result[key] = value
    return result


def _merges(field: Schema | None) -> bool:
    return field is not None and "merge" in field.patch_strategy


def _lists_with_directives(patch: Document) -> list[str]:
    names = [key.partition("/")[2] for key in patch if key.startswith((_ORDER, _DELETE))]
    return list(dict.fromkeys(names))


def _merge_list_field(result: Document, original: Document, patch: Document, name: str, schema: Schema | None) -> None:
    """The list *name* where the patch orders it or deletes scalars of it."""
    field = field_of(schema, name) if schema is not None else None
    before = original.get(name) or []
    removed, additions, order = patch.get(_DELETE + name) or [], patch.get(name), patch.get(_ORDER + name)
    if not all(isinstance(one, list) for one in (before, removed, additions or [], order or [])):
        raise PatchError(f"{name} is no list")
    gone = set(map(_hashable, removed))
    merged = [item for item in before if isinstance(item, dict) or _hashable(item) not in gone]
    if additions is not None:
        merged = _merge_list(merged, additions, field)
    if order is not None:
        merged = _ordered(merged, order, before, _identity(field))
    if merged or name in original or additions is not None:
        result[name] = merged


def _identity(field: Schema | None) -> Callable[[Any], Any]:
    key = field.patch_merge_key if field is not None else ""

    def identity(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) and key else item
    return identity


def _hashable(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def _places(items: Iterable[Any], identity: Callable[[Any], Any]) -> dict[Any, int]:
    """Where each stands first. Patches are strangers' and may be long: nothing here looks through a list for each item of another."""
    places: dict[Any, int] = {}
    for index, item in enumerate(items):
        places.setdefault(_hashable(identity(item)), index)
    return places


def _ordered(merged: list[Any], order: list[Any], before: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """Items that *order* names in its order; the others stay where they stood relative to them."""
    def name(item: Any) -> Any:
        return _hashable(identity(item))

    wanted, stood = _places(order, identity), _places(before, identity)
    ours = deque(sorted((item for item in merged if name(item) in wanted), key=lambda item: wanted[name(item)]))
    rest = deque(sorted((item for item in merged if name(item) not in wanted), key=lambda item: stood.get(name(item), len(before))))
    result = []
    while ours and rest:
        left, right = stood.get(name(rest[0])), stood.get(name(ours[0]))
        is_earlier = left is not None and right is not None and left < right
        result.append((rest if is_earlier else ours).popleft())
    return [*result, *ours, *rest]


def _merge_list(original: list[Any], patch: list[Any], field: Schema | None) -> list[Any]:
    if field is None or not any(isinstance(item, dict) for item in patch):
        known = set(map(_hashable, original))
        additions = [item for name, item in {_hashable(item): item for item in patch}.items() if name not in known]
        return _ordered([*original, *additions], patch, original, _identity(field))
    key = field.patch_merge_key
    if not all(isinstance(item, dict) for item in patch):
        raise PatchError("list element types are not identical")
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_clean(item) for item in patch if item.get(_DIRECTIVE) != "replace" or len(item) > 1]
    if not key:
        raise PatchError("cannot merge lists without merge key")
    if (missing := next((item for item in patch if key not in item), None)) is not None:
        raise PatchError(f"map: {missing} does not contain declared merge key: {key}")
    deleted = {_hashable(item[key]) for item in patch if item.get(_DIRECTIVE) == "delete"}
    changes = [item for item in patch if item.get(_DIRECTIVE) != "delete"]
    merged = [item for item in original if _hashable(item.get(key)) not in deleted]
    places = _places(merged, _identity(field))
    for change in changes:
        at = places.get(_hashable(change[key]))
        if at is None:
            places[_hashable(change[key])] = len(merged)
            merged.append(_merge_map({}, change, items_of(field)))
        else:
            merged[at] = _merge_map(merged[at], change, items_of(field))
    return _ordered(merged, changes, original, _identity(field))


def _clean(item: Document) -> Document:
    return {key: value for key, value in item.items() if key != _DIRECTIVE}


def diff(original: Document, modified: Document, schema: Schema | None) -> Document:
    """The patch that makes *modified* of *original*."""
    return diff3(original, modified, original, schema)


def diff3(original: Document, modified: Document, current: Document, schema: Schema | None) -> Document:
    """What takes *current* to *modified*, and removes what *original* had and *modified* no longer has."""
    patch: Document = {key: None for key in original if key not in modified}
    for key, wanted in modified.items():
        field = field_of(schema, key) if schema is not None else None
        before, found = original.get(key), current.get(key)
        if isinstance(wanted, dict) and isinstance(found, dict) and not (field and "replace" in field.patch_strategy):
            part = diff3(before if isinstance(before, dict) else {}, wanted, found, field)
            if part and field is not None and "retainKeys" in field.patch_strategy:
                part[_RETAIN] = sorted(wanted)
            if part:
                patch[key] = part
        elif isinstance(wanted, list) and isinstance(found, list) and field is not None and _merges(field):
            patch.update(_diff_list(before if isinstance(before, list) else [], wanted, found, field, key))
        elif key not in current or found != wanted:
            patch[key] = wanted
    return patch


def _diff_list(original: list[Any], modified: list[Any], current: list[Any], field: Schema, name: str) -> Document:
    identity = _identity(field)
    key = field.patch_merge_key
    kept = [identity(item) for item in modified]
    stays = set(kept)
    gone = [identity(item) for item in original if identity(item) not in stays]
    here = {identity(item): item for item in current}
    past = {identity(item): item for item in original}
    changes: list[Any] = []
    for item in modified:
        mine = identity(item)
        if mine not in here:
            changes.append(item)
        elif key and (part := diff3(past.get(mine) or {}, item, here[mine], items_of(field))):
            changes.append({**part, key: mine})
    patch: Document = {}
    if key:
        changes += [{_DIRECTIVE: "delete", key: value} for value in gone]
    elif gone:
        patch[_DELETE + name] = gone
    if changes:
        patch[name] = changes
    if patch or [mine for mine in here if mine in stays] != kept:
        patch[_ORDER + name] = [{key: value} for value in kept] if key else kept
    return patch
