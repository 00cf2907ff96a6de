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

from kubeapi.requesthead import HEAD_SECONDS, Unread
from kubelet.options import Options

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet
    from kubelet.servercertificate import ServerCertificate

SHUTDOWN_SECONDS = 1


def _with_peer(state: dict[str, Any], transport: asyncio.Transport) -> dict[str, Any]:
    connection = transport.get_extra_info("ssl_object")
    return {**state, "peercert": connection.getpeercert() if connection is not None else None}


class _Http(HttpToolsProtocol):
    """A request's head is bounded in bytes and time, since nobody knows yet whose it is."""

    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = _with_peer(self.app_state, transport)
        self._unread = Unread()
        self._hurry = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hurry.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._unread.is_too_much(len(data)) and not self.transport.is_closing():
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._hurry.cancel()
        self._hurry = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        self._unread.moved()
        self._hurry.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread.moved()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread.moved()
        super().on_message_complete()


class _WebSocket(WSProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:      # type: ignore[override]
        super().connection_made(transport)
        self.app_state = _with_peer(self.app_state, transport)


class KubeletServer:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._socket: socket.socket | None = None

    def bind(self) -> int:
        """The port; 0 where there will be no certificate and so no server. Raises OSError where the port is taken."""
        options = self._options
        if not options.tls_cert_file and not options.rotates_server_certificates:
            return 0
        self._socket = socket.socket(socket.AF_INET6 if ":" in options.node_ip else socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("::" if ":" in options.node_ip else "0.0.0.0", options.port))
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on port {options.port}: {(error.strerror or '').lower()}") from error
        return int(self._socket.getsockname()[1])

    async def run(self, kubelets: Mapping[str, Kubelet], certificate: ServerCertificate | None = None) -> None:
        """With a certificate that is asked for: serves when it has come, and with each later one from then on."""
        if certificate is None:
            await self._serve(self._config(kubelets, self._options.tls_cert_file, self._options.tls_private_key_file))
            return
        config, has_come = self._config(kubelets, str(certificate.path), None), asyncio.Event()

        def use() -> None:
            if config.loaded and config.ssl is not None:
                config.ssl.load_cert_chain(certificate.path)
            has_come.set()

        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(certificate.run(use), name="server-certificate")
            await has_come.wait()
            await self._serve(config)
            renewing.cancel()

    def _config(self, kubelets: Mapping[str, Kubelet], certificate: str, key: str | None) -> uvicorn.Config:
        from kubelet.server.app import App

        options = self._options
        return uvicorn.Config(
            App(kubelets, has_ca=bool(options.client_ca_file)), http=_Http, ws=_WebSocket, loop="none", lifespan="off",
            ssl_certfile=certificate, ssl_keyfile=key, ssl_ca_certs=options.client_ca_file or None,
            ssl_cert_reqs=ssl.CERT_OPTIONAL if options.client_ca_file else ssl.CERT_NONE, log_level="warning", access_log=False,
            proxy_headers=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS, server_header=False)

    async def _serve(self, config: uvicorn.Config) -> None:
        assert self._socket is not None
        await _Server(config).serve([self._socket])


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's signals are main's."""
        yield
