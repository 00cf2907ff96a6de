"""A request that comes as a WebSocket's handshake: a watch is told on it, one frame an event; anything else gets its ordinary answer.

Browsers cannot set headers: they name their token as a subprotocol, which is never chosen. Upstream: WatchServer.HandleWS and
plugin/pkg/auth/authenticator/request/websocket.
"""
from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from apiserver.http.responses import Message, Receive, Scope, Send
from kubeapi import errors

BEARER = "base64url.bearer.authorization.k8s.io."


def with_bearer(scope: Scope) -> Scope:
    """The scope with the token among its headers instead. Raises Unauthorized where it cannot be read."""
    offered = list(scope.get("subprotocols") or ())
    tokens = [one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)]
    if not tokens:
        return scope
    try:
        token = base64.b64decode(tokens[0] + "=" * (-len(tokens[0]) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise errors.Unauthorized("Unauthorized") from None
    return {**scope, "subprotocols": [one for one in offered if not one.startswith(BEARER)],
            "headers": [*scope["headers"], (b"authorization", b"Bearer " + token.encode())]}


class Handshake:
    """An HTTP exchange for those who answer it, a WebSocket for who asked."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, is_watch: bool) -> None:
        self.scope: Scope = {**scope, "type": "http", "method": "GET"}
        self._receive, self._send, self._is_watch = receive, send, is_watch
        self._protocol = next(iter(scope.get("subprotocols") or ()), None)
        self._has_asked = self._is_accepted = self._is_binary = False
        self._unsent = b""

    async def receive(self) -> Message:
        """What the client says on the WebSocket of a watch is of no meaning."""
        if not self._has_asked:
            self._has_asked = True
            await self._receive()               # websocket.connect
            return {"type": "http.request", "body": b"", "more_body": False}
        while (await self._receive())["type"] != "websocket.disconnect":
            continue
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif not self._is_accepted:
            await self._send({**message, "type": "websocket.http.response.body"})
        else:
            for event in self._events(message.get("body", b"")):
                await self._send({"type": "websocket.send", "bytes": event} if self._is_binary else {"type": "websocket.send", "text": event.decode()})
            if not message.get("more_body"):
                await self._send({"type": "websocket.close", "code": 1000})

    async def _begin(self, message: Message) -> None:
        if not (self._is_watch and message["status"] == 200):
            await self._send({**message, "type": "websocket.http.response.start"})
            return
        if not self._has_asked:
            await self.receive()
        self._is_accepted = True
        self._is_binary = any(name == b"content-type" and b"protobuf" in value for name, value in message["headers"])
        await self._send({"type": "websocket.accept", "subprotocol": self._protocol})

    def _events(self, data: bytes) -> Iterator[bytes]:
        """JSON is a line an event; protobuf has its length before it, which a frame needs no more."""
        self._unsent += data
        while self._unsent:
            end = 4 + int.from_bytes(self._unsent[:4], "big") if self._is_binary else self._unsent.find(b"\n") + 1
            if not 0 < end <= len(self._unsent):
                return
            event, self._unsent = self._unsent[4 if self._is_binary else 0:end], self._unsent[end:]
            yield event
