"""Reading request bodies within bounds, and what they are: JSON, YAML or protobuf."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from apiserver.http.responses import Receive, Scope, header
from kubeapi import errors
from kubeapi.decode import Decoded, DecodeError, decode, decode_json
from kubeapi.protobuf import MEDIA_TYPE as PROTOBUF
from kubeapi.protobuf import ProtobufError
from kubeapi.protobuf import decode_object as decode_message
from kubeapi.schema import Schema
from kubeapi.yamldoc import YamlError, load

LIMIT_BYTES = 3 * 1024 * 1024
LONGEST_AT_ONCE = 64 * 1024              # milliseconds as YAML, the slowest to read
T = TypeVar("T")


class ClientGone(ConnectionError):
    """The client hung up in the middle of its request."""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Raises RequestEntityTooLarge beyond 3 MiB."""
    length = header(scope, b"content-length")
    if length.isdigit() and int(length) > LIMIT_BYTES:
        raise errors.RequestEntityTooLarge(f"Request entity too large: limit is {LIMIT_BYTES}")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone("the client hung up")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LIMIT_BYTES:
            raise errors.RequestEntityTooLarge(f"Request entity too large: limit is {LIMIT_BYTES}")
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def media_type(scope: Scope) -> str:
    return header(scope, b"content-type").partition(";")[0].strip().lower()


def parse_any(body: bytes, media: str) -> Any:
    """JSON, YAML or protobuf, whatever it holds. Raises BadRequest and UnsupportedMediaType."""
    try:
        if media == PROTOBUF:
            return decode_message(body)
        if media in ("", "application/json") or media.endswith("+json"):
            return orjson.loads(body)
        if media == "application/yaml" or media.endswith("+yaml"):
            return load(body)
    except orjson.JSONDecodeError as error:
        raise errors.BadRequest(f"the object provided is unrecognized (must be of type object): {error}") from error
    except YamlError as error:
        raise errors.BadRequest(f"error converting YAML to JSON: {error}") from error
    except ProtobufError as error:
        raise errors.BadRequest(f"the object provided is unrecognized (must be of a known type): {error}") from error
    raise errors.UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf")


def decode_object(body: bytes, media: str, schema: Schema, api_version: str, kind: str, validation: str) -> tuple[dict[str, Any], list[str]]:
    """The document and warnings, under fieldValidation Strict, Warn or Ignore. Raises BadRequest."""
    if media in ("", "application/json") and not body.strip():
        raise errors.BadRequest("unexpected end of JSON input" if not body else "the body is empty")
    _, _, version = api_version.rpartition("/")
    try:
        if media in ("", "application/json"):
            decoded = decode_json(body, schema, find_duplicates=validation != "Ignore")
        else:
            document = parse_any(body, media)
            if not isinstance(document, dict):
                raise errors.BadRequest(f"couldn't get version/kind; json parse error: the body is no object of kind {kind}")
            decoded = decode(document, schema)
    except DecodeError as error:
        raise errors.BadRequest(f'{kind} in version "{version}" cannot be handled as a {kind}: {error}') from error
    _check_kind(decoded.document, api_version, kind)
    return decoded.document, _judged(decoded, kind, version, validation)


def decode_options(body: bytes, media: str, schema: Schema, kind: str) -> dict[str, Any]:
    """What comes under several versions' names and is never stored: options, evictions, bindings. Raises BadRequest."""
    document = parse_any(body, media)
    try:
        return decode(document, schema).document
    except DecodeError as error:
        raise errors.BadRequest(f'{kind} in version "v1" cannot be handled as a {kind}: {error}') from error


async def decoded_aside(body: bytes, media: str, decode_it: Callable[[], T]) -> T:
    """What `decode_it` makes of a body. A large one that is not JSON takes seconds, and others are served meanwhile."""
    is_slow = len(body) > LONGEST_AT_ONCE and "json" not in media
    return await asyncio.to_thread(decode_it) if is_slow else decode_it()


def _check_kind(document: dict[str, Any], api_version: str, kind: str) -> None:
    given_kind, given_version = document.get("kind", kind), document.get("apiVersion", api_version)
    if (given_kind, given_version) != (kind, api_version):
        raise errors.BadRequest(f"{given_kind} in version \"{given_version.rpartition('/')[2]}\" cannot be handled as a {kind}: "
                                f"the API version in the data ({given_version}) does not match the expected API version ({api_version})"
                                if given_version != api_version else
                                f'the object provided is unrecognized (must be of type {kind}): it is of kind "{given_kind}"')
    document["apiVersion"], document["kind"] = api_version, kind


def _judged(decoded: Decoded, kind: str, version: str, validation: str) -> list[str]:
    if validation == "Strict" and decoded.faults:
        raise errors.BadRequest(f'{kind} in version "{version}" cannot be handled as a {kind}: '
                                f"strict decoding error: {', '.join(decoded.faults)}")
    return decoded.faults if validation != "Ignore" else []
