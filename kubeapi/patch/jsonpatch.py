"""JSON Patch (RFC 6902): a list of operations, all or nothing; the document given is not changed."""
from __future__ import annotations

import copy
from typing import Any

from kubeapi.copies import fresh

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 << 20                # bytes of JSON that all `copy` operations together may add: a few that copy a parent into itself double without end
_MISSING = object()


class PatchError(ValueError):
    """The patch is malformed or does not fit the document; the text is for the user."""


class TestFailed(PatchError):
    """A `test` operation found another value."""


def apply(document: Any, operations: Any) -> Any:
    """The patched document. Raises PatchError."""
    if not isinstance(operations, list):
        raise PatchError("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}")
    document, copied = fresh(document), 0
    for operation in operations:
        if isinstance(operation, dict) and operation.get("op") == "copy":
            copied += _size(_get(document, _text(operation, "from")), MAX_COPIED)
            if copied > MAX_COPIED:
                raise PatchError(f"Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MAX_COPIED}")
        document = _apply_one(document, operation)
    return document


def _size(value: Any, enough: int) -> int:
    """About the bytes of its JSON; no more is counted than *enough*, so that what is large is not walked to its end."""
    size, waiting = 0, [value]
    while waiting and size <= enough:
        one = waiting.pop()
        if isinstance(one, dict):
            size += 2 + sum(len(key) + 4 for key in one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            size += 2 + len(one)
            waiting.extend(one)
        else:
            size += len(one) + 2 if isinstance(one, str) else 4
    return size


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise PatchError(f"{pointer!r} is not a JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _text(operation: Any, name: str) -> str:
    value = operation.get(name) if isinstance(operation, dict) else None
    if not isinstance(value, str):
        raise PatchError(f"operation without {name}")
    return value


def _index(token: str, container: list[Any], pointer: str, appends: bool = False) -> int:
    if appends and token == "-":
        return len(container)
    if not token.isascii() or not token.isdigit() or (token != "0" and token.startswith("0")):
        raise PatchError(f'strconv.Atoi: parsing "{token}": invalid syntax')
    if int(token) >= len(container) + appends:
        raise PatchError(f"Unable to access invalid index: {token}: invalid index referenced")
    return int(token)


def _child(container: Any, token: str, pointer: str) -> Any:
    if isinstance(container, dict):
        if token not in container:
            raise PatchError(f'doc is missing path: "{pointer}": missing value')
        return container[token]
    if isinstance(container, list):
        return container[_index(token, container, pointer)]
    raise PatchError(f'doc is missing path: "{pointer}": missing value')


def _get(document: Any, pointer: str) -> Any:
    for token in _tokens(pointer):
        document = _child(document, token, pointer)
    return document


def _parent(document: Any, tokens: list[str], name: str, pointer: str) -> Any:
    try:
        for token in tokens[:-1]:
            document = _child(document, token, pointer)
    except PatchError:
        document = None
    if not isinstance(document, dict | list):
        raise PatchError(f'{name} operation does not apply: doc is missing path: "{pointer}": missing value')
    return document


def _add(document: Any, pointer: str, value: Any) -> Any:
    tokens = _tokens(pointer)
    if not tokens:
        return value
    parent = _parent(document, tokens, "add", pointer)
    if isinstance(parent, dict):
        parent[tokens[-1]] = value
    else:
        parent.insert(_index(tokens[-1], parent, pointer, appends=True), value)
    return document


def _remove(document: Any, pointer: str) -> Any:
    tokens = _tokens(pointer)
    if not tokens:
        return None
    parent = _parent(document, tokens, "remove", pointer)
    if isinstance(parent, list):
        del parent[_index(tokens[-1], parent, pointer)]
    elif tokens[-1] not in parent:
        raise PatchError(f"remove operation does not apply: doc is missing key: {pointer}: missing value")
    else:
        del parent[tokens[-1]]
    return document


def _replace(document: Any, pointer: str, value: Any) -> Any:
    tokens = _tokens(pointer)
    if not tokens:
        return value
    parent = _parent(document, tokens, "replace", pointer)
    if isinstance(parent, list):
        parent[_index(tokens[-1], parent, pointer)] = value
    elif tokens[-1] not in parent:
        raise PatchError(f"replace operation does not apply: doc is missing key: {pointer}: missing value")
    else:
        parent[tokens[-1]] = value
    return document


def same(left: Any, right: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _test(document: Any, pointer: str, value: Any) -> Any:
    try:
        found = _get(document, pointer)
    except PatchError:
        found = None
    if not same(found, value):
        raise TestFailed(f"testing value {pointer} failed")
    return document


def _apply_one(document: Any, operation: Any) -> Any:
    name, path = _text(operation, "op"), _text(operation, "path")
    value = copy.deepcopy(operation.get("value", _MISSING))
    if name in ("add", "replace", "test") and value is _MISSING:
        value = None
    match name:
        case "add":
            return _add(document, path, value)
        case "remove":
            return _remove(document, path)
        case "replace":
            return _replace(document, path, value)
        case "test":
            return _test(document, path, value)
        case "copy":
            return _add(document, path, copy.deepcopy(_get(document, _text(operation, "from"))))
        case "move":
            source = _text(operation, "from")
            if path.startswith(source + "/"):
                raise PatchError(f"cannot move {source} into itself")
            value = _get(document, source)
            return _add(_remove(document, source), path, value)
    raise PatchError(f"Unexpected kind: {name}")
