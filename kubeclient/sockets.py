"""HTTP/1.1 over a pool of connections that are kept alive: as much of it as clients of an API server need.

A general library costs a request three times the CPU. A connection serves one request at a time; what nobody reads stops the
reading from the socket. A connection that the server closed while it lay idle is found out before anything is sent, or, where the two
cross, by a GET that is sent once more; of any other request that breaks nothing is known (TransportError).
"""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httptools

from kubeclient.transport import Request, Response, TransportError, tls_context

if TYPE_CHECKING:
    from kubeclient.kubeconfig import ClientConfig

CONNECT_SECONDS = 10.0
POOL_SIZE = 256                    # watches hold a connection each
IDLE_SECONDS = 60.0                # less than the server's 75
MOST_UNREAD = 256 * 1024


class Connection(asyncio.Protocol):
    """`exchange` is what it is busy with; it is closed for good when that does not end well."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.is_open = True
        self.idle_since = 0.0
        self.exchange: _Exchange | None = None
        self._parser: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def begin(self, raw: bytes) -> _Exchange:
        self.exchange = _Exchange(self)
        self._parser = httptools.HttpResponseParser(self)
        self.transport.write(raw)
        return self.exchange

    def close(self) -> None:
        self.is_open = False
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:           # nobody asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            self.exchange.fail(f"the answer is no HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self.exchange is not None:
            self.exchange.lost(str(error) if error else "the server closed it")

    # --- httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.exchange is not None:
            self.exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.exchange is not None:
            self.exchange.start(self._parser.get_status_code())

    def on_body(self, body: bytes) -> None:
        if self.exchange is not None:
            self.exchange.data(body)

    def on_message_complete(self) -> None:
        if self.exchange is not None:
            if not self._parser.should_keep_alive():
                self.is_open = False
            self.exchange.end()


class _Exchange:
    """One request's answer while it comes in."""

    __slots__ = ("_chunks", "_connection", "_error", "_more", "_unread", "headers", "is_complete", "is_paused", "started", "status")

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_complete = False
        self.started: asyncio.Future[None] = connection.loop.create_future()
        self._connection = connection
        self._chunks: list[bytes] = []
        self._unread = 0
        self.is_paused = False
        self._more: asyncio.Future[None] | None = None
        self._error: TransportError | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """What has come in so far, each time. Raises TransportError."""
        while True:
            if self._chunks:
                chunk = b"".join(self._chunks)
                self._chunks.clear()
                self._unread = 0
                self._pause(False)
                yield chunk
                continue
            if self._error is not None:
                raise self._error
            if self.is_complete:
                return
            self._more = self._connection.loop.create_future()
            await self._more

    # --- for the connection

    def start(self, status: int) -> None:
        self.status = status
        if status >= 200 and not self.started.done():
            self.started.set_result(None)

    def data(self, body: bytes) -> None:
        self._chunks.append(body)
        self._unread += len(body)
        self._pause(self._unread > MOST_UNREAD)
        self._wake()

    def end(self) -> None:
        if self.status >= 200:                  # an interim answer is none
            self.is_complete = True
            self._wake()

    def lost(self, why: str) -> None:
        """An answer of no stated length ends with its connection; any other one is cut off."""
        if self.status and "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            self.end()
        elif not self.is_complete:
            self.fail(why)

    def fail(self, why: str) -> None:
        self._error = TransportError(f"the connection broke: {why}")
        if not self.started.done():
            self.started.set_result(None)
        self._wake()

    @property
    def error(self) -> TransportError | None:
        return self._error

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def _pause(self, paused: bool) -> None:
        if paused != self.is_paused and not self._connection.transport.is_closing():
            self.is_paused = paused
            (self._connection.transport.pause_reading if paused else self._connection.transport.resume_reading)()


class SocketTransport:
    """Deadlines of whole requests are the Client's; connecting has its own."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._url = urlsplit(config.server)
        self._base = self._url.path.rstrip("/")
        self._places = asyncio.Semaphore(POOL_SIZE)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None
        self._head = f"Host: {self._url.netloc}\r\n" + (f"Authorization: Bearer {config.token}\r\n" if config.token else "")

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Response]:
        async with self._places:
            connection, exchange = await self._begun(request)
            try:
                yield exchange
            finally:
                self._busy.discard(connection)
                connection.exchange = None
                if connection.is_open and exchange.is_complete and not exchange.is_paused:
                    connection.idle_since = connection.loop.time()
                    self._idle.append(connection)
                else:
                    connection.close()

    async def _begun(self, request: Request) -> tuple[Connection, _Exchange]:
        """With the head of the answer there. Raises TransportError."""
        raw = self._encoded(request)
        while True:
            connection = self._kept_alive()
            was_idle = connection is not None
            connection = connection or await self._connect(request.method)
            self._busy.add(connection)
            exchange = connection.begin(raw)
            try:
                await exchange.started
            except BaseException:
                self._discard(connection)
                raise
            if exchange.status:
                return connection, exchange
            self._discard(connection)
            if not (was_idle and request.method == "GET"):
                raise TransportError(f"{request.method} {self._config.server}: {exchange.error}")

    def _kept_alive(self) -> Connection | None:
        """The one used last: the others grow old and are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.loop.time() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self, method: str) -> Connection:
        loop, url = asyncio.get_running_loop(), self._url
        if url.scheme == "https" and self._tls is None:
            self._tls = tls_context(self._config)
        name = self._config.tls_server_name or None if self._tls is not None else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), url.hostname or "", url.port or (443 if self._tls else 80), ssl=self._tls, server_hostname=name)
        except OSError as error:                # TimeoutError is one, and SSLError
            raise TransportError(f"{method} {self._config.server}: {error or 'no connection in time'}") from error
        return connection

    def _discard(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.exchange = None
        connection.close()

    def _encoded(self, request: Request) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
        length = f"Content-Length: {len(request.body)}\r\n" if request.body or request.method in ("POST", "PUT", "PATCH") else ""
        head = f"{request.method} {self._base}{request.path} HTTP/1.1\r\n{self._head}{lines}{length}"
        if head.count("\n") != head.count("\r\n") or head.count("\n") != 2 + bool(self._config.token) + len(request.headers) + bool(length):
            raise ValueError("a header or the path holds a line break")
        return head.encode("latin-1") + b"\r\n" + request.body

    async def aclose(self) -> None:
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()

