"""Sets of fields as fieldsV1 documents: `{"f:spec": {"f:replicas": {}}}`.

A node without children is a member; a node with children is a member when it holds ".". Sets are never changed.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

FieldSet = dict[str, Any]
LEAF: FieldSet = {}


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
