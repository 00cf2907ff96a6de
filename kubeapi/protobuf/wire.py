"""The wire format: varints, keys, and length-delimited fields."""
from __future__ import annotations

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MASK = (1 << 64) - 1


class ProtobufError(ValueError):
    """The bytes are no message of the type they should be."""


def varint(value: int) -> bytes:
    """Negative numbers take ten bytes, as proto2's int32 and int64 do."""
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    value &= MASK
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_ONE_BYTE = [bytes((value,)) for value in range(0x80)]


def key(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(number: int, payload: bytes) -> bytes:
    return key(number, BYTES) + varint(len(payload)) + payload


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, what follows it). Raises ProtobufError."""
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & MASK, at
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")
    raise ProtobufError("unexpected EOF")


def signed(value: int) -> int:
    """A varint as the int64 it stands for."""
    return value - (1 << 64) if value >> 63 else value


def read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(begin, end) of what is length-delimited at `at`. Raises ProtobufError."""
    length, at = read_varint(data, at, end)
    if length > end - at:
        raise ProtobufError("unexpected EOF")
    return at, at + length


def skip(data: bytes, wire_type: int, at: int, end: int) -> int:
    """What follows a field that nobody knows. Raises ProtobufError."""
    if wire_type == VARINT:
        return read_varint(data, at, end)[1]
    if wire_type == BYTES:
        return read_length(data, at, end)[1]
    size = {FIXED64: 8, FIXED32: 4}.get(wire_type)
    if size is None:
        raise ProtobufError(f"proto: illegal wireType {wire_type}")
    if size > end - at:
        raise ProtobufError("unexpected EOF")
    return at + size
