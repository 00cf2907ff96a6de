"""Sending answers: bytes, JSON or protobuf; gzip for what is large."""
from __future__ import annotations

import gzip
import itertools
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

import orjson

from apiserver.http.negotiation import encoding_of, wants_gzip
from kubeapi.protobuf import encode_object
from kubeapi.yamldoc import dump

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

GZIP_FROM_BYTES = 128 * 1024
CHUNK_BYTES = 256 * 1024
WARNINGS_TOGETHER, WARNING_CUT = 4096, 256
MOST_WARNINGS = 80                       # Python's http.client refuses answers of more than 100 headers


def header(scope: Scope, name: bytes) -> str:
    """The first of that name; every request is asked for half a dozen."""
    known = scope.get("picokube.headers")
    if known is None:
        known = scope["picokube.headers"] = dict(reversed(scope["headers"]))
    return str(known.get(name, b"").decode("latin-1"))


def warn(scope: Scope, texts: Iterable[str]) -> None:
    """The answer, whichever it will be, tells these; each but once."""
    if told := dict.fromkeys(texts):
        scope.setdefault("picokube.warnings", {}).update(told)


def warning_headers(texts: Iterable[str]) -> Headers:
    """`Warning: 299`. Beyond 4 Ki characters together each is cut to 256, and what is still too much is left out (as upstream)."""
    sayable = [text for text in texts if text and not any(unicodedata.category(letter) == "Cc" for letter in text)][:MOST_WARNINGS]
    if sum(map(len, sayable)) > WARNINGS_TOGETHER:
        sayable = _within([text[:WARNING_CUT] for text in sayable])
    return [(b"warning", b'299 - "' + text.replace("\\", "\\\\").replace('"', '\\"').encode(errors="replace") + b'"') for text in sayable]


def _within(texts: list[str]) -> list[str]:
    """The first ones, up to the one that passes the limit."""
    before = itertools.accumulate(map(len, texts), initial=0)
    return [text for text, length in zip(texts, before, strict=False) if length < WARNINGS_TOGETHER]


async def begin(scope: Scope, send: Send, code: int, content_type: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """The head of an answer. The scope remembers its code, for the audit and for who wonders whether an answer has begun."""
    scope["status"] = code
    await send({"type": "http.response.start", "status": code, "headers": [
        (b"audit-id", scope.get("picokube.audit-id", "").encode("latin-1")), (b"content-type", content_type.encode()),
        (b"cache-control", b"no-cache, private"), *warning_headers(scope.get("picokube.warnings", ())), *headers]})


async def begin_raw(scope: Scope, send: Send, code: int, headers: Headers) -> None:
    """The head of an answer that somebody else gave."""
    scope["status"] = code
    await send({"type": "http.response.start", "status": code, "headers": headers})


async def send_bytes(scope: Scope, send: Send, code: int, body: bytes, content_type: str = "application/json",
                     headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    extra = list(headers)
    if len(body) >= GZIP_FROM_BYTES and wants_gzip(header(scope, b"accept-encoding")):
        body = gzip.compress(body, 4)
        extra += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    await begin(scope, send, code, content_type, [(b"content-length", b"%d" % len(body)), *extra])
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


async def send_list(scope: Scope, send: Send, head: bytes, items: Iterable[bytes], tail: bytes, content_type: str) -> None:
    """A list joined from its items' bytes while it is sent, a chunk at a time: neither the loop nor the memory has to hold
    a large one for each of many clients, and a slow client's next chunk is not made before the last one is gone."""
    chunks = _chunks(head, items, tail)
    first = next(chunks)
    second = next(chunks, None)
    if second is None:
        await send_bytes(scope, send, 200, first, content_type)
        return
    await begin(scope, send, 200, content_type)
    for chunk in itertools.chain((first, second), chunks):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _chunks(head: bytes, items: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    """Never none."""
    held, size, lead = list[bytes](), 0, head
    for item in items:
        held.append(item)
        size += len(item)
        if size >= CHUNK_BYTES:
            yield lead + b",".join(held)
            held, size, lead = [], 0, b","
    yield (lead + b",".join(held) if held or lead is head else b"") + tail
