"""A Schema is plain data: the structure of a type, for built-in kinds from generated facts, for custom resources from
their CRD. Decoding, pruning, defaulting, the patches, managedFields, protobuf and OpenAPI work on document + Schema.

Recursion (JSONSchemaProps) and sharing go through `ref`: a Schema with a ref is a use of a named type; `resolve` adds
that type's properties. Everything about one use (list type, patch strategy, default, Go pointer) lies on the use.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SchemaType = Literal["object", "array", "string", "integer", "number", "boolean", "any"]
# What hand-written codecs know: int32 int64 double byte date-time micro-time quantity int-or-string fields-v1 raw-extension json


@dataclass(frozen=True, slots=True)
class Schema:
    """One use of a type. `properties` is set on objects, `items` on arrays, `values` on maps (additionalProperties)."""

    type: SchemaType = "any"
    format: str = ""
    ref: str = ""                                 # "core_v1.PodSpec": look up in `named` for the properties
    properties: Mapping[str, Schema] = field(default_factory=dict)
    items: Schema | None = None
    values: Schema | None = None
    required: tuple[str, ...] = ()
    list_type: Literal["", "atomic", "set", "map"] = ""
    list_map_keys: tuple[str, ...] = ()
    map_type: Literal["", "atomic", "granular"] = ""
    patch_strategy: tuple[str, ...] = ()          # of "merge", "replace", "retainKeys"
    patch_merge_key: str = ""
    default: Any = None
    enum: tuple[Any, ...] = ()
    nullable: bool = False
    pointer: bool = False                         # a Go pointer: its zero value survives protobuf and is not omitted
    omitempty: bool = False
    number: int = 0                               # protobuf field number
    inline: str = ""                              # the embedded Go struct this field belongs to on the protobuf wire
    preserve_unknown: bool = False                # x-kubernetes-preserve-unknown-fields
    embedded_resource: bool = False
    union: str = ""                               # "type:localhostProfile": the field that says which others are set
    constraints: Mapping[str, Any] = field(default_factory=dict)   # CRD only: minimum, pattern, maxLength, validations ...
