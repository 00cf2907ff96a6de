"""WebSocket (RFC 6455) as exec, attach and port-forward use it: binary messages whose first byte names a channel."""
from __future__ import annotations

import os
from binascii import b2a_base64

from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl.client import Client
    from kubectl.http1 import Connection

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
_CONTINUATION, _TEXT, _BINARY, _END, _PING, _PONG = 0, 1, 2, 8, 9, 10
_LARGEST_MESSAGE = 64 * 1024 * 1024


class WebSocket:
    """An open connection; `subprotocol` is what the server chose."""

    def __init__(self, connection: Connection, subprotocol: str) -> None:
        self.connection, self.subprotocol = connection, subprotocol
        self.is_open = True
        self._pending, self._message = connection.buffer, b""
        connection.buffer = b""

    @property
    def can_close_channels(self) -> bool:
        """Version 5 tells the end of stdin; version 4 cannot."""
        return self.subprotocol == V5

    def fileno(self) -> int:
        return self.connection.open().fileno()

    def has_pending(self) -> bool:
        """Whether TLS has decrypted bytes that a poll of the socket would not show."""
        pending = getattr(self.connection.open(), "pending", None)
        return bool(pending and pending())

    def send(self, channel: int, data: bytes) -> None:
        self._frame(_BINARY, bytes([channel]) + data)

    def close_channel(self, channel: int) -> None:
        self._frame(_BINARY, bytes([CLOSE, channel]))

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._frame(_END, (1000).to_bytes(2, "big"))
        self.connection.close()

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
        key = os.urandom(4)
        try:
            self.connection.open().sendall(head + key + mask(payload, key))
        except OSError:
            self.is_open = False

    def receive(self) -> Iterator[tuple[int, bytes]]:
        """(channel, data) of what has arrived; waits for at least some bytes. Ends the connection at its end."""
        yield from ((message[0], message[1:]) for message in self.messages() if message)

    def send_message(self, data: bytes) -> None:
        """A whole binary message, for subprotocols without channels."""
        self._frame(_BINARY, data)

    def messages(self) -> Iterator[bytes]:
        """Whole messages of what has arrived; waits for at least some bytes."""
        data = self.connection.more()
        if not data:
            self.is_open = False
        self._pending += data
        while (frame := self._take()) is not None:
            is_final, opcode, payload = frame
            if opcode in (_TEXT, _BINARY, _CONTINUATION):
                self._message += payload
                if len(self._message) > _LARGEST_MESSAGE:
                    raise CommandError("websocket: message too large")
                if is_final:
                    message, self._message = self._message, b""
                    yield message
            elif opcode == _PING:
                self._frame(_PONG, payload)
            elif opcode == _END:
                self.is_open = False
                return

    def _take(self) -> tuple[bool, int, bytes] | None:
        """The first whole frame of what is pending."""
        data = self._pending
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            if len(data) < start + width:
                return None
            size, start = int.from_bytes(data[2:2 + width], "big"), start + width
        key = b""
        if data[1] & 0x80:
            key, start = data[start:start + 4], start + 4
        if len(data) < start + size:
            return None
        self._pending = data[start + size:]
        payload = data[start:start + size]
        return bool(data[0] & 0x80), data[0] & 0x0F, mask(payload, key) if key else payload


def mask(payload: bytes, key: bytes) -> bytes:
    """The payload with the key laid over it, again and again; its own inverse."""
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def connect(client: Client, path: str, parameters: dict[str, object], subprotocols: tuple[str, ...] = (V5, V4)) -> WebSocket:
    """Open a WebSocket to a path of the API server. Raises StatusError."""
    from kubectl.client import query_of, status_of
    connection = client.connect()
    headers = {**client.headers("*/*"), "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": b2a_base64(os.urandom(16), newline=False).decode(), "Sec-WebSocket-Protocol": ", ".join(subprotocols)}
    response = connection.request("GET", client.prefix + path + query_of(parameters), headers)
    if response.status != 101:
        raise StatusError(status_of(response.read(), response.status))
    return WebSocket(connection, response.headers.get("sec-websocket-protocol", ""))
