"""The listening socket and uvicorn around the application: TLS, with client certificates of the cluster's CA."""
from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from kubelet.options import Options

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet

SHUTDOWN_SECONDS = 1


def _with_peer(state: dict[str, Any], transport: asyncio.Transport) -> dict[str, Any]:
    connection = transport.get_extra_info("ssl_object")
    return {**state, "peercert": connection.getpeercert() if connection is not None else None}


class _Http(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = _with_peer(self.app_state, transport)


class _WebSocket(WSProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = _with_peer(self.app_state, transport)


class KubeletServer:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._socket: socket.socket | None = None

    def bind(self) -> int:
        """The port; 0 where there is no certificate and so no server. Raises OSError where the port is taken."""
        options = self._options
        if not options.tls_cert_file:
            return 0
        self._socket = socket.socket(socket.AF_INET6 if ":" in options.node_ip else socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("::" if ":" in options.node_ip else "0.0.0.0", options.port))
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on port {options.port}: {(error.strerror or '').lower()}") from error
        return int(self._socket.getsockname()[1])

    async def run(self, kubelets: Mapping[str, Kubelet]) -> None:
        from kubelet.server.app import App

        options = self._options
        assert self._socket is not None
        config = uvicorn.Config(
            App(kubelets, has_ca=bool(options.client_ca_file)), http=_Http, ws=_WebSocket, loop="none", lifespan="off",
            ssl_certfile=options.tls_cert_file, ssl_keyfile=options.tls_private_key_file, ssl_ca_certs=options.client_ca_file or None,
            ssl_cert_reqs=ssl.CERT_OPTIONAL if options.client_ca_file else ssl.CERT_NONE, log_level="warning", access_log=False,
            proxy_headers=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS, server_header=False)
        await _Server(config).serve([self._socket])


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's signals are main's."""
        yield
