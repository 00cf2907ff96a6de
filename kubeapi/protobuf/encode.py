"""Documents as protobuf messages. Compiled once per type into closures, like the JSON decoder."""
from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from kubeapi.protobuf.layout import Layout, layout_of
from kubeapi.protobuf.wire import BYTES, FIXED64, VARINT, delimited, key, varint
from kubeapi.schema import Schema
from kubeapi.times import parse_time

Encode = Callable[[Any], bytes]                        # a value as its payload, without key and length
Append = Callable[[bytearray, Any], None]              # a field of a message
SCHEMA_PROPS = "apiextensions_v1.JSONSchemaProps"


@cache
def message(ref: str) -> Encode:
    """Types may contain themselves: the fields are compiled when the first document comes."""
    compiled: list[Encode] = []

    def encode(value: dict[str, Any]) -> bytes:
        if not compiled:
            compiled.append(_struct(layout_of(ref)))
        return compiled[0](value)

    return encode


def _struct(layout: Layout) -> Encode:
    fields = {name: _field(use) for name, use in layout.fields.items()}
    inlines = [(number, _struct(inner)) for number, inner in layout.inlines.items()]

    def encode(value: dict[str, Any]) -> bytes:
        out = bytearray()
        for name, one in value.items():
            append = fields.get(name)
            if append is not None and one is not None:
                append(out, one)
        for number, inner in inlines:
            if payload := inner(value):
                out += delimited(number, payload)
        return bytes(out)

    return encode


def _field(use: Schema) -> Append:
    if use.type == "array":
        return _repeated(use)
    if use.values is not None and not use.ref:
        return _map(use)
    wire_type, encode = _value(use)
    lead = key(use.number, wire_type)
    if wire_type != BYTES:
        def append_number(out: bytearray, value: Any) -> None:
            out += lead + encode(value)
        return append_number

    def append(out: bytearray, value: Any) -> None:
        payload = encode(value)
        out += lead + varint(len(payload)) + payload

    return append


def _repeated(use: Schema) -> Append:
    assert use.items is not None
    wire_type, encode = _value(use.items)
    lead = key(use.number, wire_type)

    def append(out: bytearray, values: Any) -> None:
        for one in values:
            payload = encode(one) if one is not None else b""
            out += lead + varint(len(payload)) + payload if wire_type == BYTES else lead + payload

    return append


def _map(use: Schema) -> Append:
    """Entries are messages {key, value}; a list among the values is a message {items}."""
    assert use.values is not None
    lead = key(use.number, BYTES)
    wire_type, encode = _value(use.values)
    value_lead = key(2, wire_type)

    def append(out: bytearray, values: Any) -> None:
        for name in sorted(values):
            payload = encode(values[name])
            value = value_lead + varint(len(payload)) + payload if wire_type == BYTES else value_lead + payload
            entry = delimited(1, name.encode()) + value
            out += lead + varint(len(entry)) + entry

    return append


def _value(use: Schema) -> tuple[int, Encode]:
    """(wire type, encoder) of one value."""
    if use.format in _CODECS:
        return BYTES, _CODECS[use.format]
    match use.type:
        case "string":
            return BYTES, str.encode
        case "integer":
            return VARINT, varint
        case "boolean":
            return VARINT, lambda value: b"\1" if value else b"\0"
        case "number":
            return FIXED64, lambda value: struct.pack("<d", value)
        case "array":
            return BYTES, _wrapped(use)
    if not use.ref:
        raise TypeError(f"{use} has no form in protobuf")
    return BYTES, message(use.ref)


def _wrapped(use: Schema) -> Encode:
    assert use.items is not None
    _, encode = _value(use.items)
    return lambda values: b"".join(delimited(1, encode(one)) for one in values)


# --- what JSON writes as a string or as anything

def _timestamp(text: str) -> bytes:
    moment = datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC) if len(text) == 20 else parse_time(text)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return b"\x08" + varint(seconds) + b"\x10" + varint(moment.microsecond * 1000)


def _int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\1\x10\0" + delimited(3, value.encode())
    return b"\x08\0\x10" + varint(value) + b"\x1a\0"


def _raw_json(value: Any) -> bytes:
    return delimited(1, orjson.dumps(value))


def _schema_or_array(value: Any) -> bytes:
    encode = message(SCHEMA_PROPS)
    if isinstance(value, list):
        return b"".join(delimited(2, encode(one)) for one in value)
    return delimited(1, encode(value))


def _schema_or_bool(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x08\1" if value else b"\x08\0"
    return b"\x08\1" + delimited(2, message(SCHEMA_PROPS)(value))


def _schema_or_strings(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(delimited(2, one.encode()) for one in value)
    return delimited(1, message(SCHEMA_PROPS)(value))


_CODECS: dict[str, Encode] = {
    "byte": base64.b64decode, "quantity": lambda text: delimited(1, str(text).encode()), "date-time": _timestamp,
    "micro-time": _timestamp, "int-or-string": _int_or_string, "fields-v1": _raw_json, "raw-extension": _raw_json, "json": _raw_json,
    "schema-or-array": _schema_or_array, "schema-or-bool": _schema_or_bool, "schema-or-strings": _schema_or_strings,
}
