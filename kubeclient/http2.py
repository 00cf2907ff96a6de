"""As much of HTTP/2 (RFC 9113) as gRPC needs on the client's side: one connection, its streams, flow control both ways.

A call costs a fifth of what it costs the general library: headers are encoded once per path, all frames of one turn of the loop
leave in one write, and equal header blocks are decoded once (the peer is told to keep no table of them). Nothing grows without
bound: what is sent waits for the peer's window, what is not yet read closes ours. A connection that says nothing is
asked (PING), and lost if it does not answer.
"""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import cast

from hpack import Decoder, HPACKError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5
CANCEL = b"\0\0\0\x08"
LARGEST_WINDOW = 2**31 - 1
WINDOW = 8 << 20                        # what a stream may have on its way to a reader that does not read
MAX_DECODED = 256
QUIET_SECONDS, ANSWER_SECONDS = 10.0, 5.0
Fields = Mapping[bytes, bytes]


class Frame(IntEnum):
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class ConnectionLost(ConnectionError):
    """The connection, or this stream of it, is gone: nothing is known of what was asked."""


class Stream:
    """One call: messages in gRPC's framing both ways, and the header fields that ended it."""

    __slots__ = ("_connection", "_held", "_messages", "_more", "_partial", "_uncredited", "ended", "error", "headers", "is_last_sent", "number",
                 "trailers", "unsent", "window")

    def __init__(self, connection: Connection, headers: bytes) -> None:
        self._connection = connection
        self.headers = headers
        self.number = 0                             # 0: not opened yet
        self.window = 0                             # what the peer lets us send
        self.unsent = b""
        self.is_last_sent = False
        self.trailers: Fields = {}
        self.error: Exception | None = None
        self.ended: asyncio.Future[None] = connection.loop.create_future()
        self._messages: deque[bytes] = deque()
        self._more: asyncio.Future[None] | None = None
        self._partial = bytearray()
        self._held = self._uncredited = 0           # bytes in messages nobody has taken; received, but not yet credited

    def send(self, message: bytes, *, is_last: bool = False) -> None:
        self.unsent += b"\0" + len(message).to_bytes(4, "big") + message
        self.is_last_sent = is_last
        self._connection.pump(self)

    async def receive(self, seconds: float) -> bytes | None:
        """The next message; None when the call has ended well enough to have trailers. Raises ConnectionLost, and TimeoutError
        where none comes in time: that is the call's end, too."""
        while not self._messages:
            if self.ended.done():
                if self.error is not None:
                    raise self.error
                return None
            loop = self._connection.loop
            self._more, overdue = loop.create_future(), loop.call_later(seconds, self.finish, TimeoutError())
            try:
                await self._more
            finally:
                overdue.cancel()
        message = self._messages.popleft()
        self._held -= len(message)
        self._credit()
        return message

    def take(self) -> bytes | None:
        """The first message that has come, for who waited until the call had `ended`."""
        return self._messages.popleft() if self._messages else None

    def cancel(self) -> None:
        """Ends it from our side, if it has not ended."""
        self._connection.forget(self)
        self.finish(ConnectionLost("the call was cancelled"))

    # --- for the connection

    def data(self, payload: bytes, size: int) -> None:
        """`size`: what it counts in flow control."""
        self._uncredited += size
        partial = self._partial
        partial += payload
        while len(partial) >= 5 and len(partial) >= (end := 5 + int.from_bytes(partial[1:5], "big")):
            self._messages.append(bytes(partial[5:end]))
            self._held += end - 5
            del partial[:end]
        if self._messages:
            self._wake()
        self._credit()

    def finish(self, error: Exception | None = None) -> None:
        if not self.ended.done():
            self.error = error
            self.ended.set_result(None)
            self._wake()

    def _credit(self) -> None:
        if self._uncredited > WINDOW // 2 and self._held <= WINDOW and not self.ended.done():
            self._connection.credit(self.number, self._uncredited)
            self._uncredited = 0

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)


