"""The scheduler's own small server: /healthz, /livez, /readyz and /debug/attempts, for whoever can reach its address.

It listens where `--debug-address` says: unix:PATH (only its owner can reach it) or HOST:PORT. One GET a connection, nothing else.
"""
from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import orjson

from scheduler.attempts import Attempts

REQUEST_SECONDS, LARGEST_HEAD, AT_ONCE = 10.0, 16384, 16
Query = Mapping[str, list[str]]
Answer = tuple[HTTPStatus, str, bytes]
Page = Callable[[Query], bytes]


@asynccontextmanager
async def debug_server(address: str, attempts: Attempts) -> AsyncIterator[None]:
    """Serves while the block runs; without an address it does nothing. Raises OSError where it cannot listen."""
    if not address:
        yield
        return
    pages: Mapping[str, tuple[str, Page]] = {
        **{path: ("text/plain", lambda query: b"ok") for path in ("/healthz", "/livez", "/readyz")},
        "/debug/attempts": ("application/json", lambda query: _attempts(attempts, query)),
    }
    places = asyncio.Semaphore(AT_ONCE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with places, asyncio.timeout(REQUEST_SECONDS):
                await _serve_one(pages, reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass                                # whoever asked has gone, or never asked
        finally:
            writer.close()

    async with await _listen(address, serve):
        yield


def _attempts(attempts: Attempts, query: Query) -> bytes:
    """Indented where it is of one pod: somebody reads it."""
    (pod,) = query.get("pod", [""])[:1]
    return orjson.dumps(attempts.to_wire(pod), option=orjson.OPT_INDENT_2 if pod else 0)


async def _listen(address: str, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> asyncio.Server:
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        with suppress(FileNotFoundError):
            os.unlink(path)                     # of one that was killed
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(serve, path, limit=LARGEST_HEAD)
        finally:
            os.umask(before)
    host, _, port = address.rpartition(":")
    return await asyncio.start_server(serve, host.strip("[]"), int(port), limit=LARGEST_HEAD)


async def _serve_one(pages: Mapping[str, tuple[str, Page]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    status, kind, body = _answer(pages, *line[:2]) if len(line) == 3 else (HTTPStatus.BAD_REQUEST, "text/plain", b"bad request\n")
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def _answer(pages: Mapping[str, tuple[str, Page]], method: str, target: str) -> Answer:
    if method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET is served\n"
    url = urlsplit(target)
    if (page := pages.get(url.path)) is None:
        return HTTPStatus.NOT_FOUND, "text/plain", ("404: there are " + ", ".join(sorted(pages)) + "\n").encode()
    return HTTPStatus.OK, page[0], page[1](parse_qs(url.query))
