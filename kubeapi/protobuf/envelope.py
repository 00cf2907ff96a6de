"""The envelope of every object on the wire, `k8s\\0` and runtime.Unknown, and the frames of a watch."""
from __future__ import annotations

from typing import Any

import orjson

from kubeapi.protobuf import decode, encode
from kubeapi.protobuf.wire import BYTES, ProtobufError, delimited, read_length, read_varint, skip
from kubeapi.schema import Schema
from kubeapi.schemas import UnknownType, schema_of

Document = dict[str, Any]
MAGIC = b"k8s\0"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_HEADS: dict[tuple[str, str], bytes] = {}


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    head = _HEADS.get((api_version, kind))
    if head is None:
        head = _HEADS[api_version, kind] = MAGIC + delimited(1, delimited(1, api_version.encode()) + delimited(2, kind.encode()))
    return head + delimited(2, message) + b"\x1a\0\x22\0"


def _schema(api_version: str, kind: str) -> Schema:
    group, _, version = api_version.rpartition("/")
    return schema_of(group, version, kind)


def encode_message(document: Document, schema: Schema) -> bytes:
    return encode.message(schema.ref)(document)


def encode_object(document: Document) -> bytes:
    """A whole object, list or Status in its envelope. Raises UnknownType for kinds that are not built in."""
    api_version, kind = document["apiVersion"], document["kind"]
    return envelope(api_version, kind, encode_message(document, _schema(api_version, kind)))


def decode_envelope(data: bytes) -> tuple[str, str, bytes, str]:
    """(apiVersion, kind, message, content type). Raises ProtobufError."""
    if not data.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    parts = _texts(data, len(MAGIC))
    names = _texts(parts.get(1, b""), 0)
    return names.get(1, b"").decode(), names.get(2, b"").decode(), parts.get(2, b""), parts.get(4, b"").decode()


def _texts(data: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    end = len(data)
    while at < end:
        tag, at = read_varint(data, at, end)
        if tag & 7 == BYTES:
            begin, at = read_length(data, at, end)
            found[tag >> 3] = data[begin:at]
        else:
            at = skip(data, tag & 7, at, end)
    return found


def decode_object(data: bytes, expected: Schema | None = None) -> Document:
    """The document in an envelope, with its apiVersion and kind (empty ones are left out); `expected` is the type where the
    envelope names a kind that nobody knows. Raises ProtobufError."""
    try:
        api_version, kind, message, content_type = decode_envelope(data)
        document: Document = {}
        if api_version:
            document["apiVersion"] = api_version
        if kind:
            document["kind"] = kind
        if content_type == "application/json":
            found = orjson.loads(message)
            return found if isinstance(found, dict) else document
        decode.message(_known(api_version, kind, expected).ref)(message, document)
        return document
    except RecursionError:
        raise ProtobufError("exceeded max depth") from None
    except (UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise ProtobufError(str(error)) from error


def _known(api_version: str, kind: str, expected: Schema | None) -> Schema:
    try:
        return _schema(api_version, kind)
    except UnknownType:
        if expected is None:
            raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"') from None
        return expected


def encode_watch_event(change: str, enveloped: bytes) -> bytes:
    """One frame of `;stream=watch`: its length in four bytes, and a WatchEvent around the object."""
    event = delimited(1, change.encode()) + delimited(2, delimited(1, enveloped))
    return len(event).to_bytes(4, "big") + event
