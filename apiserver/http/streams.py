"""exec, attach and port-forward: a client's connection joined to a WebSocket of the pod's kubelet, bytes passed on as they are.

A client comes with a WebSocket, or (older ones) asks for an upgrade to SPDY/3.1: then its bytes travel in the kubelet's
WebSocket, which ends SPDY for both kinds.
"""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from apiserver.http.kubelets import Kubelets, refused
from apiserver.http.outward import until_one_ends
from apiserver.http.responses import Receive, Scope, Send, header
from apiserver.http.verbs import Exchange
from kubeapi import errors

if TYPE_CHECKING:
    import aiohttp

STREAMING = ("exec", "attach", "portforward")
CHUNK = 32 << 10
SPDY = "SPDY/3.1"
TUNNEL = f"{SPDY}+"
REMOTE_COMMAND = ("v5.channel.k8s.io", "v4.channel.k8s.io")
PORT_FORWARD = (f"{TUNNEL}portforward.k8s.io", "v4.channel.k8s.io")
WEBSOCKET_PROTOCOLS: Mapping[str, Sequence[str]] = {"exec": REMOTE_COMMAND, "attach": REMOTE_COMMAND, "portforward": PORT_FORWARD}
SPDY_PROTOCOLS: Mapping[str, Sequence[str]] = {
    "exec": ("v4.channel.k8s.io",), "attach": ("v4.channel.k8s.io",), "portforward": ("portforward.k8s.io",)}


class Streams:
    def __init__(self, kubelets: Kubelets) -> None:
        self._kubelets = kubelets

    async def websocket(self, exchange: Exchange) -> None:
        """The subprotocol is the first of ours that the client offers."""
        scope, receive, send = exchange.scope, exchange.receive, exchange.send
        offered = scope.get("subprotocols") or ()      # uvicorn takes them out of the headers
        served = WEBSOCKET_PROTOCOLS[exchange.info.subresource]
        protocol = next((one for one in served if one in offered), "")
        if not protocol:
            raise errors.BadRequest(f"the WebSocket must speak one of {', '.join(served)}")
        async with self._kubelet(exchange, protocol) as kubelet:
            await receive()                             # websocket.connect
            await send({"type": "websocket.accept", "subprotocol": protocol})
            await until_one_ends(to_backend(receive, kubelet), to_client(kubelet, send))

    async def upgrade(self, exchange: Exchange) -> None:
        scope = exchange.scope
        if header(scope, b"upgrade").upper() != SPDY:
            raise errors.BadRequest("Upgrade request required")
        served = SPDY_PROTOCOLS[exchange.info.subresource]
        offered = [one.strip() for name, value in scope["headers"] if name == b"x-stream-protocol-version"
                   for one in value.decode("latin-1").split(",")]
        protocol = next((one for one in served if one in offered), "")
        if not protocol:
            raise errors.Forbidden(f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
                                   f"server accepts [{' '.join(served)}]")
        async with self._kubelet(exchange, TUNNEL + protocol) as kubelet:
            reader, writer = scope["state"]["hand-over"](
                f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {SPDY}\r\n"
                f"X-Stream-Protocol-Version: {protocol}\r\n\r\n".encode())
            try:
                await until_one_ends(_bytes_to_kubelet(reader, kubelet), _bytes_to_client(kubelet, writer))
            finally:
                writer.close()

    @asynccontextmanager
    async def _kubelet(self, exchange: Exchange, protocol: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        import aiohttp

        pairs = parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        url = await self._kubelets.url(exchange, dict(pairs).get("container", ""))
        params = [pair for pair in pairs if pair[0] != "container"]
        try:
            async with self._kubelets.outward().websocket(url, (protocol,), params=params) as kubelet:
                yield kubelet
        except aiohttp.WSServerHandshakeError as error:
            told = unquote(error.headers.get("x-kubelet-error", "") if error.headers else "") or error.message
            raise refused(error.status, f"unable to upgrade connection: {told}") from error
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise errors.InternalError(f"error dialing backend: {error or 'it does not answer'}") from error


async def to_backend(receive: Receive, kubelet: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            await kubelet.close()
            return
        if (data := message.get("bytes")) is not None:
            await kubelet.send_bytes(data)
        else:
            await kubelet.send_str(message.get("text") or "")


async def to_client(kubelet: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    import aiohttp

    async for message in kubelet:
        if message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        elif message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
    await send({"type": "websocket.close", "code": kubelet.close_code or 1000})


async def _bytes_to_kubelet(reader: asyncio.StreamReader, kubelet: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await kubelet.send_bytes(data)
    await kubelet.close()


async def _bytes_to_client(kubelet: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in kubelet:
            writer.write(message.data)
            await writer.drain()


async def refuse(scope: Scope, send: Send, error: errors.ApiStatusError) -> None:
    """Before the handshake an ordinary answer says more than a close code."""
    if "websocket.http.response" in scope.get("extensions", {}):
        import orjson
        await send({"type": "websocket.http.response.start", "status": error.http_code,
                    "headers": [(b"content-type", b"application/json")]})
        await send({"type": "websocket.http.response.body", "body": orjson.dumps(error.status)})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
