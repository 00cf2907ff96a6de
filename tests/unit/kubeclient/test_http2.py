"""The connection to etcd against a peer that does what each test wants: what is sent, what arrives, and how calls end."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeclient.channel import RpcError, check
from kubeclient.http2 import PREFACE, WINDOW, Connection, ConnectionLost, Frame
from tests.virtualtime import run

OK = ((b"grpc-status", b"0"), (b"grpc-message", b""))
PATH = "/etcdserverpb.KV/Range"
Sent = tuple[int, int, int, bytes]          # type, flags, stream, payload


class Peer(asyncio.Transport):
    """The transport under a connection, and the server behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_gone = False
        self.connection = Connection("localhost", "http", asyncio.get_running_loop())
        self.connection.connection_made(self)

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_gone

    def close(self) -> None:
        self.is_gone = True

    abort = close

    async def sent(self, kind: Frame | None = None) -> list[Sent]:
        """The frames that came since the last look."""
        await asyncio.sleep(0)
        raw, self.written = self.written.removeprefix(PREFACE), b""
        found: list[Sent] = []
        while raw:
            size = int.from_bytes(raw[:3], "big")
            found.append((raw[3], raw[4], int.from_bytes(raw[5:9], "big"), raw[9:9 + size]))
            raw = raw[9 + size:]
        return [one for one in found if kind is None or one[0] == kind]

    def says(self, kind: Frame, number: int, payload: bytes, flags: int = 0) -> None:
        self.connection.data_received(frame(kind, number, payload, flags))

    def sets(self, name: int, value: int) -> None:
        self.says(Frame.SETTINGS, 0, name.to_bytes(2, "big") + value.to_bytes(4, "big"))


def frame(kind: Frame, number: int, payload: bytes, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big") + payload


def message(body: bytes) -> bytes:
    return b"\0" + len(body).to_bytes(4, "big") + body


def an_answer(number: int, body: bytes, trailers: tuple[tuple[bytes, bytes], ...] = OK, frame_size: int = 16384) -> bytes:
    encoder, whole = Encoder(), message(body)
    parts = [frame(Frame.DATA, number, whole[at:at + frame_size]) for at in range(0, len(whole), frame_size)]
    return b"".join([frame(Frame.HEADERS, number, encoder.encode([(b":status", b"200")]), 4), *parts,
                     frame(Frame.HEADERS, number, encoder.encode(trailers), 5)])


def play(scene: Callable[[Peer], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene(Peer())

    run(main())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 200), st.integers(1, 50))
def test_answers_arrive_however_they_are_cut(bodies: list[bytes], piece: int, frame_size: int) -> None:
    async def scene(peer: Peer) -> None:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(peer.connection.unary(PATH, b"?", 1)) for _ in bodies]
            await asyncio.sleep(0)
            raw = b"".join(an_answer(2 * index + 1, body, frame_size=frame_size) for index, body in enumerate(bodies))
            for at in range(0, len(raw), piece):
                peer.connection.data_received(raw[at:at + piece])
        assert [call.result() for call in calls] == [(body, dict(OK)) for body in bodies]
    play(scene)


def test_padding_and_continued_headers_are_understood() -> None:
    async def scene(peer: Peer) -> None:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(peer.connection.unary(PATH, b"?", 1))
            await asyncio.sleep(0)
            peer.says(Frame.DATA, 1, b"\x03" + message(b"padded") + b"\0\0\0", flags=8)
            trailers = Encoder().encode(OK)
            peer.says(Frame.HEADERS, 1, trailers[:4], flags=1)
            peer.says(Frame.CONTINUATION, 1, trailers[4:], flags=4)
        assert call.result() == (b"padded", dict(OK))
    play(scene)


