"""The listening socket and uvicorn around the application: TLS, with client certificates of the cluster's CA."""
from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from kubeclient.listening import BoundedHttp, PeerWebSocket
from kubelet.options import Options

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet
    from kubelet.servercertificate import ServerCertificate

SHUTDOWN_SECONDS = 1


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
            App(kubelets, has_ca=bool(options.client_ca_file)), http=BoundedHttp, ws=PeerWebSocket, loop="none", lifespan="off",
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
