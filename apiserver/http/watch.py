"""The stream of changes: one line an event, until the client goes, its time is up or it was too slow."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from apiserver.cacher import Cacher, Representation, Selection, Snapshot, Watcher
from apiserver.cacher.cacher import RevisionMatch
from apiserver.http.negotiation import Accepted
from apiserver.http.render import error_event
from apiserver.http.responses import Receive, Scope, Send, begin
from apiserver.registry.listing import ListOptions
from apiserver.storage.interface import StorageUnavailable
from kubeapi.errors import ApiStatusError, ServiceUnavailable
from kubeapi.world import World

# Without timeoutSeconds a watch ends cleanly after this to twice this, spread so that clients do not come back at once.
LONGEST_SECONDS = 1800.0


async def serve_watch(cacher: Cacher, selection: Selection, options: ListOptions, representation: Representation, accepted: Accepted,
                      scope: Scope, receive: Receive, send: Send, world: World) -> None:
    """Ends when the client hangs up, too: sending to a client that has gone raises nothing."""
    try:                                        # errors before the first byte: ordinary answers
        watcher = await _started(cacher, selection, options, representation, accepted)
    except StorageUnavailable as error:
        raise ServiceUnavailable(f"the store is unavailable: {error}", details={"retryAfterSeconds": 1}) from error
    seconds = options.timeout_seconds or LONGEST_SECONDS * (1 + world.random.random())
    scope["picokube.is-watch"] = True               # the connection is not held for a client that takes nothing (`Answer`)
    await begin(scope, send, 200, accepted.watch_content_type)
    async with asyncio.TaskGroup() as group:
        streaming = group.create_task(_stream(watcher, send, seconds, accepted))
        hanging_up = group.create_task(_hang_up(receive))
        await asyncio.wait((streaming, hanging_up), return_when=asyncio.FIRST_COMPLETED)
        streaming.cancel()
        hanging_up.cancel()


async def _started(cacher: Cacher, selection: Selection, options: ListOptions, representation: Representation,
                   accepted: Accepted) -> AsyncIterator[bytes]:
    initial: Snapshot | None = None
    since = options.resource_version or 0
    if options.send_initial_events or (options.send_initial_events is None and not since):
        match: RevisionMatch = "not_older" if since else "any" if options.resource_version == 0 else "consistent"
        initial = await cacher.list(selection, match=match, revision=since)
        since = initial.revision
    elif since:
        await cacher.wait_for_revision(since)
    else:
        since = await cacher.wait_until_current()
    try:
        return cacher.watch(selection, since=since, representation=representation, initial=initial,
                            ends_initial_events=bool(options.send_initial_events), bookmarks=options.bookmarks)
    except ApiStatusError as error:             # a compacted watch is 200 with one ERROR event
        return _one(error_event(error.status, accepted))


async def _one(line: bytes) -> AsyncIterator[bytes]:
    yield line


async def _stream(watcher: Watcher | AsyncIterator[bytes], send: Send, seconds: float, accepted: Accepted) -> None:
    try:
        async with asyncio.timeout(seconds):
            async for chunk in watcher:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError:
        pass                                    # its time is up: a clean end
    except ApiStatusError as error:
        await send({"type": "http.response.body", "body": error_event(error.status, accepted), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
