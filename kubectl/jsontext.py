"""JSON as Go's encoder writes it: keys sorted, `<`, `>` and `&` escaped."""
from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def pretty(document: Any) -> str:
    """Indented by four, without a newline at the end."""
    return json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False).translate(_ESCAPES)


def compact(document: Any) -> str:
    """On one line."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).translate(_ESCAPES)


def ordered(document: Any) -> str:
    """On one line, keys in the order they have."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPES)
