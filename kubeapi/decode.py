"""A decoded JSON document becomes what Go's structs would have held: typed, pruned, canonical. Errors are upstream's.

The schema is compiled once into closures, one per use of a type; a document is walked once. A wrong type stops the walk
(DecodeError, as Go's decoder does); unknown fields are dropped and named by path, for fieldValidation to judge. Nulls and
the zero values that Go leaves out (`omitempty`) are dropped, quantities and times are put into canonical form.
"""
from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from kubeapi.quantity import Quantity, QuantityError
from kubeapi.schema import Schema
from kubeapi.schemas import named, resolve
from kubeapi.times import format_micro_time, format_time, parse_time

Document = dict[str, Any]
# (value, the paths of what is unknown so far) -> the canonical value. Who holds the value puts its name before the paths
# that were added: where nothing is unknown no path is ever made.
Decoder = Callable[[Any, list[str]], Any]
MOST_FAULTS = 100                  # named; upstream stops there, too
LIMITS = {"int32": 2**31, "int64": 2**63}
_CANONICAL_TIME = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")


class DecodeError(ValueError):
    """The document does not fit its type; the text is Go's."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """`faults` is what strict field validation refuses: `unknown field "spec.foo"`, `duplicate field "spec.bar"`."""

    document: Document
    faults: list[str] = field(default_factory=list)


def decode(document: Any, schema: Schema) -> Decoded:
    """Takes the document over (it is changed in place). Raises DecodeError."""
    unknown: list[str] = []
    try:
        decoded = _compiled_type(resolve(schema).ref, schema)(document, unknown)
    except RecursionError:
        raise DecodeError("json: exceeded max depth") from None
    if not isinstance(decoded, dict):
        raise DecodeError("json: cannot unmarshal null into Go value")
    return Decoded(decoded, [f'unknown field "{path}"' for path in unknown])


def decode_json(raw: bytes, schema: Schema, *, find_duplicates: bool = True) -> Decoded:
    """The same from encoded JSON; duplicate keys count among the faults. Raises DecodeError."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"error decoding JSON: {error}") from error
    try:
        duplicates = duplicate_fields(raw, document) if find_duplicates else []
    except (orjson.JSONEncodeError, RecursionError):
        raise DecodeError("json: exceeded max depth") from None     # what can be read deeper than it can be written
    decoded = decode(document, schema)
    return Decoded(decoded.document, duplicates + decoded.faults)


# --- duplicates: orjson keeps the last of equal keys without a word

class _Repeated(dict[str, Any]):
    """An object some of whose keys came more than once."""

    repeated: tuple[str, ...] = ()


def duplicate_fields(raw: bytes, document: Any) -> list[str]:
    """`duplicate field "spec.a"` for each. Where there is none that is seen from the colons: of equal keys one is left."""
    is_plain = b"\\u003a" not in raw and b"\\u003A" not in raw
    if is_plain and raw.count(b":") == orjson.dumps(document).count(b":"):
        return []
    found: list[str] = []
    _name_repeated(json.loads(raw, object_pairs_hook=_keep_repeated), "", found)
    return found[:MOST_FAULTS]


def _keep_repeated(pairs: list[tuple[str, Any]]) -> Document:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    seen, repeated = set[str](), dict[str, None]()
    for key, _ in pairs:
        if key in seen:
            repeated[key] = None
        seen.add(key)
    marked = _Repeated(plain)
    marked.repeated = tuple(repeated)
    return marked


def _name_repeated(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, dict):
        if isinstance(value, _Repeated):
            found.extend(f'duplicate field "{_below(path, key)}"' for key in value.repeated)
        for key, one in value.items():
            _name_repeated(one, _below(path, key), found)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _name_repeated(one, f"{path}[{index}]", found)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# --- the compiler

@cache
def _named_decoder(ref: str) -> Decoder:
    """Types may contain themselves (JSONSchemaProps): the fields are compiled when the first value comes."""
    fields: dict[str, tuple[Decoder, Schema]] = {}
    schema = named(ref)
    is_filled = False

    def decode_struct(value: Any, unknown: list[str]) -> Any:
        nonlocal is_filled
        if not is_filled:
            fields.update({name: (_compiled(one, ref.rpartition(".")[2], name), one) for name, one in schema.properties.items()})
            is_filled = True
        dropped: list[str] = []
        for key, one in value.items():
            known = fields.get(key)
            if known is None:
                if len(unknown) < MOST_FAULTS:
                    unknown.append(key)
            elif one is not None:
                decoder, use = known
                before = len(unknown)
                try:
                    decoded = decoder(one, unknown)
                except _Mismatch as mismatch:
                    raise mismatch.inside(ref.rpartition(".")[2], key) from None
                if len(unknown) > before:
                    _name_below(unknown, before, key)
                if decoded or not use.omitempty or use.pointer or use.ref:
                    if decoded is not one:
                        value[key] = decoded
                    continue
            dropped.append(key)
        for key in dropped:
            del value[key]
        return value

    return decode_struct


