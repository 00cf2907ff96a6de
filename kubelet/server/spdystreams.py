"""The streams of one SPDY connection that comes in the binary frames of a WebSocket (kubectl's own way, and the API server's for
clients that speak plain SPDY)."""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping

from kubeapi import spdy
from kubelet.server.requests import Receive, Send

CHUNK = 32 << 10
WAITING_FRAMES = 64                      # of one stream, read ahead of whoever takes them
MOST_STREAMS = 1000
STREAM_SECONDS = 30.0                    # for the streams that belong together to come


class SpdyStream:
    def __init__(self, connection: SpdyConnection, number: int, headers: Mapping[str, str]) -> None:
        self._connection, self.number, self.headers = connection, number, headers
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING_FRAMES)
        self.is_reset = self._is_finished = False

    async def read(self) -> bytes:
        """b"" at the end."""
        return await self.waiting.get()

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            if self.is_reset or self._is_finished:
                return
            await self._connection.send(spdy.data_frame(self.number, data[start:start + CHUNK]))

    async def finish(self) -> None:
        """Nothing more comes from here."""
        if not (self.is_reset or self._is_finished):
            self._is_finished = True
            await self._connection.send(spdy.data_frame(self.number, b"", is_last=True))

    async def refuse(self) -> None:
        self.is_reset = True
        await self._connection.send(spdy.reset_frame(self.number, spdy.REFUSED_STREAM))


class SpdyConnection:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._framing = spdy.Framing()
        self._streams: dict[int, SpdyStream] = {}

    async def run(self, opened: Callable[[SpdyStream], None]) -> None:
        """Until the client leaves; `opened` is told each stream that comes."""
        while (message := await self._receive())["type"] != "websocket.disconnect":
            try:
                for frame in self._framing.feed(message.get("bytes") or b""):
                    await self._take(frame, opened)
            except spdy.SpdyError:
                return

    async def _take(self, frame: spdy.Frame, opened: Callable[[SpdyStream], None]) -> None:
        match frame:
            case spdy.Opened(): await self._open(frame, opened)
            case spdy.Data() if stream := self._streams.get(frame.stream):
                if frame.data:
                    await stream.waiting.put(frame.data)
                if frame.is_last:
                    await stream.waiting.put(b"")
            case spdy.Reset() if stream := self._streams.pop(frame.stream, None):
                stream.is_reset = True
                if stream.waiting.full():
                    stream.waiting.get_nowait()           # nobody wants it any more
                stream.waiting.put_nowait(b"")
            case spdy.Ping(): await self.send(spdy.pong(frame))

    async def _open(self, frame: spdy.Opened, opened: Callable[[SpdyStream], None]) -> None:
        stream = SpdyStream(self, frame.stream, frame.headers)
        if len(self._streams) >= MOST_STREAMS or frame.stream in self._streams:
            await stream.refuse()
            return
        self._streams[frame.stream] = stream
        await self.send(self._framing.accepted(frame.stream))
        if frame.is_last:
            stream.waiting.put_nowait(b"")
        opened(stream)

    async def send(self, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": data})

    def forget(self, *streams: SpdyStream) -> None:
        for stream in streams:
            self._streams.pop(stream.number, None)


class SpdyChannels:
    """A process's streams (kubelet.cri.ExecStreams), each a stream of the connection named by its header `streamtype`."""

    def __init__(self, receive: Receive, send: Send, wanted: frozenset[str]) -> None:
        self._connection = SpdyConnection(receive, send)
        self._wanted = wanted | {"error"}
        self._found: dict[str, SpdyStream] = {}
        self._complete = asyncio.Event()

    async def read_frames(self) -> None:
        await self._connection.run(self._opened)

    def _opened(self, stream: SpdyStream) -> None:
        self._found[stream.headers.get("streamtype", "")] = stream
        if self._found.keys() >= self._wanted:
            self._complete.set()

    async def wait_complete(self) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(STREAM_SECONDS):
            await self._complete.wait()

    async def stdin(self) -> AsyncIterator[bytes]:
        while (stream := self._found.get("stdin")) and (data := await stream.read()):
            yield data
        yield b""

    async def resizes(self) -> AsyncIterator[tuple[int, int]]:
        text = b""
        while (stream := self._found.get("resize")) and (data := await stream.read()):
            *lines, text = (text + data).split(b"\n")
            for line in filter(None, lines):
                size = json.loads(line)
                yield int(size.get("Width", 0)), int(size.get("Height", 0))

    async def stdout(self, data: bytes) -> None:
        await self._write("stdout", data)

    async def stderr(self, data: bytes) -> None:
        await self._write("stderr", data)

    async def finish(self, status: Mapping[str, object]) -> None:
        """The Status goes to the stream `error`; a success is said as well."""
        await self._write("error", json.dumps(status).encode())
        for stream in self._found.values():
            await stream.finish()

    async def _write(self, kind: str, data: bytes) -> None:
        if stream := self._found.get(kind):
            await stream.write(data)
