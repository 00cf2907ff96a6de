"""How the parts of a document are owned: a Schema, compiled once into what walking a document asks of it.

A map or struct is granular (each field has its owners) or atomic (owned as a whole); a list is associative (each item
has its owners, known by its keys or its value) or atomic. What no schema knows is a granular map or an atomic list.
"""
from __future__ import annotations

from typing import Any

import orjson

from kubeapi.schema import Schema
from kubeapi.schemas import field_of, items_of, resolve

MAX_COMPILED = 20_000


class Typed:
    """One use of a type; its children are compiled when first met."""

    __slots__ = ("_items", "_schema", "_values", "fields", "is_associative", "is_atomic_map", "is_marked", "keys")

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema
        self._items: Typed | None = None
        self._values: Typed | None = None
        self.fields: dict[str, tuple[str, Typed]] = {}
        self.is_atomic_map = schema is not None and schema.map_type == "atomic"
        self.is_associative = schema is not None and schema.list_type in ("map", "set")
        # Whether its coming into being is itself a change, as for a Go pointer, slice or map that was nil.
        self.is_marked = schema is not None and schema.omitempty and (
            schema.pointer or schema.type == "array" or schema.values is not None)
        self.keys: tuple[tuple[str, Any], ...] = ()         # of a list of maps: (name, default)
        if schema is not None and schema.list_type == "map":
            kind = items_of(schema)
            self.keys = tuple((name, _default(kind, name)) for name in schema.list_map_keys)

    def field(self, name: str) -> tuple[str, Typed]:
        """The path element of a struct's field or a map's key, and what lies there."""
        known = self.fields.get(name)
        if known is not None:
            return known
        schema = resolve(self._schema) if self._schema is not None else None
        if schema is not None and name in schema.properties:
            known = self.fields[name] = (f"f:{name}", typed(field_of(schema, name)))
            return known
        if self._values is None:
            self._values = typed(resolve(schema.values)) if schema is not None and schema.values is not None else UNKNOWN
        return f"f:{name}", self._values

    @property
    def items(self) -> Typed:
        if self._items is None:
            self._items = typed(items_of(self._schema)) if self._schema is not None else UNKNOWN
        return self._items

    def item_key(self, item: Any) -> str:
        """The path element of an item of an associative list."""
        if not self.keys or type(item) is not dict:
            return "v:" + orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
        keys = {}
        for name, default in self.keys:
            value = item.get(name, default)
            if value is not None:
                keys[name] = value
        return "k:" + orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()

    def owns_whole(self, value: Any) -> bool:
        """Whether *value* has no parts with owners of their own."""
        kind = type(value)
        if kind is dict:
            return self.is_atomic_map
        return kind is not list or not self.is_associative

    def children(self, value: Any) -> dict[str, tuple[Any, Typed]]:
        """The path elements under a granular map or an associative list, with what lies there."""
        if type(value) is dict:
            found = {}
            for name, child in value.items():
                path, kind = self.field(name)
                found[path] = (child, kind)
            return found
        items = self.items
        return {self.item_key(item): (item, items) for item in value}


def _default(kind: Schema | None, name: str) -> Any:
    field = field_of(kind, name) if kind is not None else None
    return field.default if field is not None else None


UNKNOWN = Typed(None)
_compiled: dict[int, tuple[Schema, Typed]] = {}      # by the schema's id; it is kept here, so the id is not reused


def typed(schema: Schema | None) -> Typed:
    """Raises nothing: without a schema all maps are granular and all lists atomic."""
    if schema is None:
        return UNKNOWN
    schema = resolve(schema)
    known = _compiled.get(id(schema))
    if known is None:
        if len(_compiled) >= MAX_COMPILED:           # schemas of custom resources come and go
            _compiled.clear()
        known = _compiled[id(schema)] = (schema, Typed(schema))
    return known[1]
