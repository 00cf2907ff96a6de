"""Connections from the API server to others (kubelets, pods, nodes), and what joins them to a client's."""
from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

CONNECT_SECONDS = 5.0
HANDSHAKE_SECONDS = 30.0               # of a WebSocket: who asked for it is not heard meanwhile
LARGEST_MESSAGE = 16 << 20             # of a WebSocket; it is held until it is whole


class Outward:
    """A session with a pool of connections, made when it is first used: the library takes an eighth of a second to import, which a
    start does not wait for. How long an answer may take is for the client to say, who hangs up."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._session is not None:
                await self._session.close()

    def session(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context(), limit=0), auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS))
        return self._session

    @asynccontextmanager
    async def websocket(self, url: str | URL, protocols: tuple[str, ...], **more: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Raises aiohttp.ClientError, OSError."""
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            connected = await self.session().ws_connect(url, protocols=protocols, max_msg_size=LARGEST_MESSAGE, **more)
        async with connected:
            yield connected


async def until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side; when one ends, the others are cancelled. What one fails with is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failed:
        if len(failed.exceptions) == 1:
            raise failed.exceptions[0] from None
        raise
