"""Small things of ASGI: answers, and faults that become answers."""
from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import quote

ERROR_HEADER = b"x-kubelet-error"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class HttpError(Exception):
    def __init__(self, code: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.headers = code, message, headers


async def answer(send: Send, code: int, body: bytes, content_type: str = "text/plain; charset=utf-8", headers: Headers = ()) -> None:
    await send({"type": "http.response.start", "status": code, "headers": [(b"content-type", content_type.encode()), *headers]})
    await send({"type": "http.response.body", "body": body})


async def refuse_websocket(scope: Scope, receive: Receive, send: Send, error: HttpError) -> None:
    """Before it is accepted: an ordinary answer, where the server can send one; clients that lose its body look at the header."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": error.code, "headers": [
            (b"content-type", b"text/plain"), (ERROR_HEADER, quote(error.message, safe=" ").encode())]})
        await send({"type": "websocket.http.response.body", "body": error.message.encode()})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})


def is_true(text: str) -> bool:
    return text.lower() in ("1", "true")
