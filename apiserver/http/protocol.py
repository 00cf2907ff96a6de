"""uvicorn's protocol with what it lacks: a way to take a connection over after an upgrade, and answers in one piece. Over TLS every
write is a record and a system call: head and body leave together."""
from __future__ import annotations

import asyncio
import urllib.parse
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from apiserver.http.released import Heap
from kubeclient.listening import BoundedHttp

# A watcher who has taken nothing for so long is hung up on; one that is merely slow takes something.
STALLED_SECONDS = 60.0
_heap = Heap()


class HttpProtocol(BoundedHttp):
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        _heap.connection_closed(self.loop)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["hand-over"] = self._hand_over

    def on_headers_complete(self) -> None:
        """uvicorn's own, with an Answer for its cycle and without what is not used here."""
        self.head_is_whole()
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["method"], scope["http_version"] = parser.get_method().decode("ascii"), version
        if parser.should_upgrade() and self._should_upgrade():
            return
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        scope["raw_path"], scope["query_string"] = url.path, url.query or b""
        before = self.cycle
        self.cycle = Answer(
            scope, self.transport, self.flow, self.logger, self.access_logger, False, self.server_state.default_headers, asyncio.Event(),
            self.expect_100_continue, version != "1.0" and parser.should_keep_alive(), self.on_response_complete)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:                                       # a pipelined request waits for its turn
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

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


class Answer(RequestResponseCycle):
    """A head that tells how long the body is waits for its body; any other leaves at once, and chunks follow."""

    _head = b""
    _is_plain = False

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self._drained()
        if self.disconnected:
            await asyncio.sleep(0)                  # whoever waits for the hanging up hears of it before more is made for nobody
            return
        if not self.response_started:
            self._start(message["status"], message.get("headers", ()))
        elif not self.response_complete:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError("the answer was already complete")

    async def _drained(self) -> None:
        """Returns when the client has read on, or is gone."""
        try:
            async with asyncio.timeout(STALLED_SECONDS if "picokube.is-watch" in self.scope else None):
                await self.flow.drain()
        except TimeoutError:
            self.transport.abort()
            await self.flow.drain()                 # until the loop has told that it is lost

    def _start(self, status: int, headers: Any) -> None:
        self.response_started, self.waiting_for_100_continue, self.chunked_encoding = True, False, True
        lines = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            if b"\n" in value or b"\r" in value:
                raise RuntimeError(f"the header {name!r} holds a line break")
            lines += (name, b": ", value, b"\r\n")
            if name == b"content-length":
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
        if self.scope["method"] == "HEAD" or status in (204, 304):
            self.expected_content_length, self.chunked_encoding = 0, False
        if self.chunked_encoding and self.scope["http_version"] == "1.0":       # knows no chunks: the connection's end is the body's
            self.chunked_encoding, self._is_plain = False, True
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        if self.chunked_encoding or self._is_plain:
            self.transport.write(head)
        else:
            self._head = head

    def _send_body(self, body: bytes, more_body: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        if self._is_plain:
            self.transport.write(body)
        elif not self.chunked_encoding:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more_body):
                raise RuntimeError("the body is not as long as its head says")
            self.transport.write(self._head + body)
            self._head = b""
        elif body:
            self.transport.write(b"%x\r\n%b\r\n%b" % (len(body), body, b"" if more_body else b"0\r\n\r\n"))
        elif not more_body:
            self.transport.write(b"0\r\n\r\n")
        if not more_body:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()
