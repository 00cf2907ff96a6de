"""uvicorn around the application: TLS, and the client's certificate where authentication finds it."""
from __future__ import annotations

import asyncio
import ssl
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from apiserver.options import Options

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2


def _peer_certificate(transport: asyncio.Transport) -> Any:
    connection = transport.get_extra_info("ssl_object")
    return connection.getpeercert() if connection is not None else None


class HttpProtocol(HttpToolsProtocol):
    """Puts the peer's certificate into the scope, and a way to take the connection over after an upgrade: uvicorn has neither."""

    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peercert": _peer_certificate(transport)}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"picokube.upgrade": self._hand_over}        # type: ignore[dict-item]

    def _unsupported_upgrade_warning(self) -> None:
        """Whether an upgrade is served is for the application to say."""

    def _hand_over(self, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection, after `head` was written to it. uvicorn has no more to do with it."""
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self.cycle.disconnected = True
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        self.flow.resume_reading()
        writer = asyncio.StreamWriter(self.transport, protocol, reader, loop)
        writer.write(head)
        return reader, writer


class WebSocketProtocol(WSProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peercert": _peer_certificate(transport)}


def make_server(app: Any, options: Options) -> uvicorn.Server:
    config = uvicorn.Config(
        app, host=options.bind_address, port=options.secure_port, http=HttpProtocol, ws=WebSocketProtocol, loop="none", lifespan="off",
        ssl_certfile=options.tls_cert_file, ssl_keyfile=options.tls_private_key_file, ssl_ca_certs=options.client_ca_file or None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if options.client_ca_file else ssl.CERT_NONE, log_level="warning", access_log=False,
        proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=SHUTDOWN_SECONDS, server_header=False, date_header=True,
        h11_max_incomplete_event_size=64 * 1024, backlog=2048)
    return uvicorn.Server(config)
