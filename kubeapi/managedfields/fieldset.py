"""Sets of fields as fieldsV1 documents: `{"f:spec": {"f:replicas": {}}}`.

A node without children is a member; a node with children is a member when it holds ".". Sets are never changed.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kubeapi.schema import Schema
from kubeapi.schemas import field_of, items_of, resolve

FieldSet = dict[str, Any]
# Fields that the server owns, or that identify the object: nobody manages them.
UNMANAGED = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "resourceVersion", "generation", "managedFields")


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    result = dict(left)
    for key, node in right.items():
        mine = result.get(key)
        if mine is None:
            result[key] = node
        elif mine or node:
            result[key] = union(mine or {".": {}}, node or {".": {}})
    return result


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of *left* that are not in *right*."""
    result: FieldSet = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None:
            result[key] = node
        elif node:
            rest = difference(node, other or {".": {}})
            if rest:
                result[key] = {} if rest == {".": {}} else rest
        elif other and "." not in other:
            result[key] = node
    return result


def below(left: FieldSet, right: FieldSet) -> FieldSet:
    """*left* without the members of *right* and all that lies under them."""
    result: FieldSet = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None:
            result[key] = node
        elif other and "." not in other and node and (rest := below(node, other)):
            result[key] = rest
        elif other and "." not in other and not node:
            result[key] = node
    return result


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    return difference(left, difference(left, right))


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """The members as users read them: `.spec.containers[name="a"].image`."""
    for key, node in fields.items():
        if key == ".":
            yield prefix
            continue
        path = prefix + _shown(key)
        if node:
            yield from paths(node, path)
        else:
            yield path


def _shown(key: str) -> str:
    kind, _, rest = key.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        return "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(rest).items()) + "]"
    return f"[{'=' if kind == 'v' else ''}{rest}]"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def item_key(item: Any, field: Schema) -> str:
    """The path element of an item of an associative list."""
    if field.list_type == "set" or not isinstance(item, dict):
        return f"v:{_compact(item)}"
    kind = items_of(field)
    keys: dict[str, Any] = {}
    for name in field.list_map_keys:
        default = field_of(kind, name) if kind is not None else None
        if name in item:
            keys[name] = item[name]
        elif default is not None and default.default is not None:
            keys[name] = default.default
    return f"k:{_compact(keys)}"


def is_atomic(value: Any, field: Schema | None) -> bool:
    """Whether *value* is owned as a whole."""
    if isinstance(value, dict):
        return field is not None and field.map_type == "atomic"
    if isinstance(value, list):
        return field is None or field.list_type not in ("map", "set")
    return True


def children(value: Any, field: Schema | None) -> dict[str, tuple[Any, Schema | None]]:
    """The path elements under a granular map or list, with their values and schemas."""
    if isinstance(value, dict):
        return {f"f:{key}": (each, field_of(field, key) if field is not None else None) for key, each in value.items()}
    if field is None:
        return {}
    kind = items_of(field)
    return {item_key(item, field): (item, kind) for item in value}


def fields_of(value: Any, field: Schema | None, marks_containers: bool = False) -> FieldSet:
    """All fields under *value*. *marks_containers*: as an update does, count containers that came into being."""
    found: FieldSet = {}
    for key, (child, schema) in children(value, field).items():
        if is_atomic(child, schema) or not child:
            found[key] = {}
            continue
        nested = fields_of(child, schema, marks_containers)
        is_item = key[0] in "kv"
        came = marks_containers and schema is not None and schema.omitempty and (
            schema.pointer or isinstance(child, list) or schema.values is not None)
        found[key] = {".": {}, **nested} if is_item or came else nested
    return found


def without_unmanaged(document: dict[str, Any]) -> dict[str, Any]:
    """The part of an object whose fields have managers."""
    metadata = {key: value for key, value in (document.get("metadata") or {}).items() if key not in UNMANAGED}
    rest = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    return {"metadata": metadata, **rest} if metadata else rest


def compare(old: Any, new: Any, field: Schema | None) -> tuple[FieldSet, FieldSet]:
    """(added or changed, removed) fields between two containers of one schema; equal parts are not walked."""
    changed: FieldSet = {}
    removed: FieldSet = {}
    before, after = children(old, field), children(new, field)
    for key, (child, schema) in after.items():
        if key not in before:
            changed.update(fields_of({key[2:]: child}, field, True) if key[0] == "f" else
                           {key: {".": {}, **fields_of(child, schema, True)} if isinstance(child, dict) else {}})
            continue
        was = before[key][0]
        if was == child:
            continue
        if is_atomic(child, schema) or type(was) is not type(child) or not was or not child:
            changed[key] = {} if is_atomic(child, schema) or not child else fields_of({key[2:]: child}, field, True).get(key, {})
            if was and not child and not is_atomic(was, schema):
                removed[key] = fields_of(was, schema, True)
            continue
        more, less = compare(was, child, schema)
        if more:
            changed[key] = more
        if less:
            removed[key] = less
    for key in before.keys() - after.keys():
        removed[key] = {}
    return changed, removed


def root(schema: Schema | None) -> Schema | None:
    return resolve(schema) if schema is not None else None
