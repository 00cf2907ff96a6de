"""The pool of connections, against a server that does what each test wants."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kubeclient.kubeconfig import ClientConfig
from kubeclient.sockets import MOST_UNREAD, SocketTransport
from kubeclient.transport import Request, TransportError, read_all

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[int, Reader, Writer], Awaitable[None]]        # the first argument counts connections


def play(serve: Serve, scene: Callable[[SocketTransport], Awaitable[None]]) -> int:
    """How many connections the scene took."""
    count = 0

    async def served(reader: Reader, writer: Writer) -> None:
        nonlocal count
        count += 1
        try:
            await serve(count, reader, writer)
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        transport = SocketTransport(ClientConfig(f"http://{host}:{port}/base"))
        try:
            async with asyncio.timeout(20):
                await scene(transport)
        finally:
            await transport.aclose()
            server.close()
            await server.wait_closed()

    asyncio.run(main())
    return count


async def got(transport: SocketTransport, method: str = "GET", body: bytes = b"") -> bytes:
    async with transport.open(Request(method, "/x", {"A": "b"}, body)) as response:
        return await read_all(response)


async def answer_all(number: int, reader: Reader, writer: Writer) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(OK)
        if reader.at_eof():
            return


def forgiving(serve: Serve) -> Serve:
    async def served(number: int, reader: Reader, writer: Writer) -> None:
        try:
            await serve(number, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
    return served


def test_requests_one_after_the_other_share_a_connection() -> None:
    async def scene(transport: SocketTransport) -> None:
        assert [await got(transport) for _ in range(3)] == [b"ok"] * 3
    assert play(forgiving(answer_all), scene) == 1


def test_requests_at_once_have_one_each() -> None:
    async def scene(transport: SocketTransport) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(got(transport))
    assert play(forgiving(answer_all), scene) == 3


def test_what_is_sent() -> None:
    heads: list[bytes] = []

    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(4))
        writer.write(OK)

    async def scene(transport: SocketTransport) -> None:
        await got(transport, "POST", b"body")
    play(serve, scene)
    line, host, rest = heads[0].split(b"\r\n", 2)
    assert (line, host[:15], rest) == (b"POST /base/x HTTP/1.1", b"Host: 127.0.0.1", b"A: b\r\nContent-Length: 4\r\n\r\nbody")


@pytest.mark.parametrize("request_", [
    pytest.param(Request("GET", "/x", {"A": "b\r\nC: d"}), id="in a header"), pytest.param(Request("GET", "/x HTTP/1.1\r\nA: b", {}), id="in the path"),
    pytest.param(Request("GET", "/x", {"A": "b\nC: d"}), id="a bare one")])
def test_nobody_can_slip_in_a_line(request_: Request) -> None:
    async def scene(transport: SocketTransport) -> None:
        with pytest.raises(ValueError, match="line break"):
            async with transport.open(request_):
                pass
    assert play(forgiving(answer_all), scene) == 0


async def close_after_one(number: int, reader: Reader, writer: Writer) -> None:
    """Says nothing of it: as a server whose keep-alive has run out just then."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await reader.readuntil(b"\r\n\r\n")
    if number > 1:
        writer.write(OK)


def test_a_get_that_meets_a_connection_being_closed_is_sent_again() -> None:
    async def scene(transport: SocketTransport) -> None:
        assert [await got(transport) for _ in range(3)] == [b"ok"] * 3
    assert play(forgiving(close_after_one), scene) == 2


def test_a_write_is_never_sent_twice() -> None:
    async def scene(transport: SocketTransport) -> None:
        await got(transport)
        with pytest.raises(TransportError):
            await got(transport, "POST")
    assert play(forgiving(close_after_one), scene) == 1


def test_a_connection_whose_answer_was_not_read_is_not_used_again() -> None:
    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha" if number == 1 else OK)

    async def scene(transport: SocketTransport) -> None:
        async with transport.open(Request("GET", "/x")) as response:
            assert response.status == 200
        assert await got(transport) == b"ok"
    assert play(forgiving(serve), scene) == 2


@pytest.mark.parametrize("answer", [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", id="a body cut short"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", id="chunks without an end"),
    pytest.param(b"HTTP/1.1 200 O", id="a head cut short"), pytest.param(b"SSH-2.0\r\n\r\n", id="another protocol"), pytest.param(b"", id="nothing"),
])
def test_half_an_answer_is_an_error(answer: bytes) -> None:
    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async def scene(transport: SocketTransport) -> None:
        with pytest.raises(TransportError):
            await got(transport)
    play(serve, scene)


def test_an_answer_of_no_stated_length_ends_with_the_connection() -> None:
    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    async def scene(transport: SocketTransport) -> None:
        assert await got(transport) == b"all of it"
    play(serve, scene)


def test_an_interim_answer_is_none() -> None:
    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)

    async def scene(transport: SocketTransport) -> None:
        assert await got(transport) == b"ok"
    play(serve, scene)


def test_what_nobody_reads_is_not_taken_from_the_socket() -> None:
    """And all of it comes once somebody does."""
    size = 64 * MOST_UNREAD
    written = 0

    async def serve(number: int, reader: Reader, writer: Writer) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(64):
            writer.write(b"x" * MOST_UNREAD)
            await writer.drain()
            written += MOST_UNREAD

    async def scene(transport: SocketTransport) -> None:
        async with transport.open(Request("GET", "/x")) as response:
            before = -1
            while written != before:                # until the server gets no further
                before = written
                for _ in range(50):
                    await asyncio.sleep(0)
            assert written < size
            assert len(await read_all(response)) == size
    play(serve, scene)