class Connection(asyncio.Protocol):
    """`is_usable` until the peer or the network ends it; the streams that are open then fail."""

    def __init__(self, authority: str, scheme: str, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.is_usable = True
        self._authority, self._scheme = authority.encode(), scheme
        self._blocks: dict[tuple[str, Sequence[tuple[str, str]]], bytes] = {}
        self._streams: dict[int, Stream] = {}
        self._waiting: deque[Stream] = deque()      # for a place among those the peer allows
        self._blocked: dict[Stream, None] = {}      # by flow control, in order
        self._next_number = 1
        self._window = self._initial_window = 65535
        self._max_frame, self._max_streams = 16384, LARGEST_WINDOW
        self._received = b""
        self._uncredited = 0
        self._headers_begun: tuple[int, int, bytes] | None = None
        self._decoder = Decoder()
        self._decoded: dict[bytes, Fields] = {}
        self._out: list[bytes] = []
        self._has_news = self._is_asked = False
        self._watchdog: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        settings = ((HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WINDOW))
        self._out += [PREFACE, _frame(Frame.SETTINGS, 0, 0, b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in settings))]
        self.credit(0, LARGEST_WINDOW - 65535)
        self._flush()
        self._watchdog = self.loop.call_later(QUIET_SECONDS, self._look_after)

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(f"the connection is lost: {error or 'closed by the peer'}")

    def data_received(self, data: bytes) -> None:
        self._has_news = True
        received = self._received + data if self._received else data
        at, end = 0, len(received)
        try:
            while end - at >= 9 and end - at - 9 >= (size := int.from_bytes(received[at:at + 3], "big")):
                self._on_frame(received[at + 3], received[at + 4], int.from_bytes(received[at + 5:at + 9], "big") & LARGEST_WINDOW,
                               received[at + 9:at + 9 + size])
                at += 9 + size
        except (HPACKError, IndexError) as error:
            self._lose(f"the peer does not speak HTTP/2: {error}")
        self._received = received[at:]

    def close(self) -> None:
        self._lose("the connection is closed")

    # --- calls

    def open(self, path: str, metadata: Sequence[tuple[str, str]] = ()) -> Stream:
        """A stream; it reaches the peer with its first message."""
        if not self.is_usable:
            raise ConnectionLost("the connection is closed")
        headers = self._blocks.get((path, metadata))
        if headers is None:
            headers = self._blocks[path, metadata] = _header_block(self._scheme, self._authority, path, metadata)
        return Stream(self, headers)

    async def unary(self, path: str, message: bytes, seconds: float) -> tuple[bytes | None, Fields]:
        """One message out, one back, and the trailers. Raises ConnectionLost and TimeoutError."""
        stream = self.open(path)
        overdue = self.loop.call_later(seconds, stream.finish, TimeoutError())
        try:
            stream.send(message, is_last=True)
            await stream.ended
            if stream.error is not None:
                raise stream.error
            return stream.take(), stream.trailers
        finally:
            overdue.cancel()
            stream.cancel()

    def pump(self, stream: Stream) -> None:
        """Sends of a stream what the windows allow now."""
        if not stream.number and not self._begin(stream):
            return
        unsent, at = stream.unsent, 0
        while at < len(unsent):
            size = min(len(unsent) - at, self._max_frame, self._window, stream.window)
            if size <= 0:
                self._blocked[stream] = None
                break
            part, at = unsent[at:at + size], at + size
            self._window -= size
            stream.window -= size
            self._write(_frame(Frame.DATA, END_STREAM if stream.is_last_sent and at == len(unsent) else 0, stream.number, part))
        stream.unsent = unsent[at:]

    def forget(self, stream: Stream) -> None:
        """A call nobody waits for any more."""
        self._blocked.pop(stream, None)
        if stream in self._waiting:
            self._waiting.remove(stream)
        if self._streams.pop(stream.number, None) is not None:
            self._write(_frame(Frame.RST_STREAM, 0, stream.number, CANCEL))
            self._begin_waiting()

    def credit(self, number: int, size: int) -> None:
        self._write(_frame(Frame.WINDOW_UPDATE, 0, number, size.to_bytes(4, "big")))

    def _begin(self, stream: Stream) -> bool:
        if len(self._streams) >= self._max_streams:
            if stream not in self._waiting:
                self._waiting.append(stream)
            return False
        stream.number, self._next_number = self._next_number, self._next_number + 2
        stream.window = self._initial_window
        self._streams[stream.number] = stream
        self._write(_frame(Frame.HEADERS, END_HEADERS, stream.number, stream.headers))
        return True

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._streams) < self._max_streams:
            self.pump(self._waiting.popleft())

    # --- frames that came

    def _on_frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        match kind:
            case Frame.DATA:
                self._on_data(flags, number, payload)
            case Frame.HEADERS:
                self._on_headers(number, flags, _unpadded(payload, flags))
            case Frame.CONTINUATION if self._headers_begun is not None:
                number, begun, block = self._headers_begun
                self._on_headers(number, begun | flags, block + payload)
            case Frame.RST_STREAM:
                self._end(number, ConnectionLost(f"the peer reset the stream: error {int.from_bytes(payload, 'big')}"))
            case Frame.SETTINGS if not flags & ACK:
                self._on_settings(payload)
            case Frame.PING:
                if not flags & ACK:
                    self._write(_frame(Frame.PING, ACK, 0, payload))
            case Frame.GOAWAY:
                self._on_goaway(int.from_bytes(payload[:4], "big") & LARGEST_WINDOW)
            case Frame.WINDOW_UPDATE:
                self._on_window(number, int.from_bytes(payload, "big") & LARGEST_WINDOW)

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        self._uncredited += len(payload)
        if self._uncredited > LARGEST_WINDOW // 4:
            self.credit(0, self._uncredited)
            self._uncredited = 0
        stream = self._streams.get(number)
        if stream is not None:
            stream.data(_unpadded(payload, flags & PADDED), len(payload))
            if flags & END_STREAM:
                self._end(number, ConnectionLost("the peer ended the stream without a status"))

    def _on_headers(self, number: int, flags: int, block: bytes) -> None:
        if not flags & END_HEADERS:
            self._headers_begun = number, flags & END_STREAM, block
            return
        self._headers_begun = None
        fields = self._decoded.get(block)
        if fields is None:
            if len(self._decoded) >= MAX_DECODED:
                self._decoded.clear()
            fields = self._decoded[block] = {bytes(name): bytes(value) for name, value in self._decoder.decode(block, raw=True)}
        if flags & END_STREAM:
            if (stream := self._streams.get(number)) is not None:
                stream.trailers = fields
            self._end(number)

    def _on_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload) - 5, 6):
            name, value = int.from_bytes(payload[at:at + 2], "big"), int.from_bytes(payload[at + 2:at + 6], "big")
            if name == MAX_CONCURRENT_STREAMS:
                self._max_streams = value
            elif name == MAX_FRAME_SIZE:
                self._max_frame = value
            elif name == INITIAL_WINDOW_SIZE:
                for stream in self._streams.values():
                    stream.window += value - self._initial_window
                self._initial_window = value
        self._write(_frame(Frame.SETTINGS, ACK, 0, b""))
        self._begin_waiting()
        self._pump_blocked()

    def _on_window(self, number: int, size: int) -> None:
        if not number:
            self._window += size
        elif (stream := self._streams.get(number)) is not None:
            stream.window += size
        self._pump_blocked()

    def _pump_blocked(self) -> None:
        blocked, self._blocked = self._blocked, {}
        for stream in blocked:
            self.pump(stream)

    def _on_goaway(self, last: int) -> None:
        """The peer takes no new streams, and has not begun those behind the last."""
        self.is_usable = False
        for number in [number for number in self._streams if number > last]:
            self._end(number, ConnectionLost("the peer goes away"))
        for stream in self._waiting:
            stream.finish(ConnectionLost("the peer goes away"))
        self._waiting.clear()
        if not self._streams:
            self._transport.close()

    def _end(self, number: int, error: Exception | None = None) -> None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        self._blocked.pop(stream, None)
        stream.finish(error)
        self._begin_waiting()
        if not self.is_usable and not self._streams:
            self._transport.close()

    # --- the wire

    def _write(self, data: bytes) -> None:
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        if self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _look_after(self) -> None:
        if not self._has_news and self._is_asked:
            self._lose("the peer does not answer a ping")
            return
        self._is_asked = not self._has_news
        if self._is_asked:
            self._write(_frame(Frame.PING, 0, 0, bytes(8)))
        self._has_news = False
        self._watchdog = self.loop.call_later(ANSWER_SECONDS if self._is_asked else QUIET_SECONDS, self._look_after)

    def _lose(self, why: str) -> None:
        self.is_usable = False
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._transport.abort()
        streams = [*self._streams.values(), *self._waiting]
        self._streams.clear()
        self._waiting.clear()
        self._blocked.clear()
        for stream in streams:
            stream.finish(ConnectionLost(why))


def _frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return b"%b%c%c%b%b" % (len(payload).to_bytes(3, "big"), kind, flags, number.to_bytes(4, "big"), payload)


def _unpadded(payload: bytes, flags: int) -> bytes:
    if flags & PADDED:
        payload = payload[1:len(payload) - payload[0]]
    return payload[5:] if flags & PRIORITY else payload


def _header_block(scheme: str, authority: bytes, path: str, metadata: Sequence[tuple[str, str]]) -> bytes:
    """POST, from HPACK's static table where it knows a name or field; all else as literals that nobody is to remember."""
    block = b"\x83" + (b"\x87" if scheme == "https" else b"\x86") + b"\x04" + _literal(path.encode()) + b"\x01" + _literal(authority) \
        + b"\x0f\x10" + _literal(b"application/grpc") + b"\0" + _literal(b"te") + _literal(b"trailers")
    return block + b"".join(b"\0" + _literal(name.encode()) + _literal(value.encode()) for name, value in metadata)


def _literal(text: bytes) -> bytes:
    if len(text) >= 127:
        raise ValueError(f"too long for a header of etcd's: {text!r}")
    return b"%c%b" % (len(text), text)
