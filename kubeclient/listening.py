"""uvicorn's protocols with what every port of a cluster owes: the client's certificate beside the request, and a bound on what
is taken in, in bytes and in time, from somebody whom nobody knows yet."""
from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from kubeapi.requesthead import HEAD_SECONDS, Unread

# What waits for one client beyond the piece that is being sent: uvloop would hold half a megabyte over TLS.
WAITING_BYTES = 64 << 10


def with_peer(state: dict[str, Any], transport: asyncio.BaseTransport) -> dict[str, Any]:
    connection = transport.get_extra_info("ssl_object")
    return {**state, "peercert": connection.getpeercert() if connection is not None else None}


class BoundedHttp(HttpToolsProtocol):
    """A request's head is bounded in bytes and time (one that comes whole costs no timer), and so is what waits to be read."""

    _is_in_head = False
    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.transport.set_write_buffer_limits(WAITING_BYTES)
        self.app_state = with_peer(self.app_state, transport)
        self._unread = Unread()
        self._hurry = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_hurrying()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        # They hold this protocol, which holds the connection's buffers: all go now, not when the garbage collector comes by.
        self.cycle = self.scope = None              # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._unread.is_too_much(len(data)) and not self.transport.is_closing():
            self.transport.abort()
        elif self._is_in_head and self._hurry is None:
            self._hurry = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self.head_is_whole()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread.moved()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread.moved()
        super().on_message_complete()

    def head_is_whole(self) -> None:
        self._unread.moved()
        self._is_in_head = False
        self._stop_hurrying()

    def _stop_hurrying(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


class PeerWebSocket(WSProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.transport.set_write_buffer_limits(WAITING_BYTES)
        self.app_state = with_peer(self.app_state, transport)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except UnicodeDecodeError:              # a handshake that is no ASCII: its parser does not say so
            self.transport.close()
