"""SPDY/3.1 as kubectl speaks it: frames from bytes and bytes from frames, without I/O.

One Framing belongs to one connection, since all headers of a direction are compressed as one stream. What nobody here
needs (priorities, flow control, pushed streams) is read and left out.
"""
from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
PROTOCOL_ERROR, REFUSED_STREAM, CANCEL = 1, 3, 5
HEAD = struct.Struct(">II")
MOST_FRAME, MOST_HEADERS = 1 << 20, 1 << 16
# What both sides' compressors know from the start: the specification's list of words, then its list of values.
WORDS = re.split("[|]", (
    "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-ranges|age|allow|authorization|"
    "cache-control|connection|content-base|content-encoding|content-language|content-length|content-location|content-md5|content-range|"
    "content-type|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|"
    "last-modified|location|max-forwards|pragma|proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|"
    "transfer-encoding|upgrade|user-agent|vary|via|warning|www-authenticate|method|get|status|200 OK|version|HTTP/1.1|url|public|"
    "set-cookie|keep-alive|origin"))
VALUES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information"
    "204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error"
    "501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, "
    "Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.")


def _counted(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode("latin-1")


DICTIONARY = b"".join(map(_counted, WORDS)) + VALUES.encode()


class SpdyError(Exception):
    """The other side does not keep to the protocol; the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class Opened:
    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    stream: int
    data: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    number: int


@dataclass(frozen=True, slots=True)
class Leave:
    """No new streams will come."""


Frame = Opened | Data | Reset | Ping | Leave


class Framing:
    def __init__(self) -> None:
        self._received = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises SpdyError."""
        self._received += data
        while len(self._received) >= HEAD.size:
            first, second = HEAD.unpack_from(self._received)
            length = second & 0xFFFFFF
            if length > MOST_FRAME:
                raise SpdyError(f"a frame of {length} bytes is too long")
            if len(self._received) < HEAD.size + length:
                return
            body = bytes(self._received[HEAD.size:HEAD.size + length])
            del self._received[:HEAD.size + length]
            frame = self._control(first, second >> 24, body) if first >> 31 else Data(first, body, bool(second >> 24 & FIN))
            if frame is not None:
                yield frame

    def _control(self, first: int, flags: int, body: bytes) -> Frame | None:
        if first >> 16 & 0x7FFF != VERSION:
            raise SpdyError(f"version {first >> 16 & 0x7FFF} is not spoken here")
        kind = first & 0xFFFF
        try:
            number = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF if kind in (SYN_STREAM, RST_STREAM) else 0
            match kind:
                case 1: return Opened(number, self._headers(body[10:]), bool(flags & FIN))
                case 3: return Reset(number)
                case 6: return Ping(struct.unpack_from(">I", body)[0])
                case 7: return Leave()
                case 2 | 8: self._headers(body[4:])     # of no interest, but the compressor has to see them
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(f"a frame of type {kind} cannot be read: {error}") from error
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        data = self._inflate.decompress(block, MOST_HEADERS)
        if self._inflate.unconsumed_tail:
            raise SpdyError("the headers are too long")
        found: dict[str, str] = {}
        offset = 4
        for _ in range(struct.unpack_from(">I", data)[0]):
            pair = []
            for _ in range(2):
                length = struct.unpack_from(">I", data, offset)[0]
                pair.append(data[offset + 4:offset + 4 + length].decode("latin-1"))
                offset += 4 + length
            found[pair[0].lower()] = pair[1]
        return found

    # --- what is sent

    def opened(self, stream: int, headers: Mapping[str, str], *, is_last: bool = False) -> bytes:
        """A new stream with lower-case header names; is_last: nothing will be sent on it."""
        pairs = b"".join(_counted(name) + _counted(value) for name, value in headers.items())
        block = self._deflate.compress(struct.pack(">I", len(headers)) + pairs) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + block, FIN if is_last else 0)

    def accepted(self, stream: int) -> bytes:
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_REPLY, struct.pack(">I", stream) + block)


def _frame(kind: int, body: bytes, flags: int = 0) -> bytes:
    return HEAD.pack(1 << 31 | VERSION << 16 | kind, flags << 24 | len(body)) + body


def data_frame(stream: int, data: bytes, *, is_last: bool = False) -> bytes:
    return HEAD.pack(stream, (FIN if is_last else 0) << 24 | len(data)) + data


def reset_frame(stream: int, status: int = CANCEL) -> bytes:
    return _frame(RST_STREAM, struct.pack(">II", stream, status))


def pong(ping: Ping) -> bytes:
    return _frame(PING, struct.pack(">I", ping.number))