def test_one_turn_of_the_loop_is_one_write() -> None:
    async def scene(peer: Peer) -> None:
        await peer.sent()
        streams = [peer.connection.open(PATH) for _ in range(3)]
        for stream in streams:
            stream.send(b"x", is_last=True)
        assert not peer.written
        assert [(kind, number) for kind, _, number, _ in await peer.sent()] == [(1, 1), (0, 1), (1, 3), (0, 3), (1, 5), (0, 5)]
    play(scene)


def test_no_more_is_sent_than_the_peer_has_room_for() -> None:
    async def scene(peer: Peer) -> None:
        large = peer.connection.open(PATH)
        large.send(b"x" * 100_000, is_last=True)
        parts = await peer.sent(Frame.DATA)
        assert sum(len(payload) for *_, payload in parts) == 65535
        assert max(len(payload) for *_, payload in parts) <= 16384
        assert not any(flags for _, flags, _, _ in parts)
        peer.says(Frame.WINDOW_UPDATE, 0, (1 << 20).to_bytes(4, "big"))
        assert await peer.sent(Frame.DATA) == []                                     # the stream's own window is still shut
        peer.says(Frame.WINDOW_UPDATE, 1, (1 << 20).to_bytes(4, "big"))
        rest = await peer.sent(Frame.DATA)
        assert sum(len(payload) for *_, payload in [*parts, *rest]) == 100_005
        assert [flags for _, flags, _, _ in rest][-1] == 1                          # the end of the stream, once
    play(scene)


def test_a_window_that_the_peer_changes_counts_for_open_streams() -> None:
    async def scene(peer: Peer) -> None:
        peer.says(Frame.WINDOW_UPDATE, 0, (1 << 20).to_bytes(4, "big"))
        stream = peer.connection.open(PATH)
        stream.send(b"x" * 100_000)
        await peer.sent()
        peer.sets(4, 100_000)
        assert sum(len(payload) for *_, payload in await peer.sent(Frame.DATA)) == 100_000 - 65535
    play(scene)


def test_no_more_calls_are_open_than_the_peer_allows() -> None:
    async def scene(peer: Peer) -> None:
        peer.sets(3, 1)
        first, second = peer.connection.open(PATH), peer.connection.open(PATH)
        first.send(b"1", is_last=True)
        second.send(b"2", is_last=True)
        assert len(await peer.sent(Frame.HEADERS)) == 1
        peer.connection.data_received(an_answer(1, b"one"))
        assert [number for _, _, number, _ in await peer.sent(Frame.HEADERS)] == [3]
    play(scene)


