"""`picokube balance`: one address for several API servers, by passing bytes on. TLS ends at the API servers.

A connection goes to the next server that is ready, in turn. Each is asked for /readyz again and again; what goes through one
that is not ready any more is cut as long as another is, so that watches come back at once and are led there.
"""
from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import resource
import ssl
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubeclient.process import until_signalled

log = logging.getLogger("balance")

PROBE_SECONDS, LONGEST_PROBE_SECONDS, PROBE_TIMEOUT_SECONDS, CONNECT_SECONDS = 1.0, 8.0, 3.0, 2.0
CHUNK = 1 << 16
Address = tuple[str, int]


@dataclass(eq=False)
class Server:
    address: Address
    is_ready: bool = False
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def name(self) -> str:
        return "{}:{}".format(*self.address)

    def cut(self) -> None:
        for one in self.connections:
            one.transport.abort()


class Balancer:
    def __init__(self, addresses: Sequence[Address], context: ssl.SSLContext) -> None:
        self.servers = [Server(one) for one in addresses]
        self._context = context
        self._turn = itertools.count()
        self.port = 0                           # once it listens
        self.listening, self.changed = asyncio.Event(), asyncio.Event()

    async def run(self, listen: Address) -> None:
        """Until cancelled. Raises OSError where it cannot listen."""
        async with asyncio.TaskGroup() as group:
            listener = await asyncio.start_server(lambda *streams: group.create_task(self._serve(*streams)), *listen, limit=CHUNK, backlog=1024)
            self.port = listener.sockets[0].getsockname()[1]
            self.listening.set()
            async with listener:
                for server in self.servers:
                    group.create_task(self._watch(server))
                await listener.serve_forever()

    # --- which servers are ready

    async def _watch(self, server: Server) -> None:
        """One that is not there is asked ever more rarely, as long as others are."""
        wait = PROBE_SECONDS
        while True:
            self._judge(server, await self._says_ready(server))
            is_missed = server.is_ready or not self._any_ready()
            wait = PROBE_SECONDS if is_missed else min(wait * 2, LONGEST_PROBE_SECONDS)
            await asyncio.sleep(wait)

    def _judge(self, server: Server, is_ready: bool) -> None:
        if is_ready != server.is_ready:
            log.info("%s is %s", server.name, "ready" if is_ready else "not ready")
        server.is_ready = is_ready
        if not is_ready and self._any_ready():
            server.cut()
        self.changed.set()
        self.changed.clear()

    def _any_ready(self) -> bool:
        return any(one.is_ready for one in self.servers)

    async def _says_ready(self, server: Server) -> bool:
        host, port = server.address
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(host, port, ssl=self._context)
                try:
                    writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                    return b" 200 " in await reader.readline()
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError) as error:
            return server.is_ready if _is_own_fault(error) else False

    def in_turn(self) -> list[Server]:
        """Those that are ready first, beginning with the next; then those that are not: better their refusal than none."""
        start = next(self._turn) % len(self.servers)
        rotated = self.servers[start:] + self.servers[:start]
        return sorted(rotated, key=lambda one: not one.is_ready)

    # --- connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for server in self.in_turn():
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        beyond = await asyncio.open_connection(*server.address, limit=CHUNK)
                except (OSError, TimeoutError) as error:
                    if _is_own_fault(error):
                        return
                    self._judge(server, False)
                else:
                    await _join(server, reader, writer, *beyond)
                    return
        finally:
            writer.transport.abort()


def _is_own_fault(error: OSError) -> bool:
    """Too many connections here say nothing of a server: who opens them must not have the others' cut."""
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)


def _raise_file_limit() -> None:
    """A connection is two open files, and a login shell's limit is 1024 of them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _join(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                other_reader: asyncio.StreamReader, other_writer: asyncio.StreamWriter) -> None:
    """Until both sides have ended, or one breaks."""
    server.connections.add(other_writer)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_on(reader, other_writer))
            group.create_task(_pass_on(other_reader, writer))
    except* OSError:
        pass        # one side broke: so the other ends
    finally:
        server.connections.discard(other_writer)
        other_writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="picokube balance", description="One address for several API servers.")
    parser.add_argument("--listen", type=_address, default=("0.0.0.0", 6443), metavar="HOST:PORT")
    parser.add_argument("--server", type=_address, action="append", required=True, metavar="HOST:PORT", help="an API server")
    parser.add_argument("--cafile", required=True, help="who signed the API servers' certificates")
    return parser


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ArgumentTypeError(f"{text!r}: write HOST:PORT")
    return host, int(port)


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    _raise_file_limit()
    try:
        context = ssl.create_default_context(cafile=options.cafile)
        asyncio.run(until_signalled(Balancer(options.server, context).run(options.listen)))
    except OSError as error:
        log.error("%s", error)
        return 1
    return 0
