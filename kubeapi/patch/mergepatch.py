"""JSON Merge Patch (RFC 7386), and the three-way merge patch that `kubectl apply` makes for custom resources."""
from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def apply(document: Any, patch: Any) -> Any:
    """The patched document; shares what did not change with both arguments, which are not changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply(result.get(key), value)
    return result


def diff(original: Document, modified: Document) -> Document:
    """The patch that makes *modified* of *original*."""
    return diff3(original, modified, original)


def diff3(original: Document, modified: Document, current: Document) -> Document:
    """What takes *current* to *modified*, and removes what *original* had and *modified* no longer has."""
    patch: Document = {key: None for key in original if key not in modified}
    for key, wanted in modified.items():
        found = current.get(key)
        if key in current and isinstance(wanted, dict) and isinstance(found, dict):
            before = original.get(key)
            if part := diff3(before if isinstance(before, dict) else {}, wanted, found):
                patch[key] = part
        elif key not in current or found != wanted:
            patch[key] = wanted
    return patch