def test_what_nobody_reads_is_not_asked_for() -> None:
    """The peer may have a window's worth on its way, and gets more room only when a reader takes what has come."""
    async def scene(peer: Peer) -> None:
        stream = peer.connection.open(PATH)
        stream.send(b"?")
        await peer.sent()
        part = b"x" * (1 << 20)
        for _ in range(2 * WINDOW // len(part)):
            peer.says(Frame.DATA, 1, message(part))
        credited = sum(int.from_bytes(payload, "big") for _, _, number, payload in await peer.sent(Frame.WINDOW_UPDATE) if number)
        assert credited < 2 * WINDOW
        for _ in range(2 * WINDOW // len(part)):
            assert await stream.receive(100) == part
        credited += sum(int.from_bytes(payload, "big") for _, _, number, payload in await peer.sent(Frame.WINDOW_UPDATE) if number)
        assert credited > WINDOW
    play(scene)


def test_a_message_larger_than_the_window_arrives() -> None:
    async def scene(peer: Peer) -> None:
        stream = peer.connection.open(PATH)
        stream.send(b"?")
        body = b"x" * (2 * WINDOW)
        raw, room = message(body), WINDOW
        while raw:
            part, raw = raw[:min(room, 1 << 20)], raw[min(room, 1 << 20):]
            assert part
            peer.says(Frame.DATA, 1, part)
            room -= len(part)
            room += sum(int.from_bytes(payload, "big") for _, _, number, payload in await peer.sent(Frame.WINDOW_UPDATE) if number)
        assert await stream.receive(100) == body
    play(scene)


@pytest.mark.parametrize("happens", [
    pytest.param(lambda peer: peer.says(Frame.RST_STREAM, 1, bytes(4)), id="the stream is reset"),
    pytest.param(lambda peer: peer.says(Frame.GOAWAY, 0, bytes(8)), id="the peer goes away and has not begun the call"),
    pytest.param(lambda peer: peer.connection.connection_lost(None), id="the connection is lost"),
    pytest.param(lambda peer: peer.connection.close(), id="the connection is closed"),
    pytest.param(lambda peer: peer.says(Frame.DATA, 1, b"", flags=1), id="the stream ends without a status"),
    pytest.param(lambda peer: peer.says(Frame.HEADERS, 1, b"\xff\xff\xff", flags=5), id="the peer talks nonsense"),
])
def test_a_call_fails_when(happens: Callable[[Peer], None]) -> None:
    async def scene(peer: Peer) -> None:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(failure(peer.connection.unary(PATH, b"?", 100)))
            await asyncio.sleep(0)
            happens(peer)
        assert isinstance(call.result(), ConnectionLost)
    play(scene)


def test_a_call_has_a_deadline_and_the_peer_is_told() -> None:
    async def scene(peer: Peer) -> None:
        assert isinstance(await failure(peer.connection.unary(PATH, b"?", 2)), TimeoutError)
        assert [number for _, _, number, _ in await peer.sent(Frame.RST_STREAM)] == [1]
    play(scene)


def test_a_stream_that_brings_nothing_in_time_is_over() -> None:
    async def scene(peer: Peer) -> None:
        stream = peer.connection.open(PATH)
        stream.send(b"?")
        peer.says(Frame.DATA, 1, message(b"one"))
        assert await stream.receive(2) == b"one"
        assert isinstance(await failure(stream.receive(2)), TimeoutError)
        stream.cancel()
        assert [number for _, _, number, _ in await peer.sent(Frame.RST_STREAM)] == [1]
    play(scene)


def test_a_peer_that_goes_away_finishes_what_it_has_begun() -> None:
    async def scene(peer: Peer) -> None:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(peer.connection.unary(PATH, b"?", 1))
            await asyncio.sleep(0)
            peer.says(Frame.GOAWAY, 0, (1).to_bytes(4, "big") + bytes(4))
            assert not peer.connection.is_usable
            peer.connection.data_received(an_answer(1, b"one"))
        assert call.result()[0] == b"one"
        assert peer.is_gone
    play(scene)


def test_a_quiet_connection_is_asked_and_given_up() -> None:
    async def scene(peer: Peer) -> None:
        stream = peer.connection.open(PATH)
        stream.send(b"?")
        await peer.sent()
        await asyncio.sleep(11)
        assert len(await peer.sent(Frame.PING)) == 1
        peer.says(Frame.PING, 0, bytes(8), flags=1)
        await asyncio.sleep(12)
        assert peer.connection.is_usable
        await asyncio.sleep(20)
        assert not peer.connection.is_usable
        assert isinstance(await failure(stream.receive(100)), ConnectionLost)
    play(scene)


def test_a_ping_is_answered() -> None:
    async def scene(peer: Peer) -> None:
        await peer.sent()
        peer.says(Frame.PING, 0, b"12345678")
        assert await peer.sent() == [(Frame.PING, 1, 0, b"12345678")]
    play(scene)


def test_a_status_other_than_ok_is_raised_with_its_words() -> None:
    with pytest.raises(RpcError, match="no room: 100 %") as error:
        check({b"grpc-status": b"8", b"grpc-message": b"no room: 100 %25"})
    assert error.value.code == 8


def test_who_is_no_grpc_server_is_told_apart() -> None:
    with pytest.raises(RpcError, match="HTTP status 404"):
        check({b":status": b"404"})


async def failure(call: Awaitable[object]) -> BaseException:
    try:
        await call
    except (OSError, RpcError) as error:
        return error
    raise AssertionError("it did not fail")
