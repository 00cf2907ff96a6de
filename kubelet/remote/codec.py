"""Protobuf from documents and documents from protobuf, by the table of messages.

What is empty or zero is not sent, as proto3 has it; a decoded document has all of its message's fields, so that none is asked for in vain:
but a message that did not come is None.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from kubeapi.protobuf import wire
from kubelet.remote.messages import Field, messages

Document = dict[str, Any]
NUMBERS, ENTRY = ("int", "bool"), (Field(1, "key", "string", False), Field(2, "value", "string", False))


def encode(message: str, document: Mapping[str, Any]) -> bytes:
    """Raises KeyError for a field that the message does not have."""
    known = _by_name(message)
    return b"".join(_field(known[name], value) for name, value in document.items())


def _field(field: Field, value: Any) -> bytes:
    if value is None or (not value and not isinstance(value, Mapping)):
        return b""
    if field.type == "map":
        return b"".join(wire.delimited(field.number, _entry(*pair)) for pair in value.items())
    if not field.is_list:
        return _one(field, value)
    if field.type in NUMBERS:
        return wire.delimited(field.number, b"".join(wire.varint(int(one)) for one in value))
    return b"".join(_one(field, one) for one in value)


def _one(field: Field, value: Any) -> bytes:
    match field.type:
        case "int" | "bool": return wire.key(field.number, wire.VARINT) + wire.varint(int(value))
        case "string": return wire.delimited(field.number, value.encode())
        case "bytes": return wire.delimited(field.number, value)
        case message: return wire.delimited(field.number, encode(message, value))


def _entry(key: str, value: str) -> bytes:
    return wire.delimited(1, key.encode()) + wire.delimited(2, value.encode())


def decode(message: str, data: bytes) -> Document:
    """Raises ProtobufError."""
    return _decode(messages()[message], data, 0, len(data))


def _decode(fields: tuple[Field, ...], data: bytes, at: int, end: int) -> Document:
    found = {field.name: _nothing(field) for field in fields}
    by_number = {field.number: field for field in fields}
    while at < end:
        key, at = wire.read_varint(data, at, end)
        field, kind = by_number.get(key >> 3), key & 7
        if field is None:
            at = wire.skip(data, kind, at, end)
        elif kind == wire.VARINT and field.type in NUMBERS:
            number, at = wire.read_varint(data, at, end)
            _put(found, field, wire.signed(number) if field.type == "int" else bool(number))
        elif kind == wire.BYTES:
            begin, at = wire.read_length(data, at, end)
            _put_bytes(found, field, data, begin, at)
        else:
            raise wire.ProtobufError(f"proto: wrong wireType {kind} for field {field.name}")
    return found


def _put_bytes(found: Document, field: Field, data: bytes, at: int, end: int) -> None:
    match field.type:
        case "int" | "bool":                      # packed
            while at < end:
                number, at = wire.read_varint(data, at, end)
                _put(found, field, wire.signed(number))
        case "string": _put(found, field, data[at:end].decode("utf-8", "replace"))
        case "bytes": _put(found, field, data[at:end])
        case "map":
            entry = _decode(ENTRY, data, at, end)
            found[field.name][entry["key"]] = entry["value"]
        case message: _put(found, field, _decode(messages()[message], data, at, end))


def _put(found: Document, field: Field, value: Any) -> None:
    if field.is_list:
        found[field.name].append(value)
    else:
        found[field.name] = value


def _nothing(field: Field) -> Any:
    if field.is_list:
        return []
    return {"string": "", "int": 0, "bool": False, "bytes": b"", "map": {}}.get(field.type)


@cache
def _by_name(message: str) -> dict[str, Field]:
    return {field.name: field for field in messages()[message]}
