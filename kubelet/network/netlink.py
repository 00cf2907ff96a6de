"""rtnetlink spoken directly: links, addresses, routes and neighbours, without processes and without a library.

A Netlink belongs to the network namespace of the thread that made it and stays there. Everything here blocks for well
under a millisecond, but for deleting a link (20 ms).
"""
from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NEWLINK, DELLINK, GETLINK, SETLINK, NEWADDR, DELADDR, GETADDR = 16, 17, 18, 19, 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE, NEWNEIGH = 24, 25, 26, 28
REQUEST, ACK, DUMP, REPLACE, EXCLUSIVE, CREATE = 1, 4, 0x300, 0x100, 0x200, 0x400
ERROR, DONE = 2, 3
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
UNICAST, UNREACHABLE = 1, 7
ONLINK = 4
# Marks our routes among all others; the metric then says of which cluster.
PROTOCOL = 117
MAIN_TABLE = 254


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def text_attribute(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def number_attribute(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("<I", value))


def attributes(data: bytes) -> dict[int, bytes]:
    found, offset = {}, 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("<HH", data, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4:offset + length]
        offset += (length + 3) & ~3
    return found


@dataclass(frozen=True, slots=True)
class Link:
    index: int
    name: str
    alias: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class Address:
    index: int
    address: str
    prefix_length: int
    label: str


@dataclass(frozen=True, slots=True)
class Route:
    """`destination` is a CIDR; device 0 means none was given."""

    destination: str
    gateway: str = ""
    device: int = 0
    source: str = ""
    kind: int = UNICAST
    protocol: int = PROTOCOL
    metric: int = 0
    is_onlink: bool = False

    def encode(self) -> bytes:
        network, _, length = self.destination.partition("/")
        scope = SCOPE_UNIVERSE if self.gateway or self.kind != UNICAST else SCOPE_LINK
        flags = ONLINK if self.is_onlink else 0
        body = struct.pack("<BBBBBBBBI", socket.AF_INET, int(length), 0, 0, MAIN_TABLE, self.protocol, scope, self.kind, flags)
        if int(length):
            body += attribute(1, socket.inet_aton(network))
        if self.device:
            body += number_attribute(4, self.device)
        if self.gateway:
            body += attribute(5, socket.inet_aton(self.gateway))
        if self.metric:
            body += number_attribute(6, self.metric)
        if self.source:
            body += attribute(7, socket.inet_aton(self.source))
        return body

    @classmethod
    def decode(cls, data: bytes) -> tuple[int, Self]:
        """(table, route)"""
        _, length, _, _, table, protocol, _, kind, flags = struct.unpack_from("<BBBBBBBBI", data)
        found = attributes(data[12:])
        network = socket.inet_ntoa(found.get(1, b"\0\0\0\0"))
        return table, cls(f"{network}/{length}", socket.inet_ntoa(found[5]) if 5 in found else "",
                          _number(found.get(4)), socket.inet_ntoa(found[7]) if 7 in found else "", kind, protocol,
                          _number(found.get(6)), bool(flags & ONLINK))


def _number(value: bytes | None) -> int:
    return int(struct.unpack("<I", value)[0]) if value else 0


def _link_header(index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("<BxHiII", 0, 0, index, flags, change)


class Netlink:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.settimeout(10)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    # --- links

    def add_veth(self, name: str, peer: str, peer_namespace: int, *, address: bytes = b"") -> None:
        """Makes a pair: `name` here, down; `peer` in the namespace of that descriptor, down."""
        inner = _link_header() + text_attribute(3, peer) + number_attribute(28, peer_namespace)
        outer = _link_header() + text_attribute(3, name)
        if address:
            outer += attribute(1, address)
        self._do(NEWLINK, CREATE | EXCLUSIVE, outer + attribute(18, text_attribute(1, "veth") + attribute(2, attribute(1, inner))))

    def add_bridge(self, name: str) -> None:
        self._do(NEWLINK, CREATE | EXCLUSIVE, _link_header() + text_attribute(3, name) + attribute(18, text_attribute(1, "bridge")))

    def set_link(self, index: int, *, is_up: bool | None = None, alias: str = "", master: int = 0) -> None:
        body = _link_header(index, int(bool(is_up)), int(is_up is not None))
        if alias:
            body += attribute(20, alias.encode())
        if master:
            body += number_attribute(10, master)
        self._do(SETLINK, 0, body)

    def delete_link(self, index: int) -> None:
        self._ignoring(errno.ENODEV, DELLINK, _link_header(index))

    def link_index(self, name: str) -> int:
        """0 where there is no such link."""
        return next((link.index for link in self.links() if link.name == name), 0)

    def links(self) -> list[Link]:
        found = []
        for data in self._dump(GETLINK, _link_header()):
            _, _, index, flags, _ = struct.unpack_from("<BxHiII", data)
            values = attributes(data[16:])
            found.append(Link(index, values[3].rstrip(b"\0").decode(), values.get(20, b"").rstrip(b"\0").decode(errors="replace"),
                              bool(flags & 1)))
        return found

    # --- addresses and neighbours

    def add_address(self, index: int, address: str, prefix_length: int = 32, *, label: str = "") -> None:
        packed = socket.inet_aton(address)
        body = struct.pack("<BBBBI", socket.AF_INET, prefix_length, 0, 0, index) + attribute(1, packed) + attribute(2, packed)
        if label:
            body += text_attribute(3, label)
        self._do(NEWADDR, CREATE | REPLACE, body)

    def delete_address(self, address: Address) -> None:
        packed = socket.inet_aton(address.address)
        body = struct.pack("<BBBBI", socket.AF_INET, address.prefix_length, 0, 0, address.index)
        self._ignoring(errno.EADDRNOTAVAIL, DELADDR, body + attribute(1, packed) + attribute(2, packed))

    def addresses(self) -> list[Address]:
        found = []
        for data in self._dump(GETADDR, struct.pack("<BBBBI", socket.AF_INET, 0, 0, 0, 0)):
            _, length, _, _, index = struct.unpack_from("<BBBBI", data)
            values = attributes(data[8:])
            packed = values.get(2) or values.get(1)
            if packed:
                found.append(Address(index, socket.inet_ntoa(packed), length, values.get(3, b"").rstrip(b"\0").decode()))
        return found

    def add_neighbour(self, index: int, address: str, hardware: bytes) -> None:
        permanent = 0x80
        body = struct.pack("<BxHiHBB", socket.AF_INET, 0, index, permanent, 0, 0)
        self._do(NEWNEIGH, CREATE | REPLACE, body + attribute(1, socket.inet_aton(address)) + attribute(2, hardware))

    # --- routes

    def set_route(self, route: Route) -> None:
        """Adds the route, or puts it in the place of one with its destination and metric."""
        self._do(NEWROUTE, CREATE | REPLACE, route.encode())

    def delete_route(self, route: Route) -> None:
        self._ignoring(errno.ESRCH, DELROUTE, route.encode())

    def routes(self) -> list[Route]:
        """The main table's."""
        found = [Route.decode(data) for data in self._dump(GETROUTE, struct.pack("<BBBBBBBBI", socket.AF_INET, *[0] * 8))]
        return [route for table, route in found if table == MAIN_TABLE]

    def route_to(self, address: str) -> Route:
        """How this namespace would send to an address; OSError where it could not."""
        body = struct.pack("<BBBBBBBBI", socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, 0) + attribute(1, socket.inet_aton(address))
        self._send(GETROUTE, 0, body)
        for kind, data in self._answers():
            if kind == NEWROUTE:
                return Route.decode(data)[1]
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH), address)

    # --- messages

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(struct.pack("<IHHII", 16 + len(body), kind, flags | REQUEST, self._sequence, 0) + body)

    def _do(self, kind: int, flags: int, body: bytes) -> None:
        self._send(kind, flags | ACK, body)
        for _ in self._answers():
            pass

    def _ignoring(self, number: int, kind: int, body: bytes) -> None:
        try:
            self._do(kind, 0, body)
        except OSError as error:
            if error.errno != number:
                raise

    def _dump(self, kind: int, body: bytes) -> Iterator[bytes]:
        self._send(kind, DUMP, body)
        return (data for _, data in self._answers())

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """Messages up to the acknowledgement, the end of the dump, or a lone answer."""
        while True:
            packet, offset = self._socket.recv(1 << 18), 0
            while offset < len(packet):
                length, kind, flags, sequence, _ = struct.unpack_from("<IHHII", packet, offset)
                body = packet[offset + 16:offset + length]
                offset += (length + 3) & ~3
                if sequence != self._sequence:
                    continue
                if kind == ERROR:
                    number = -struct.unpack_from("<i", body)[0]
                    if number:
                        raise OSError(number, os.strerror(number), "netlink")
                    return
                if kind == DONE:
                    return
                yield kind, body
                if not flags & 2:
                    return
