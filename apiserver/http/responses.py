"""Sending answers: bytes, JSON or protobuf; gzip for what is large."""
from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

import orjson

from apiserver.http.negotiation import encoding_of
from kubeapi.protobuf import encode_object
from kubeapi.yamldoc import dump

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

GZIP_FROM_BYTES = 128 * 1024
CHUNK_ITEMS = 500


def header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def warning_headers(texts: Iterable[str]) -> Headers:
    """`Warning: 299`, each cut to 256 characters, 4 KiB together (as upstream)."""
    found: Headers = []
    left = 4096
    for text in dict.fromkeys(texts):
        shown = text[:256].replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")
        left -= len(shown)
        if left < 0:
            break
        found.append((b"warning", f'299 - "{shown}"'.encode("latin-1", "replace")))
    return found


async def send_bytes(scope: Scope, send: Send, code: int, body: bytes, content_type: str = "application/json",
                     headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    extra = list(headers)
    if len(body) >= GZIP_FROM_BYTES and "gzip" in header(scope, b"accept-encoding"):
        body = gzip.compress(body, 4)
        extra += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    await send({"type": "http.response.start", "status": code, "headers": [
        (b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-cache, private"),
        *extra]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def send_json(scope: Scope, send: Send, code: int, document: Any, content_type: str = "application/json",
                    headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    await send_bytes(scope, send, code, orjson.dumps(document), content_type, headers)


async def send_document(scope: Scope, send: Send, code: int, document: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """An answer that is no stored object (a Status, a Scale, a review), in the encoding that the client prefers."""
    accepted = encoding_of(header(scope, b"accept"))
    if accepted.is_protobuf or accepted.is_yaml:
        body = encode_object(document) if accepted.is_protobuf else dump(document)
        await send_bytes(scope, send, code, body, accepted.content_type, headers)
    else:
        await send_json(scope, send, code, document, headers=headers)


async def send_list(scope: Scope, send: Send, head: bytes, items: Sequence[bytes], tail: bytes, content_type: str) -> None:
    """A list joined from its items' bytes, in chunks: a large one must not hold up the loop."""
    if len(items) <= CHUNK_ITEMS:
        await send_bytes(scope, send, 200, head + b",".join(items) + tail, content_type)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", content_type.encode()), (b"cache-control", b"no-cache, private")]})
    prefix = head
    for start in range(0, len(items), CHUNK_ITEMS):
        await send({"type": "http.response.body", "body": prefix + b",".join(items[start:start + CHUNK_ITEMS]), "more_body": True})
        prefix = b","
    await send({"type": "http.response.body", "body": tail})
