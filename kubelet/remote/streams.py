"""The streaming side of the CRI: exec, attach and port-forward go over SPDY to the URL that a runtime has answered."""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from kubeapi import spdy
from kubelet.cri import CriError, ExecStreams
from kubelet.remote.codec import Document

CONNECT_SECONDS, MOST_HEAD, CHUNK = 30.0, 16 << 10, 32 << 10
WAITING = 64                          # frames of one stream, read ahead of whoever takes them
EXEC_PROTOCOL, PORTS_PROTOCOL = "v4.channel.k8s.io", "portforward.k8s.io"


class Stream:
    def __init__(self, connection: SpdyClient, number: int) -> None:
        self._connection, self._number = connection, number
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._has_ended = False

    async def read(self) -> bytes:
        """b"" at the end."""
        data = b"" if self._has_ended else await self.waiting.get()
        self._has_ended = not data
        return data

    async def read_all(self) -> bytes:
        found = b""
        while data := await self.read():
            found += data
        return found

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            await self._connection.send(spdy.data_frame(self._number, data[start:start + CHUNK]))

    async def finish(self) -> None:
        await self._connection.send(spdy.data_frame(self._number, b"", is_last=True))


class SpdyClient:
    """A connection whose streams we open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._framing = spdy.Framing()
        self._streams: dict[int, Stream] = {}
        self._next = 1

    async def open(self, headers: Mapping[str, str], *, is_last: bool = False) -> Stream:
        number, self._next = self._next, self._next + 2
        stream = self._streams[number] = Stream(self, number)
        await self.send(self._framing.opened(number, headers, is_last=is_last))
        return stream

    async def send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)
            await self._writer.drain()

    async def run(self) -> None:
        """Reads until the other side leaves; then all streams are at their end."""
        try:
            while data := await self._reader.read(CHUNK):
                for frame in self._framing.feed(data):
                    await self._take(frame)
        except (ConnectionError, spdy.SpdyError):
            pass
        for stream in self._streams.values():
            await stream.waiting.put(b"")

    async def _take(self, frame: spdy.Frame) -> None:
        match frame:
            case spdy.Data() if stream := self._streams.get(frame.stream):
                if frame.data:
                    await stream.waiting.put(frame.data)
                if frame.is_last:
                    await stream.waiting.put(b"")
            case spdy.Reset() if stream := self._streams.get(frame.stream):
                await stream.waiting.put(b"")
            case spdy.Ping(): await self.send(spdy.pong(frame))


@asynccontextmanager
async def connected(url: str, protocol: str, reason: str) -> AsyncIterator[SpdyClient]:
    """Raises CriError with that reason."""
    where = urlsplit(url)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=MOST_HEAD)
    except OSError as error:
        raise CriError(reason, f"{where.netloc}: {error.strerror or error}") from error
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            writer.write(f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                         f"X-Stream-Protocol-Version: {protocol}\r\nContent-Length: 0\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if not head.startswith("HTTP/1.1 101 "):
            raise CriError(reason, f"{where.netloc} does not speak SPDY: {head.splitlines()[0]}")
        yield SpdyClient(reader, writer)
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise CriError(reason, f"{where.netloc}: {error}") from error
    finally:
        writer.close()


async def run_command(url: str, streams: ExecStreams, *, stdin: bool, tty: bool, reason: str) -> int:
    """Moves bytes until the other side has said how it ended: the exit code. Raises CriError."""
    async with connected(url, EXEC_PROTOCOL, reason) as connection, asyncio.TaskGroup() as group:
        reading = group.create_task(connection.run())
        wanted = ["error", *(["stdin"] if stdin else []), "stdout", *(["resize"] if tty else ["stderr"])]
        found = {kind: await connection.open({"streamtype": kind}) for kind in wanted}
        helpers = [reading]
        if stdin:
            helpers.append(group.create_task(_type(streams, found["stdin"], ends=not tty)))
        if tty:
            helpers.append(group.create_task(_resize(streams, found["resize"])))
        outputs = [group.create_task(_show(found["stdout"], streams.stdout))]
        if not tty:
            outputs.append(group.create_task(_show(found["stderr"], streams.stderr)))
        await asyncio.wait(outputs)
        told = await found["error"].read_all()
        for task in helpers:
            task.cancel()
    return _exit_code(told, reason)


async def _type(streams: ExecStreams, stdin: Stream, *, ends: bool) -> None:
    """A terminal does not end with what is typed: there the end of input is a character."""
    async for data in streams.stdin():
        if not data:
            break
        await stdin.write(data)
    if ends:
        await stdin.finish()


async def _resize(streams: ExecStreams, resize: Stream) -> None:
    async for columns, rows in streams.resizes():
        await resize.write(json.dumps({"Width": columns, "Height": rows}).encode() + b"\n")


async def _show(stream: Stream, sink: Callable[[bytes], Awaitable[None]]) -> None:
    while data := await stream.read():
        await sink(data)


def _exit_code(told: bytes, reason: str) -> int:
    """Of the Status on the stream `error`; one that says nothing ended well."""
    try:
        status: Document = json.loads(told or b"{}")
    except ValueError:
        raise CriError(reason, told.decode("utf-8", "replace")) from None
    if status.get("status") != "Failure":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((one["message"] for one in causes if one.get("reason") == "ExitCode"), "")
    if status.get("reason") != "NonZeroExitCode" or not code.isdigit():
        raise CriError(reason, status.get("message", ""))
    return int(code)


async def forward(url: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Moves bytes between a connection of ours and a port of the pod's. Raises CriError where nothing listens there."""
    async with connected(url, PORTS_PROTOCOL, "PortForwardFailed") as connection, asyncio.TaskGroup() as group:
        helpers = [group.create_task(connection.run())]
        about = {"port": str(port), "requestid": "0"}
        error = await connection.open({"streamtype": "error", **about}, is_last=True)
        data = await connection.open({"streamtype": "data", **about})
        helpers.append(group.create_task(_send(reader, data)))

        async def write(received: bytes) -> None:
            writer.write(received)
            await writer.drain()
        await _show(data, write)
        told = await error.read_all()
        for task in helpers:
            task.cancel()
    if told:
        raise CriError("PortForwardFailed", told.decode("utf-8", "replace"))


async def _send(reader: asyncio.StreamReader, data: Stream) -> None:
    while received := await reader.read(CHUNK):
        await data.write(received)
    await data.finish()
