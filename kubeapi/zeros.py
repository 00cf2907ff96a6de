"""What Go's structs hold where nobody wrote anything, and show: `status: {}`, `resources: {}`, a ReplicaSet's `replicas: 0`.

A struct that is no pointer is always there, and a scalar without `omitempty` is shown even when it is zero. Upstream's
objects have passed through such structs before anybody sees them; documents of built-in kinds are filled up to that here.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kubeapi.schema import Schema
from kubeapi.schemas import named, resolve

Fill = Callable[[Any], None]
_SCALARS: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def fill_zeros(document: dict[str, Any], schema: Schema) -> None:
    """In place. A custom resource's schema names no Go type: nothing is filled."""
    if ref := resolve(schema).ref:
        _of_struct(ref)(document)


@cache
def _of_struct(ref: str) -> Fill:
    """Types may contain themselves (JSONSchemaProps): the fields are looked at when the first value comes."""
    zeros: list[tuple[str, Any]] = []
    below: list[tuple[str, Fill]] = []
    is_compiled = False

    def fill(value: dict[str, Any]) -> None:
        nonlocal is_compiled
        if not is_compiled:
            for name, use in named(ref).properties.items():
                zero = _zero(use)
                if zero is not None:
                    zeros.append((name, zero))
                if (deeper := _below(use)) is not None:
                    below.append((name, deeper))
            is_compiled = True
        for name, zero in zeros:
            if name not in value:
                value[name] = {} if zero == {} else zero
        for name, deeper in below:
            if (child := value.get(name)) is not None:
                deeper(child)

    return fill


def _is_struct(use: Schema) -> bool:
    return bool(use.ref) and not use.format and not use.preserve_unknown


def _zero(use: Schema) -> Any:
    """What a field shows that nobody set; None where it stays away."""
    if use.pointer:
        return None
    if _is_struct(use):
        return {}
    if use.format == "quantity":
        return "0"
    return None if use.omitempty or use.format in ("date-time", "micro-time", "byte") else _SCALARS.get(use.type)


def _below(use: Schema) -> Fill | None:
    if _is_struct(use):
        return _of_struct(use.ref) if _may_change(use.ref) else None
    inner = use.items or use.values
    if inner is None or inner.pointer or (deeper := _below(inner)) is None:
        return None
    is_list = use.items is not None

    def each(values: Any) -> None:
        for one in values if is_list else values.values():
            if one is not None:
                deeper(one)

    return each


@cache
def _may_change(ref: str) -> bool:
    """Whether there is anything to fill in a struct or below it."""
    seen: set[str] = set()

    def look(one: str) -> bool:
        if one in seen:
            return False
        seen.add(one)
        for use in named(one).properties.values():
            if _zero(use) is not None:
                return True
            inner = use
            while (deeper := inner.items or inner.values) is not None:
                inner = deeper
            if _is_struct(inner) and look(inner.ref):
                return True
        return False

    return look(ref)
