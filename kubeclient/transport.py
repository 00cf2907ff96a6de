"""The seam under the client: a request becomes a status, headers and a stream of bytes.

Two transports: over sockets (`kubeclient/sockets.py`: a keep-alive pool, TLS verified, client certificates, bearer token), and an
in-process ASGI one that streams, for simulations without sockets. A response lives inside `async with`.
"""
from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

if TYPE_CHECKING:
    from kubeclient.kubeconfig import ClientConfig

AsgiApp = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[MutableMapping[str, Any]]],
                    Callable[[MutableMapping[str, Any]], Awaitable[None]]], Awaitable[None]]


class TransportError(ConnectionError):
    """The server was not reached, or the connection broke: nothing is known of the request's outcome."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str                      # with the query, percent-encoded
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Response(Protocol):
    """`headers` has lower-case names."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def chunks(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    def open(self, request: Request) -> AbstractAsyncContextManager[Response]: ...
    async def aclose(self) -> None: ...


async def read_all(response: Response) -> bytes:
    return b"".join([chunk async for chunk in response.chunks()])


def tls_context(config: ClientConfig) -> ssl.SSLContext:
    """Verifies the server by the config's CA (else the system's) and shows the client certificate if there is one."""
    context = ssl.create_default_context(cadata=config.ca_data.decode() if config.ca_data else None)
    if config.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.client_certificate_data:
        _load_certificate(context, config.client_certificate_data, config.client_key_data)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """ssl reads certificates from files only: give it one that exists in memory alone."""
    memory = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(memory, certificate.rstrip() + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)


class _AsgiExchange:
    """One request to an ASGI application; the application runs in a task that this exchange owns."""

    def __init__(self, app: AsgiApp, request: Request, client: str) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._app = app
        self._request = request
        self._client = client
        self._started = asyncio.Event()
        self._gone = asyncio.Event()
        self._body_given = False
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=64)
        self._group = asyncio.TaskGroup()

    def _scope(self) -> MutableMapping[str, Any]:
        path, _, query = self._request.path.partition("?")
        headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in self._request.headers.items()]
        headers.append((b"host", b"kubernetes"))
        return {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
                "method": self._request.method, "scheme": "http", "path": unquote(path), "raw_path": path.encode(),
                "query_string": query.encode(), "root_path": "", "headers": headers,
                "client": (self._client, 0), "server": ("kubernetes", 80), "state": {}}

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._body_given:
            self._body_given = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {key.decode().lower(): value.decode("latin-1") for key, value in message.get("headers", ())}
            self._started.set()
        elif message["type"] == "http.response.body":
            if chunk := message.get("body", b""):
                await self._chunks.put(bytes(chunk))
            if not message.get("more_body", False):
                await self._chunks.put(None)

    async def _run(self) -> None:
        try:
            await self._app(self._scope(), self._receive, self._send)
        finally:
            self._started.set()
            if not self._gone.is_set():
                await self._chunks.put(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def __aenter__(self) -> _AsgiExchange:
        await self._group.__aenter__()
        self._task = self._group.create_task(self._run())
        await self._started.wait()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._gone.set()
        self._task.cancel()
        await self._group.__aexit__(None, None, None)


class AsgiTransport:
    """Requests to an application in the same process and loop; streams, so watches work."""

    def __init__(self, app: AsgiApp, client: str = "127.0.0.1", headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._client = client
        self._headers = dict(headers or {})

    def open(self, request: Request) -> AbstractAsyncContextManager[Response]:
        whole = Request(request.method, request.path, {**self._headers, **request.headers}, request.body)
        return _AsgiExchange(self._app, whole, self._client)

    async def aclose(self) -> None:
        """Nothing is held open."""
