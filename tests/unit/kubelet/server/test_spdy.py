from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kubeapi import spdy


class Client:
    """What kubectl sends, written down a second time."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    def open(self, stream: int, headers: Mapping[str, str], flags: int = 0) -> bytes:
        block = struct.pack(">I", len(headers)) + b"".join(
            struct.pack(">I", len(one)) + one.encode() for pair in headers.items() for one in pair)
        body = struct.pack(">IIH", stream, 0, 0) + self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, body, flags)


def control(kind: int, body: bytes, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(body)) + body


def test_the_dictionary_is_the_specification_s() -> None:
    assert len(spdy.DICTIONARY) == 1423
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2


def test_headers_of_all_streams_are_compressed_as_one() -> None:
    client, framing = Client(), spdy.Framing()
    first, second = {"streamtype": "data", "port": "80"}, {"streamtype": "error", "port": "80"}
    sent = client.open(1, first) + client.open(3, second, spdy.FIN)
    assert list(framing.feed(sent)) == [spdy.Opened(1, first), spdy.Opened(3, second, is_last=True)]


@given(some.lists(some.tuples(some.sampled_from([1, 3, 5]), some.binary(max_size=200), some.booleans())), some.integers(1, 50))
def test_data_arrives_whole_however_it_is_cut(frames: list[tuple[int, bytes, bool]], size: int) -> None:
    framing = spdy.Framing()
    sent = b"".join(spdy.data_frame(number, data, is_last=is_last) for number, data, is_last in frames)
    found = [frame for start in range(0, len(sent), size) for frame in framing.feed(sent[start:start + size])]
    assert found == [spdy.Data(number, data, is_last) for number, data, is_last in frames]


@pytest.mark.parametrize(("sent", "frame"), [
    pytest.param(control(3, struct.pack(">II", 5, 1)), spdy.Reset(5), id="reset"),
    pytest.param(control(6, struct.pack(">I", 9)), spdy.Ping(9), id="ping"),
    pytest.param(control(7, struct.pack(">II", 5, 0)), spdy.Leave(), id="goaway"),
    pytest.param(spdy.reset_frame(7), spdy.Reset(7), id="own-reset"),
    pytest.param(spdy.pong(spdy.Ping(4)), spdy.Ping(4), id="pong"),
])
def test_control_frames(sent: bytes, frame: spdy.Frame) -> None:
    assert list(spdy.Framing().feed(sent)) == [frame]


@pytest.mark.parametrize("sent", [
    pytest.param(control(4, b"\0" * 4), id="settings"), pytest.param(control(9, b"\0" * 8), id="window-update"),
    pytest.param(spdy.Framing().accepted(1), id="reply"),
])
def test_what_is_of_no_interest_is_left_out(sent: bytes) -> None:
    assert list(spdy.Framing().feed(sent)) == []


@pytest.mark.parametrize("sent", [
    pytest.param(control(1, b"\0" * 4, version=2), id="another-version"),
    pytest.param(control(1, b"\0" * 10 + b"no zlib"), id="not-compressed"),
    pytest.param(control(6, b""), id="cut-off"),
    pytest.param(struct.pack(">II", 1, spdy.MOST_FRAME + 1), id="too-long"),
    pytest.param(Client().open(1, {"bomb": "0" * 10_000_000}), id="headers-that-explode"),
])
def test_what_is_no_spdy_ends_the_connection(sent: bytes) -> None:
    with pytest.raises(spdy.SpdyError):
        list(spdy.Framing().feed(sent))
