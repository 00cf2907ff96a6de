"""What an update changes, in words, for refusals of changes of what is immutable."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def changes(old: Any, new: Any, path: str) -> Iterator[str]:
    """The differences, a line each."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield from changes(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            if one != other:
                yield from changes(one, other, f"{path}[{index}]")
    else:
        yield from (f"{sign} {path}: {json.dumps(value)}" for sign, value in (("-", old), ("+", new)) if value is not None)
