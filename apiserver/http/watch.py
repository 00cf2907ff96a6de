"""The stream of changes: one line an event, until the client goes, its time is up or it was too slow."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import orjson

from apiserver.cacher.cacher import CachedObject, Cacher, Entry, Predicate, Render
from apiserver.cacher.encoding import watch_line
from apiserver.http.responses import Receive, Send
from apiserver.registry.listing import ListOptions
from kubeapi.errors import ApiStatusError
from kubeapi.world import World

BOOKMARK_SECONDS = 60.0
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
# Without timeoutSeconds a watch ends cleanly after this to twice this, spread so that clients do not come back at once.
LONGEST_SECONDS = 1800.0


class Watch:
    def __init__(self, cacher: Cacher, prefix: str, options: ListOptions, kind: str, api_version: str, representation: str,
                 render: Render, first_render: Render | None, world: World) -> None:
        self._cacher, self._prefix, self._options = cacher, prefix, options
        self._kind, self._api_version = kind, api_version
        self._representation, self._render, self._first = representation, render, first_render
        self._seconds = options.timeout_seconds or LONGEST_SECONDS * (1 + world.random.random())
        by_selector = options.predicate()
        self._matches: Predicate = lambda one: one.key.startswith(prefix) and by_selector(one)

    async def serve(self, receive: Receive, send: Send, content_type: str) -> None:
        """Ends when the client hangs up, too."""
        initial, cursor = await self._start()       # errors before the first byte are ordinary answers
        await send({"type": "http.response.start", "status": 200, "headers": [
            (b"content-type", content_type.encode()), (b"cache-control", b"no-cache, private")]})
        async with asyncio.TaskGroup() as group:
            streaming = group.create_task(self._stream(send, initial, cursor))
            hanging_up = group.create_task(_hang_up(receive))
            await asyncio.wait((streaming, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            streaming.cancel()
            hanging_up.cancel()

    async def _start(self) -> tuple[Sequence[CachedObject], int]:
        """What is told as if it had just been made, and where the changes begin."""
        options, cacher = self._options, self._cacher
        if options.send_initial_events is not False and (options.send_initial_events or not options.resource_version):
            await (cacher.wait_for(options.resource_version) if options.resource_version else cacher.wait_filled())
            return cacher.list(self._prefix, options.predicate()), cacher.revision
        await cacher.wait_for(options.resource_version or 0)
        return (), options.resource_version or cacher.revision

    async def _stream(self, send: Send, initial: Sequence[CachedObject], cursor: int) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._lines(initial, cursor):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            pass                                    # its time is up: a clean end
        except ApiStatusError as error:
            await send({"type": "http.response.body", "body": watch_line("ERROR", orjson.dumps(error.status)), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _lines(self, initial: Sequence[CachedObject], cursor: int) -> AsyncIterator[bytes]:
        for start in range(0, len(initial), 200):
            yield b"".join(watch_line("ADDED", self._rendered(one)) for one in initial[start:start + 200])
        if self._options.send_initial_events:
            yield self._bookmark(cursor, {INITIAL_EVENTS_END: "true"})
        async for entries in self._cacher.changes(cursor, lambda: BOOKMARK_SECONDS):
            if entries is None:
                if self._options.bookmarks:
                    yield self._bookmark(self._cacher.revision, {})
            elif chunk := b"".join(self._line(entry) for entry in entries):
                yield chunk

    def _line(self, entry: Entry) -> bytes:
        type = entry.type_for(self._matches)
        if not type:
            return b""
        if self._first is not None:                 # the first line is ours alone: it carries the columns
            return watch_line(type, self._rendered(entry.new))
        return entry.line(type, self._representation, self._render)

    def _rendered(self, one: CachedObject) -> bytes:
        render, self._first = self._first or self._render, None
        return render(one)

    def _bookmark(self, revision: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, object] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return watch_line("BOOKMARK", orjson.dumps({"kind": self._kind, "apiVersion": self._api_version, "metadata": metadata}))


async def _hang_up(receive: Receive) -> None:
    """A client's going raises nothing where we send; only this tells."""
    while (await receive())["type"] != "http.disconnect":
        continue
