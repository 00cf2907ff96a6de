"""How a type lies in its message: which fields are its own, and which belong to the message of an embedded struct."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from kubeapi.schema import Schema
from kubeapi.schemas import UnknownType, inlines_of, named


@dataclass(frozen=True, slots=True)
class Layout:
    """`fields`: name in JSON -> its use, with a number. `inlines`: number -> the embedded struct, whose fields are flat in JSON."""

    fields: Mapping[str, Schema]
    inlines: Mapping[int, Layout]


@cache
def layout_of(ref: str) -> Layout:
    """Raises UnknownType. A field without a number has no place in a message (apiVersion and kind lie in the envelope)."""
    properties = named(ref).properties
    inlines = {number: _embedded(ref, name) for name, number in inlines_of(ref).items()}
    return Layout({name: use for name, use in properties.items() if use.number and not use.inline}, inlines)


def _embedded(ref: str, struct: str) -> Layout:
    """The struct as a type of its own, where it is one (it may embed others again), else what its host says of it."""
    try:
        return layout_of(f"{ref.rpartition('.')[0]}.{struct}")
    except UnknownType:
        return Layout({name: use for name, use in named(ref).properties.items() if use.number and use.inline == struct}, {})
