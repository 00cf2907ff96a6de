"""A grpc probe: one call of grpc.health.v1.Health/Check, over as much of HTTP/2 as that takes; nothing is encrypted, as upstream."""
from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MOST_BYTES = 64 << 10                       # of an answer that should be seven
LARGEST_FRAME = 16384
STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
UNIMPLEMENTED = "12"


class GrpcError(Exception):
    """The answer is none that a health check can be read from."""


async def check(host: str, port: int, service: str, seconds: float) -> tuple[bool, str]:
    """Whether the service serves, and what to say if it does not: in upstream's words."""
    address, reader, writer = f"{f'[{host}]' if ':' in host else host}:{port}", None, None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            answer = await _call(reader, writer, address, service)
    except TimeoutError:
        if writer is None:
            return False, f'timeout: failed to connect service "{address}" within {seconds:g}s: context deadline exceeded'
        return False, f"timeout: health rpc did not complete within {seconds:g}s"
    except OSError as error:
        return False, f'error: failed to connect service at "{address}": {error.strerror or error}'
    except (EOFError, GrpcError) as error:
        return False, f"error: health rpc failed: {error}"
    finally:
        if writer is not None:
            writer.close()
    return _verdict(answer)


@dataclass(slots=True)
class _Answer:
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def _verdict(answer: _Answer) -> tuple[bool, str]:
    code, message = answer.fields.get("grpc-status", ""), unquote(answer.fields.get("grpc-message", ""))
    if code == UNIMPLEMENTED:
        return False, f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {message}"
    if code != "0":
        return False, f"error: health rpc failed: rpc error: code = {code or 'unknown'} desc = {message}"
    status = STATUSES.get(_status(answer.body[5:]), "UNKNOWN")
    return status == "SERVING", "service healthy" if status == "SERVING" else f'service unhealthy (responded with "{status}")'


def _status(message: bytes) -> int:
    """Field 1 of the answer, a small number; 0 is left out."""
    return message[1] if len(message) >= 2 and message[0] == 8 else 0


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, service: str) -> _Answer:
    from hpack import Decoder, Encoder, HPACKError

    headers = Encoder().encode([
        (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"), (":authority", address),
        ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "kube-probe/1.36")], huffman=False)
    name = service.encode()
    request = bytes([10, len(name)]) + name if name else b""
    writer.write(PREFACE + _frame(SETTINGS) + _frame(HEADERS, END_HEADERS, 1, headers)
                 + _frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(request)) + request))
    decoder, answer, block, ends = Decoder(), _Answer(), b"", False
    async for kind, flags, payload in _frames(reader):
        if kind in (SETTINGS, PING) and not flags & ACK:
            writer.write(_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == DATA:
            answer.body += _unpadded(flags, payload)
            ends = bool(flags & END_STREAM)
        elif kind in (HEADERS, CONTINUATION):
            block += _unpadded(flags, payload)[5 if kind == HEADERS and flags & PRIORITY else 0:] if kind == HEADERS else payload
            ends = ends or (kind == HEADERS and bool(flags & END_STREAM))
            if flags & END_HEADERS:
                with suppress(HPACKError, UnicodeDecodeError):
                    answer.fields |= {str(key): str(value) for key, value in decoder.decode(block)}
                block = b""
        elif kind in (RST_STREAM, GOAWAY):
            raise GrpcError("the server ended the call")
        if ends and not block:
            return answer
        if len(answer.body) + len(block) > MOST_BYTES:
            raise GrpcError("the answer is too large")
    raise GrpcError("the connection was closed")


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, int, bytes]]:
    while True:
        try:
            head = await reader.readexactly(9)
            length = int.from_bytes(head[:3], "big")
            if length > LARGEST_FRAME:
                raise GrpcError("the answer is not HTTP/2")
            yield head[3], head[4], await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return


def _unpadded(flags: int, payload: bytes) -> bytes:
    return payload[1:len(payload) - payload[0]] if flags & PADDED and payload else payload
