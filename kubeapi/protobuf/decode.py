"""Protobuf messages as documents, in the form that Go gives them in JSON. Unknown fields are skipped; bytes that are no
message raise ProtobufError."""
from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from kubeapi.protobuf.layout import Layout, layout_of
from kubeapi.protobuf.wire import BYTES, FIXED64, VARINT, ProtobufError, read_length, read_varint, signed, skip
from kubeapi.schema import Schema
from kubeapi.times import format_micro_time, format_time

Document = dict[str, Any]
Decode = Callable[[bytes], Any]                                   # of a length-delimited payload
Message = Callable[[bytes, Document], None]                       # into a document
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA_PROPS = "apiextensions_v1.JSONSchemaProps"
_NOTHING = object()                                               # a value that JSON leaves out


@cache
def message(ref: str) -> Message:
    compiled: list[Message] = []

    def decode(data: bytes, into: Document) -> None:
        if not compiled:
            compiled.append(_struct(layout_of(ref)))
        compiled[0](data, into)

    return decode


class _Field:
    """One field of a message: how its payloads, by wire type, come into the document."""

    __slots__ = ("name", "take_bytes", "take_number")

    def __init__(self, name: str, take_bytes: Callable[[Document, bytes], None] | None,
                 take_number: Callable[[Document, int], None] | None) -> None:
        self.name, self.take_bytes, self.take_number = name, take_bytes, take_number


def _struct(layout: Layout) -> Message:
    fields = {use.number: _field(name, use) for name, use in layout.fields.items()}
    for number, inner in layout.inlines.items():
        fields[number] = _Field("", _flat(_struct(inner)), None)

    def decode(data: bytes, into: Document) -> None:
        at, end = 0, len(data)
        while at < end:
            tag, at = read_varint(data, at, end)
            field, wire_type = fields.get(tag >> 3), tag & 7
            if field is None:
                if not tag >> 3:
                    raise ProtobufError("proto: illegal tag 0")
                at = skip(data, wire_type, at, end)
            elif wire_type == BYTES and field.take_bytes is not None:
                begin, at = read_length(data, at, end)
                field.take_bytes(into, data[begin:at])
            elif wire_type == VARINT and field.take_number is not None:
                value, at = read_varint(data, at, end)
                field.take_number(into, value)
            elif wire_type == FIXED64 and field.take_number is not None:
                if at + 8 > end:
                    raise ProtobufError("unexpected EOF")
                field.take_number(into, int.from_bytes(data[at:at + 8], "little"))
                at += 8
            else:
                raise ProtobufError(f"proto: wrong wireType = {wire_type} for field {field.name}")

    return decode


def _flat(inner: Message) -> Callable[[Document, bytes], None]:
    return lambda into, data: inner(data, into)


def _field(name: str, use: Schema) -> _Field:
    if use.type == "array":
        return _repeated(name, use)
    if use.values is not None and not use.ref:
        return _map(name, use)
    if use.type in ("integer", "boolean", "number"):
        number = _number(use)
        is_dropped = use.omitempty and not use.pointer

        def put_number(into: Document, raw: int) -> None:
            value = number(raw)
            if value or not is_dropped:
                into[name] = value

        return _Field(name, None, put_number)
    if use.ref and not use.format:
        decode_message = message(use.ref)

        def put_message(into: Document, data: bytes) -> None:
            below = into.setdefault(name, {})           # a message may come in parts
            decode_message(data, below)

        return _Field(name, put_message, None)
    decode, is_omitted = _payload(use), use.omitempty and not use.pointer

    def put(into: Document, data: bytes) -> None:
        value = decode(data)
        if value is not _NOTHING and (value != "" or not is_omitted):
            into[name] = value

    return _Field(name, put, None)


def _repeated(name: str, use: Schema) -> _Field:
    assert use.items is not None
    if use.items.type in ("integer", "boolean", "number"):
        number = _number(use.items)

        def add_packed(into: Document, data: bytes) -> None:
            at = 0
            while at < len(data):
                raw, at = read_varint(data, at, len(data))
                into.setdefault(name, []).append(number(raw))

        return _Field(name, add_packed, lambda into, raw: into.setdefault(name, []).append(number(raw)))
    decode = _payload(use.items)
    return _Field(name, lambda into, data: into.setdefault(name, []).append(decode(data)), None)


def _map(name: str, use: Schema) -> _Field:
    assert use.values is not None
    values = _repeated("value", use.values) if use.values.type == "array" else _field("value", _shown(use.values))
    if use.values.type == "array":
        wrapped = _struct(Layout({"value": _numbered(use.values, 1)}, {}))
        values = _Field("value", _flat(wrapped), None)
    zero: Any = [] if use.values.type == "array" else {} if use.values.type == "object" else {
        "integer": 0, "number": 0, "boolean": False}.get(use.values.type, "")

    def add(into: Document, data: bytes) -> None:
        entry: Document = {}
        at, found_key = 0, ""
        while at < len(data):
            tag, at = read_varint(data, at, len(data))
            wire_type = tag & 7
            if wire_type == BYTES:
                begin, at = read_length(data, at, len(data))
                if tag >> 3 == 1:
                    found_key = _text(data[begin:at])
                elif tag >> 3 == 2 and values.take_bytes is not None:
                    values.take_bytes(entry, data[begin:at])
            elif tag >> 3 == 2 and wire_type == VARINT and values.take_number is not None:
                raw, at = read_varint(data, at, len(data))
                values.take_number(entry, raw)
            else:
                at = skip(data, wire_type, at, len(data))
        into.setdefault(name, {})[found_key] = entry.get("value", type(zero)() if isinstance(zero, list | dict) else zero)

    return _Field(name, add, None)


