"""Schemas of the built-in types, made from generated facts when first asked for.

A use of a named type is a Schema with `ref` ("core_v1.PodSpec"); `resolve` adds that type's properties. Custom
resources' schemas have no refs, so all functions here take them too and answer them unchanged.
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, cast

from kubeapi.schema import Schema

SCALARS: dict[str, Schema] = {
    "string": Schema("string"), "bool": Schema("boolean"), "int32": Schema("integer", "int32"),
    "int64": Schema("integer", "int64"), "double": Schema("number", "double"), "bytes": Schema("string", "byte"),
    "Quantity": Schema("string", "quantity"), "IntOrString": Schema("any", "int-or-string"),
    "Time": Schema("string", "date-time"), "MicroTime": Schema("string", "micro-time"),
    "FieldsV1": Schema("object", "fields-v1", preserve_unknown=True),
    "RawExtension": Schema("object", "raw-extension", preserve_unknown=True, embedded_resource=True),
    "JSON": Schema("any", "json", preserve_unknown=True),
}
_TYPE_META = {"apiVersion": Schema("string", omitempty=True), "kind": Schema("string", omitempty=True)}
_WITH_TYPE_META = frozenset({
    "meta_v1.Status", "meta_v1.DeleteOptions", "meta_v1.APIGroup", "meta_v1.APIGroupList", "meta_v1.APIResourceList",
    "meta_v1.APIVersions"})
_UNIONS = {
    "JSONSchemaPropsOrArray": Schema("any", "schema-or-array"),
    "JSONSchemaPropsOrBool": Schema("any", "schema-or-bool"),
    "JSONSchemaPropsOrStringArray": Schema("any", "schema-or-strings"),
}
# (use, resolved) by the use's id; uses of built-in types are made once and kept, so an id is never reused.
_resolved: dict[int, tuple[Schema, Schema]] = {}


class UnknownType(KeyError):
    """No such built-in type."""


def group_version_module(group: str, version: str) -> str:
    """`apps`, `v1` -> `apps_v1`; the name of a group-version's generated modules."""
    return f"{(group or 'core').removesuffix('.k8s.io').split('.')[0]}_{version}"


@cache
def _facts(module: str) -> Mapping[str, tuple[Any, ...]]:
    try:
        types: Mapping[str, tuple[Any, ...]] = import_module(f"kubeapi.generated.schemas.{module}").TYPES
    except ModuleNotFoundError:
        raise UnknownType(module) from None
    return types


def _flags(text: str) -> dict[str, str]:
    flags = {}
    for word in text.split():
        key, _, value = ("number", "", word[1:]) if word[0] == "#" else word.partition("=")
        flags[key] = value
    return flags


def _use(type_text: str, module: str) -> Schema:
    if type_text.startswith("*"):
        return dataclasses.replace(_use(type_text[1:], module), pointer=True)
    if type_text.startswith("[]"):
        return Schema("array", items=_use(type_text[2:], module))
    if type_text.startswith("map[string]"):
        return Schema("object", values=_use(type_text[11:], module))
    if (scalar := SCALARS.get(type_text) or _UNIONS.get(type_text)) is not None:
        return scalar
    return Schema("object", ref=type_text if "." in type_text else f"{module}.{type_text}")


def _pair(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _field(type_text: str, flag_text: str, module: str) -> Schema:
    flags = _flags(flag_text)
    list_type, _, keys = flags.get("list", "").partition(":")
    strategy, _, merge_key = flags.get("patch", "").partition(":")
    use, enum = _use(type_text, module), _pair(flags.get("enum", ""))
    if enum and use.items is not None:                 # of a list's items
        use, enum = dataclasses.replace(use, items=dataclasses.replace(use.items, enum=enum)), ()
    return dataclasses.replace(
        use, omitempty="omitempty" in flags, number=int(flags.get("number", 0)),
        inline=flags.get("inline", ""), list_type=cast(Any, list_type), list_map_keys=_pair(keys), map_type=cast(Any, flags.get("map", "")),
        patch_strategy=_pair(strategy), patch_merge_key=merge_key,
        default=json.loads(flags["default"]) if "default" in flags else None, enum=enum)


@cache
def named(ref: str) -> Schema:
    """The type called *ref*, with its properties. Raises UnknownType."""
    module, _, name = ref.rpartition(".")
    try:
        head, fields, _ = _facts(module)[name]
    except KeyError:
        raise UnknownType(ref) from None
    flags = _flags(head)
    properties = {wire: _field(type_text, text, module) for wire, type_text, text in fields}
    if "kind" in flags or ref in _WITH_TYPE_META:
        properties = {**_TYPE_META, **properties}
    required = _pair(flags.get("order", "")) or tuple(wire for wire, _, text in fields if "required" in text.split())
    return Schema("object", ref=ref, properties=properties, required=required, map_type=cast(Any, flags.get("map", "")),
                  union=flags.get("union", ""))


@cache
def inlines_of(ref: str) -> Mapping[str, int]:
    """The embedded Go structs of a type that are messages of their own in protobuf, with their numbers."""
    module, _, name = ref.rpartition(".")
    return dict(_facts(module)[name][2])


@cache
def schema_of(group: str, version: str, kind: str) -> Schema:
    """The schema of a kind, or of its `<Kind>List`. Raises UnknownType."""
    module = group_version_module(group, version)
    try:
        return named(f"{module}.{kind}")
    except UnknownType:
        return named(f"meta_v1.{kind}")


def resolve(schema: Schema) -> Schema:
    """*schema* with the properties of the type it names."""
    if not schema.ref or schema.properties:
        return schema
    known = _resolved.get(id(schema))
    if known is None or known[0] is not schema:
        of = named(schema.ref)
        full = dataclasses.replace(schema, properties=of.properties, required=of.required,
                                   map_type=schema.map_type or of.map_type)
        known = _resolved[id(schema)] = (schema, full)
    return known[1]


def field_of(schema: Schema, name: str) -> Schema | None:
    """The resolved schema of an object's field or of a map's value; None where the schema knows none."""
    full = resolve(schema)
    found = full.properties.get(name, full.values)
    return resolve(found) if found is not None else None


def items_of(schema: Schema) -> Schema | None:
    """The resolved schema of a list's items."""
    return resolve(schema.items) if schema.items is not None else None
