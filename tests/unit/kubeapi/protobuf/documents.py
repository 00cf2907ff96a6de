"""Random documents of any built-in kind, made from its schema: what a client could have stored."""
from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

from kubeapi.schema import Schema
from kubeapi.schemas import resolve

WORDS = ("a", "web", "é", "x" * 200, "with space")
DEEPEST = 7


def a_document(schema: Schema, seed: int) -> dict[str, Any]:
    found = _value(resolve(schema), random.Random(seed), 0)
    assert isinstance(found, dict)
    return found


def _value(use: Schema, chance: random.Random, depth: int) -> Any:
    if use.format in _FORMATS:
        return _FORMATS[use.format](chance)
    if use.format.startswith("schema-or"):
        return {"type": "object"}
    match use.type:
        case "string":
            return chance.choice(WORDS)
        case "boolean":
            return True
        case "integer":
            return chance.choice((1, 127, 128, 2**31 - 1, -1, -2**31))
        case "number":
            return chance.choice((1.5, -0.25))
        case "array":
            assert use.items is not None
            return [_value(resolve(use.items), chance, depth + 1) for _ in range(chance.randint(1, 2))]
        case "object" if use.values is not None and not use.ref:
            return {key: _value(resolve(use.values), chance, depth + 1) for key in chance.sample(WORDS[:3], chance.randint(1, 2))}
    chosen = {name: one for name, one in resolve(use).properties.items() if one.number and (depth < DEEPEST and chance.random() < 0.5)}
    return {name: _value(resolve(one), chance, depth + 1) for name, one in chosen.items()}


_FORMATS: dict[str, Callable[[random.Random], Any]] = {
    "byte": lambda chance: base64.b64encode(chance.randbytes(3)).decode(), "quantity": lambda chance: chance.choice(("1", "100m", "1Gi")),
    "date-time": lambda chance: chance.choice(("2026-01-01T00:00:00Z", "1969-12-31T23:59:59Z")),
    "micro-time": lambda chance: "2026-01-01T00:00:00.000001Z", "int-or-string": lambda chance: chance.choice((1, -1, "25%")),
    "fields-v1": lambda chance: {"f:a": {}}, "raw-extension": lambda chance: {"kind": "X", "n": 1}, "json": lambda chance: chance.choice((1, "x", [1], {"a": None})),
}
