"""`picokube balance` over real sockets: connections go to servers that are ready, and leave those that are not any more."""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from picokube.balance import Balancer
from picokube.certificates import Authority, Wanted

LIMIT_SECONDS = 30


class ApiServer:
    """Says whether it is ready; to anything else it answers its name and then echoes."""

    def __init__(self, name: str, is_ready: bool = True) -> None:
        self.name, self.is_ready = name, is_ready
        self.port = 0
        self._listener: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext, group: asyncio.TaskGroup) -> None:
        self._listener = await asyncio.start_server(lambda *streams: group.create_task(self._serve(*streams)), "127.0.0.1", ssl=context)
        self.port = self._listener.sockets[0].getsockname()[1]

    def stop(self) -> None:
        assert self._listener is not None
        self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if (await reader.readline()).startswith(b"GET /readyz"):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if self.is_ready else b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
                return
            writer.write(f"{self.name}\n".encode())
            while data := await reader.read(1000):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


class Running:
    def __init__(self, balancer: Balancer, client: ssl.SSLContext, port: int) -> None:
        self.balancer, self._client, self._port = balancer, client, port

    async def connect(self) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """Who answered, and the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._client)
        writer.write(b"who are you\n")
        return (await reader.readline()).decode().strip(), reader, writer

    async def ask(self) -> str:
        name, _, writer = await self.connect()
        writer.transport.abort()
        return name

    async def until_ready(self, *names: bool) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while tuple(one.is_ready for one in self.balancer.servers) != names:
                await self.balancer.changed.wait()


@asynccontextmanager
async def balancing(directory: Path, *servers: ApiServer) -> AsyncIterator[Running]:
    authority = Authority(directory)
    authority.issue("server", Wanted("kube-apiserver", names=("127.0.0.1",)))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(*authority.paths("server"))
    client = ssl.create_default_context(cafile=str(authority.certificate_path))
    async with asyncio.TaskGroup() as group, asyncio.TaskGroup() as serving_group:
        for one in servers:
            await one.start(serving, serving_group)
        balancer = Balancer([("127.0.0.1", one.port) for one in servers], client)
        task = group.create_task(balancer.run(("127.0.0.1", 0)))
        async with asyncio.timeout(LIMIT_SECONDS):
            await balancer.listening.wait()
        yield Running(balancer, client, balancer.port)
        task.cancel()
        for one in servers:
            one.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(2 * LIMIT_SECONDS):
            await test()
    asyncio.run(limited())


def test_connections_are_spread_over_those_that_are_ready(tmp_path: Path) -> None:
    async def test() -> None:
        async with balancing(tmp_path, ApiServer("a"), ApiServer("b"), ApiServer("c", is_ready=False)) as running:
            await running.until_ready(True, True, False)
            assert {await running.ask() for _ in range(6)} == {"a", "b"}
    run(test)


def test_a_server_that_ceases_to_be_ready_loses_its_connections_to_others(tmp_path: Path) -> None:
    async def test() -> None:
        first, second = ApiServer("a"), ApiServer("b")
        async with balancing(tmp_path, first, second) as running:
            await running.until_ready(True, True)
            connections = [await running.connect() for _ in range(2)]
            first.is_ready = False
            cut = next(reader for name, reader, _ in connections if name == "a")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await cut.readexactly(100)
            _, kept, writer = next(one for one in connections if one[0] == "b")
            writer.write(b"still here\n")
            assert await kept.readline() == b"still here\n"
            assert {await running.ask() for _ in range(4)} == {"b"}
            first.is_ready = True
            await running.until_ready(True, True)
            assert {await running.ask() for _ in range(4)} == {"a", "b"}
    run(test)


def test_where_none_is_ready_connections_stay_and_are_still_passed_on(tmp_path: Path) -> None:
    async def test() -> None:
        only = ApiServer("a")
        async with balancing(tmp_path, only) as running:
            await running.until_ready(True)
            _, reader, writer = await running.connect()
            only.is_ready = False
            await running.until_ready(False)
            writer.write(b"anyone\n")
            assert await reader.readline() == b"anyone\n"
            assert await running.ask() == "a"
    run(test)


def test_a_server_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    async def test() -> None:
        first, second = ApiServer("a"), ApiServer("b")
        async with balancing(tmp_path, first, second) as running:
            await running.until_ready(True, True)
            first.stop()
            assert {await running.ask() for _ in range(4)} == {"b"}
    run(test)
