"""What strangers may send before they have said who they are."""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from apiserver.http.protocol import HttpProtocol
from kubeapi.requesthead import HEAD_SECONDS, MOST_BYTES
from kubeclient.listening import BoundedHttp as KubeletProtocol
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