def _name_below(unknown: list[str], start: int, name: str) -> None:
    """What was found below a field, an item or a key gets its name."""
    unknown[start:] = [f"{name}{path}" if path.startswith("[") else f"{name}.{path}" for path in unknown[start:]]


class _Mismatch(DecodeError):
    """A wrong type on its way up: it collects the path of the innermost struct's field."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"json: cannot unmarshal {found} into Go value of type {wanted}")
        self.found, self.wanted, self.struct, self.path = found, wanted, "", ""

    def inside(self, struct: str, key: str) -> _Mismatch:
        self.struct = self.struct or struct
        self.path = f"{key}.{self.path}" if self.path else key
        self.args = (f"json: cannot unmarshal {self.found} into Go struct field {self.struct}.{self.path} of type {self.wanted}",)
        return self


def _compiled_type(ref: str, schema: Schema) -> Decoder:
    return _struct(schema) if ref else _compiled(schema, "", "")


def _compiled(schema: Schema, struct: str, name: str) -> Decoder:
    """The decoder of one use of a type."""
    if schema.format in _CODECS:
        return _CODECS[schema.format]
    if schema.preserve_unknown or schema.type == "any":
        return _unions(schema) if schema.format.startswith("schema-or") else _as_it_is
    match schema.type:
        case "object":
            return _struct(schema) if schema.ref or schema.properties else _map(schema)
        case "array":
            return _list(schema)
        case "integer":
            return _integer(schema.format or "int64")
        case "number":
            return _number
        case "boolean":
            return _boolean
    return _string


def _as_it_is(value: Any, unknown: list[str]) -> Any:
    return value


def _struct(schema: Schema) -> Decoder:
    wanted = _go_type(schema)
    fields = _named_decoder(schema.ref)

    def decode_one(value: Any, unknown: list[str]) -> Any:
        if type(value) is not dict:
            raise _Mismatch(_kind_of(value), wanted)
        return fields(value, unknown)

    return decode_one


def _map(schema: Schema) -> Decoder:
    wanted, values = _go_type(schema), schema.values
    of_value = _compiled(values, "", "") if values is not None else _as_it_is
    zero = _zero(values)
    if of_value is _string:
        return _string_map

    def decode_map(value: Any, unknown: list[str]) -> Any:
        if type(value) is not dict:
            raise _Mismatch(_kind_of(value), wanted)
        decoded = {}
        for key, one in value.items():
            before = len(unknown)
            decoded[key] = zero() if one is None else of_value(one, unknown)
            if len(unknown) > before:
                _name_below(unknown, before, key)
        return decoded

    return decode_map


def _string_map(value: Any, unknown: list[str]) -> Any:
    if type(value) is not dict:
        raise _Mismatch(_kind_of(value), "map[string]string")
    for key, one in value.items():
        if type(one) is not str:
            if one is not None:
                raise _Mismatch(_kind_of(one), "string")       # Go names structs' fields, not maps' keys
            value[key] = ""
    return value


def _list(schema: Schema) -> Decoder:
    wanted, items = _go_type(schema), schema.items
    decode_items = _list_of(_compiled(items, "", "") if items is not None else _as_it_is, _zero(items))

    def decode_list(value: Any, unknown: list[str]) -> Any:
        if type(value) is not list:
            raise _Mismatch(_kind_of(value), wanted)
        return decode_items(value, unknown)

    return decode_list


def _list_of(of_item: Decoder, zero: Callable[[], Any]) -> Decoder:
    def decode_items(value: Any, unknown: list[str]) -> Any:
        for index, one in enumerate(value):
            before = len(unknown)
            value[index] = zero() if one is None else of_item(one, unknown)
            if len(unknown) > before:
                _name_below(unknown, before, f"[{index}]")
        return value

    return decode_items


def _zero(schema: Schema | None) -> Callable[[], Any]:
    """What Go puts where a list or map holds null."""
    if schema is None or schema.pointer or schema.type == "any":
        return lambda: None
    return {"object": dict, "array": list, "integer": int, "number": int, "boolean": bool}.get(schema.type, str)


def _string(value: Any, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _Mismatch(_kind_of(value), "string")
    return value


def _boolean(value: Any, unknown: list[str]) -> Any:
    if type(value) is not bool:
        raise _Mismatch(_kind_of(value), "bool")
    return value


def _number(value: Any, unknown: list[str]) -> Any:
    if type(value) not in (int, float):
        raise _Mismatch(_kind_of(value), "float64")
    return value


def _integer(go_type: str) -> Decoder:
    limit = LIMITS.get(go_type, 2**63)

    def decode_integer(value: Any, unknown: list[str]) -> Any:
        if type(value) is not int or not -limit <= value < limit:
            raise _Mismatch(_kind_of(value) + (f" {value}" if type(value) in (int, float) else ""), go_type)
        return value

    return decode_integer


def _quantity(value: Any, unknown: list[str]) -> Any:
    if type(value) not in (str, int, float):
        raise DecodeError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    try:
        return _canonical_quantity(value if type(value) is str else repr(value))
    except QuantityError as error:
        raise DecodeError(str(error)) from error


@cache
def _canonical_quantity(text: str) -> str:
    return str(Quantity.parse(text))


def _time(value: Any, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _Mismatch(_kind_of(value), "string")
    return value if _CANONICAL_TIME.fullmatch(value) else format_time(_parsed_time(value))


def _micro_time(value: Any, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _Mismatch(_kind_of(value), "string")
    return format_micro_time(_parsed_time(value))


def _parsed_time(text: str) -> Any:
    try:
        return parse_time(text)
    except ValueError as error:
        raise DecodeError(f'parsing time {json.dumps(text)} as "2006-01-02T15:04:05Z07:00": '
                          f'cannot parse {json.dumps(text)} as "2006"') from error


def _bytes(value: Any, unknown: list[str]) -> Any:
    if type(value) is not str:
        raise _Mismatch(_kind_of(value), "[]uint8")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        wrong = re.search(r"[^A-Za-z0-9+/]", value.rstrip("="))
        raise DecodeError(f"illegal base64 data at input byte {wrong.start() if wrong else len(value) - len(value) % 4}") from error
    return value


def _int_or_string(value: Any, unknown: list[str]) -> Any:
    if type(value) is int and -2**31 <= value < 2**31:
        return value
    if type(value) is not str:
        raise _Mismatch(_kind_of(value), "intstr.IntOrString")
    return value


def _object(value: Any, unknown: list[str]) -> Any:
    if type(value) is not dict:
        raise _Mismatch(_kind_of(value), "map[string]interface {}")
    return value


_CODECS: dict[str, Decoder] = {
    "quantity": _quantity, "date-time": _time, "micro-time": _micro_time, "byte": _bytes, "int-or-string": _int_or_string,
    "fields-v1": _object, "raw-extension": _as_it_is, "json": _as_it_is,
}


def _unions(schema: Schema) -> Decoder:
    """JSONSchemaPropsOrArray, OrBool, OrStringArray: a schema, or the other thing as it is."""
    schemas = _list_of(lambda one, unknown: decode_union(one, unknown) if type(one) is dict else one, lambda: None)

    def decode_union(value: Any, unknown: list[str]) -> Any:
        nested = _named_decoder("apiextensions_v1.JSONSchemaProps")
        if type(value) is dict:
            return nested(value, unknown)
        if type(value) is list and schema.format == "schema-or-array":
            return schemas(value, unknown)
        return value

    return decode_union


def _kind_of(value: Any) -> str:
    """JSON's word for a value, as Go's errors say it."""
    return {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "null")


def _go_type(schema: Schema) -> str:
    if schema.type == "array":
        return f"[]{_go_type(schema.items)}" if schema.items is not None else "[]interface {}"
    if schema.ref:
        module, _, name = schema.ref.rpartition(".")
        return f"{module.rpartition('_')[2]}.{name}"
    if schema.type == "object":
        return f"map[string]{_go_type(schema.values)}" if schema.values is not None else "map[string]interface {}"
    if schema.format == "quantity":
        return "resource.Quantity"
    return {"integer": schema.format or "int64", "boolean": "bool", "number": "float64"}.get(schema.type, "string")
