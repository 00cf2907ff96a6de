"""What strangers may send before they have said who they are."""
from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from apiserver.http.protocol import STALLED_SECONDS, HttpProtocol
from apiserver.http.released import FROM_CONNECTIONS, Heap
from kubeapi.requesthead import HEAD_SECONDS, MOST_BYTES
from kubeclient.listening import BoundedHttp as KubeletProtocol
from kubeclient.listening import PeerWebSocket
from tests.virtualtime import run

CHUNK = b"a" * (64 << 10)
START = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


class Connection(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent, self.is_closed = b"", False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        return

    resume_reading = pause_reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        return

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return


async def answering(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        continue
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def connected(kind: Callable[..., HttpToolsProtocol]) -> tuple[Connection, HttpToolsProtocol]:
    protocol = kind(uvicorn.Config(answering, ws="none", lifespan="off", log_level="critical", timeout_keep_alive=75), ServerState(), {}, asyncio.get_running_loop())
    connection = Connection()
    protocol.connection_made(connection)
    return connection, protocol


def endless(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(4 * MOST_BYTES // len(piece)):
        yield piece


@pytest.mark.parametrize("kind", [HttpProtocol, KubeletProtocol], ids=["API server", "kubelet"])
@pytest.mark.parametrize(("start", "piece"), [
    pytest.param(START + b"X: ", CHUNK, id="one header without end"), pytest.param(START, b"x: y\r\n" * 10_000, id="headers without end"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", CHUNK, id="a trailer without end"),
])
def test_what_never_becomes_a_request_is_cut_off(kind: Callable[..., HttpToolsProtocol], start: bytes, piece: bytes) -> None:
    """It was kept in memory for ever, for anybody who could connect."""
    async def send() -> int:
        connection, protocol = connected(kind)
        sent = 0
        for data in endless(start, piece):
            if connection.is_closed:
                break
            protocol.data_received(data)
            sent += len(data)
        protocol.connection_lost(None)
        return sent
    assert run(send()) <= MOST_BYTES + 2 * len(piece)


@pytest.mark.parametrize("kind", [HttpProtocol, KubeletProtocol], ids=["API server", "kubelet"])
@pytest.mark.parametrize("begun", [b"", START, START + b"\r\n" + START], ids=["nothing", "half a head", "half of the second head"])
def test_who_does_not_come_to_the_end_of_a_head_is_hung_up_on(kind: Callable[..., HttpToolsProtocol], begun: bytes) -> None:
    async def wait() -> tuple[bool, bool]:
        connection, protocol = connected(kind)
        if begun:
            protocol.data_received(begun)
        await asyncio.sleep(HEAD_SECONDS - 1)
        early = connection.is_closed
        await asyncio.sleep(2)
        protocol.connection_lost(None)
        return early, connection.is_closed
    assert run(wait()) == (False, True)


@pytest.mark.parametrize("kind", [HttpProtocol, KubeletProtocol], ids=["API server", "kubelet"])
def test_a_long_body_is_no_head(kind: Callable[..., HttpToolsProtocol]) -> None:
    async def send() -> bytes:
        connection, protocol = connected(kind)
        size = 4 * MOST_BYTES
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(CHUNK)):
            protocol.data_received(CHUNK)
            await asyncio.sleep(0)
        await asyncio.sleep(2 * HEAD_SECONDS // 60)
        protocol.connection_lost(None)
        return connection.sent
    assert b"200" in run(send()).partition(b"\r\n")[0]


class Watched:
    """An application that sends lines for as long as it is let."""

    def __init__(self) -> None:
        self.lines = 0
        self.has_hung_up = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["picokube.is-watch"] = True
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with asyncio.TaskGroup() as group:
            streaming = group.create_task(self._stream(send))
            while (await receive())["type"] != "http.disconnect":
                continue
            streaming.cancel()
        self.has_hung_up.set()

    async def _stream(self, send: Any) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"line\n", "more_body": True})
            self.lines += 1
            if self.lines % 10 == 0:
                await asyncio.sleep(0)


def watching(app: Watched) -> tuple[Connection, HttpProtocol]:
    config = uvicorn.Config(app, ws="none", lifespan="off", log_level="critical", timeout_keep_alive=75)
    protocol = HttpProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    connection = Connection()
    protocol.connection_made(connection)
    protocol.data_received(START + b"\r\n")
    return connection, protocol


def test_nothing_more_is_made_for_a_watcher_that_has_gone() -> None:
    """What it had not read of a list was still put together, line by line, for a thousand of them."""
    async def leave() -> int:
        app = Watched()
        _, protocol = watching(app)
        protocol.pause_writing()
        await asyncio.sleep(1)
        protocol.connection_lost(ConnectionResetError())
        await app.has_hung_up.wait()
        return app.lines
    assert run(leave()) <= 10


def test_a_watcher_that_takes_nothing_for_long_is_hung_up_on() -> None:
    async def stall() -> tuple[bool, bool]:
        app = Watched()
        connection, protocol = watching(app)
        protocol.pause_writing()
        await asyncio.sleep(STALLED_SECONDS - 1)
        early = connection.is_closed
        await asyncio.sleep(2)
        protocol.connection_lost(None)              # as the loop does for an aborted transport
        await app.has_hung_up.wait()
        return early, connection.is_closed
    assert run(stall()) == (False, True)


def test_a_lost_connection_is_freed_at_once() -> None:
    """Its buffers waited for the garbage collector."""
    async def lose() -> bool:
        app = Watched()
        connection, protocol = watching(app)
        await asyncio.sleep(0)
        protocol.connection_lost(None)
        await app.has_hung_up.wait()
        await asyncio.sleep(1)
        gone = weakref.ref(connection)
        del connection, protocol
        return gone() is None

    gc.disable()
    try:
        assert run(lose())
    finally:
        gc.enable()


@pytest.mark.parametrize(("closings", "given_back"), [(FROM_CONNECTIONS - 1, 0), (FROM_CONNECTIONS, 1), (1000, 1)])
def test_memory_is_given_back_once_for_many_connections(closings: int, given_back: int) -> None:
    class Counted(Heap):
        count = 0

        def give_back(self) -> None:
            self.count += 1
            super().give_back()

    async def close() -> int:
        heap = Counted()
        for _ in range(closings):
            heap.connection_closed(asyncio.get_running_loop())
        await asyncio.sleep(10)
        return heap.count
    assert run(close()) == given_back


@pytest.mark.parametrize("kind", [HttpProtocol, KubeletProtocol], ids=["API server", "kubelet"])
def test_a_websocket_s_handshake_that_is_no_text_ends_the_connection(kind: Callable[..., HttpToolsProtocol]) -> None:
    """Anybody could fill the log with the parser's traceback."""
    async def scenario() -> None:
        config = uvicorn.Config(answering, ws=PeerWebSocket, lifespan="off", log_level="critical", timeout_keep_alive=75)
        config.load()
        protocol, connection = kind(config, ServerState(), {}, asyncio.get_running_loop()), Connection()
        protocol.connection_made(connection)
        protocol.data_received(START + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: \xff\r\n\r\n")
        assert connection.is_closed
    run(scenario())


@pytest.mark.parametrize(("version", "is_chunked"), [("1.0", False), ("1.1", True)])
def test_chunks_are_for_who_knows_them(version: str, is_chunked: bool) -> None:
    async def in_parts(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    async def scenario() -> None:
        config = uvicorn.Config(in_parts, ws="none", lifespan="off", log_level="critical", timeout_keep_alive=75)
        config.load()
        protocol, connection = HttpProtocol(config, ServerState(), {}, asyncio.get_running_loop()), Connection()
        protocol.connection_made(connection)
        protocol.data_received(f"GET / HTTP/{version}\r\nHost: x\r\n\r\n".encode())
        await asyncio.sleep(1)
        assert (b"onetwo" in connection.sent, b"chunked" in connection.sent, connection.is_closed) == (not is_chunked, is_chunked, not is_chunked)
        protocol.connection_lost(None)
    run(scenario())
