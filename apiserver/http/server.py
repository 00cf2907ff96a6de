"""uvicorn around the application, over TLS."""
from __future__ import annotations

import ssl
from typing import Any

import uvicorn

from apiserver.http.protocol import HttpProtocol
from apiserver.options import Options
from kubeclient.listening import PeerWebSocket

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2


def make_server(app: Any, options: Options) -> uvicorn.Server:
    config = uvicorn.Config(
        app, host=options.bind_address, port=options.secure_port, http=HttpProtocol, ws=PeerWebSocket, loop="none", lifespan="off",
        ssl_certfile=options.tls_cert_file, ssl_keyfile=options.tls_private_key_file, ssl_ca_certs=options.client_ca_file or None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if options.client_ca_file else ssl.CERT_NONE, log_level="warning", access_log=False,
        proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=SHUTDOWN_SECONDS, server_header=False, date_header=True,
        h11_max_incomplete_event_size=64 * 1024, backlog=2048)
    return uvicorn.Server(config)