def _numbered(use: Schema, number: int) -> Schema:
    from dataclasses import replace
    return replace(use, number=number)


def _shown(use: Schema) -> Schema:
    """A map's value shows even its zero."""
    from dataclasses import replace
    return replace(use, omitempty=False)


def _number(use: Schema) -> Callable[[int], Any]:
    if use.type == "boolean":
        return bool
    if use.type == "number":
        return lambda raw: struct.unpack("<d", raw.to_bytes(8, "little"))[0]
    if use.format == "int32":
        return _int32
    return signed


def _int32(raw: int) -> int:
    low = raw & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def _payload(use: Schema) -> Decode:
    if use.format in _CODECS:
        return _CODECS[use.format]
    if use.ref:
        decode = message(use.ref)

        def decode_one(data: bytes) -> Document:
            found: Document = {}
            decode(data, found)
            return found

        return decode_one
    if use.type != "string":
        raise TypeError(f"{use} has no form in protobuf")
    return _text


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProtobufError("proto: string field contains invalid UTF-8") from None


# --- what JSON writes as a string or as anything

def _parts(data: bytes) -> dict[int, Any]:
    """A small message: number -> its last varint or payload."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at, len(data))
        if tag & 7 == VARINT:
            found[tag >> 3], at = read_varint(data, at, len(data))
        elif tag & 7 == BYTES:
            begin, at = read_length(data, at, len(data))
            found[tag >> 3] = data[begin:at]
        else:
            at = skip(data, tag & 7, at, len(data))
    return found


def _bytes_part(data: bytes, number: int) -> bytes:
    part = _parts(data).get(number, b"")
    if not isinstance(part, bytes):
        raise ProtobufError(f"proto: wrong wireType = 0 for field {number}")
    return part


def _number_part(parts: dict[int, Any], number: int) -> int:
    part = parts.get(number, 0)
    if not isinstance(part, int):
        raise ProtobufError(f"proto: wrong wireType = 2 for field {number}")
    return signed(part)


def _moment(data: bytes) -> datetime:
    parts = _parts(data)
    try:
        return EPOCH + timedelta(seconds=_number_part(parts, 1), microseconds=_number_part(parts, 2) // 1000)
    except OverflowError:
        raise ProtobufError("timestamp out of range") from None


def _time(data: bytes) -> Any:
    """Go's zero time is an empty message and null in JSON."""
    return format_time(_moment(data)) if data else _NOTHING


def _micro_time(data: bytes) -> Any:
    return format_micro_time(_moment(data)) if data else _NOTHING


def _int_or_string(data: bytes) -> Any:
    parts = _parts(data)
    if _number_part(parts, 1) == 0:
        return _int32(_number_part(parts, 2) & 0xFFFFFFFF)
    return _text(_bytes_part(data, 3))


def _raw_json(data: bytes) -> Any:
    raw = _bytes_part(data, 1)
    if not raw:
        return _NOTHING
    if raw.startswith(b"k8s\0"):
        from kubeapi.protobuf.envelope import decode_object
        return decode_object(raw)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"raw JSON: {error}") from error


def _schema_props(data: bytes) -> Document:
    found: Document = {}
    message(SCHEMA_PROPS)(data, found)
    return found


def _union(data: bytes) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at, len(data))
        if tag & 7 == BYTES:
            begin, at = read_length(data, at, len(data))
            found.append((tag >> 3, data[begin:at]))
        elif tag & 7 == VARINT:
            value, at = read_varint(data, at, len(data))
            found.append((tag >> 3, value))
        else:
            at = skip(data, tag & 7, at, len(data))
    return found


def _schema_or_array(data: bytes) -> Any:
    found = [(number, part) for number, part in _union(data) if isinstance(part, bytes)]
    one = [part for number, part in found if number == 1]
    return _schema_props(one[-1]) if one else [_schema_props(part) for number, part in found if number == 2]


def _schema_or_bool(data: bytes) -> Any:
    found = dict(_union(data))
    return _schema_props(found[2]) if isinstance(found.get(2), bytes) else bool(found.get(1))


def _schema_or_strings(data: bytes) -> Any:
    found = [(number, part) for number, part in _union(data) if isinstance(part, bytes)]
    one = [part for number, part in found if number == 1]
    return _schema_props(one[-1]) if one else [_text(part) for number, part in found if number == 2]


_CODECS: dict[str, Decode] = {
    "byte": lambda data: base64.b64encode(data).decode(), "quantity": lambda data: _text(_bytes_part(data, 1)), "date-time": _time,
    "micro-time": _micro_time, "int-or-string": _int_or_string, "fields-v1": _raw_json, "raw-extension": _raw_json, "json": _raw_json,
    "schema-or-array": _schema_or_array, "schema-or-bool": _schema_or_bool, "schema-or-strings": _schema_or_strings,
}
