"""gRPC calls to one server: a connection that is made when it is needed, and made anew when it was lost."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum
from urllib.parse import unquote, urlsplit

from kubeclient.http2 import Connection, Fields, Stream
from kubeclient.kubeconfig import ClientConfig
from kubeclient.transport import tls_context

CONNECT_SECONDS = 4.0


class Code(IntEnum):
    """gRPC's status codes, as far as they mean something here."""

    OK = 0
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12


class RpcError(Exception):
    """The server's answer is a status other than OK."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message or f"gRPC status {code}")
        self.code = code


class Channel:
    """`server`: unix:///path, http://host:port or https://host:port; PEM bytes for TLS. ValueError where it is none of these."""

    def __init__(self, server: str, ca: bytes | None = None, certificate: bytes | None = None, key: bytes | None = None) -> None:
        self._url = urlsplit(server)
        if self._url.scheme not in ("unix", "http", "https"):
            raise ValueError(f"server {server!r}: write unix:///path, http://host:port or https://host:port")
        self._tls = None
        if self._url.scheme == "https":
            self._tls = tls_context(ClientConfig(server, ca_data=ca or b"", client_certificate_data=certificate or b"", client_key_data=key or b""))
            self._tls.set_alpn_protocols(["h2"])
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def unary(self, path: str, message: bytes, seconds: float) -> bytes:
        """Raises RpcError; OSError (TimeoutError is one) where nothing is known of the outcome."""
        connection = self._connection
        if connection is None or not connection.is_usable:
            async with asyncio.timeout(seconds):
                connection = await self._connected()
        answer, trailers = await connection.unary(path, message, seconds)
        check(trailers)
        if answer is None:
            raise RpcError(Code.UNKNOWN, "an answer without a message")
        return answer

    @asynccontextmanager
    async def stream(self, path: str, metadata: Sequence[tuple[str, str]] = ()) -> AsyncIterator[Stream]:
        """Raises OSError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await self._connected()
        stream = connection.open(path, metadata)
        try:
            yield stream
        finally:
            stream.cancel()

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    async def _connected(self) -> Connection:
        """Callers that come meanwhile wait for the same connection."""
        async with self._connecting:
            if self._connection is None or not self._connection.is_usable:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> Connection:
        loop, url = asyncio.get_running_loop(), self._url
        if url.scheme == "unix":                    # some (etcd) refuse an :authority that is a path
            _, connection = await loop.create_unix_connection(lambda: Connection("localhost", "http", loop), url.path)
            return connection
        _, connection = await loop.create_connection(
            lambda: Connection(url.netloc, url.scheme, loop), url.hostname or "", url.port or 2379, ssl=self._tls)
        return connection


def check(trailers: Fields) -> None:
    """Raises RpcError unless they say that all went well."""
    status = trailers.get(b"grpc-status")
    if status is None or not status.isdigit():
        raise RpcError(Code.UNKNOWN, f"no gRPC server: HTTP status {trailers.get(b':status', b'?').decode()}")
    if status != b"0":
        raise RpcError(int(status), unquote(trailers.get(b"grpc-message", b"").decode("ascii", "replace")))
