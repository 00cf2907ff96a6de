"""GET /containerLogs: the log of the newest attempt of a container, or of the one before it."""
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from pathlib import Path

from kubeapi.times import later, parse_time
from kubeapi.world import REAL_WORLD
from kubelet.cri import ContainerState, ContainerStatus, CriError
from kubelet.logs import LogOptions, LogReader
from kubelet.restarts import statuses_of
from kubelet.server.requests import HttpError, Receive, Send, is_true
from kubelet.server.targets import Target

Query = Mapping[str, list[str]]


async def serve_logs(target: Target, query: Query, receive: Receive, send: Send) -> None:
    options = log_options(query)
    attempt = _attempt(target, is_previous=is_true(_one(query, "previous")))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})

    async def write(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    ended = asyncio.Event()
    if not attempt.log_path:                       # a hollow container says nothing
        await send({"type": "http.response.body", "body": b""})
        return
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(LogReader(Path(attempt.log_path), options, write).run(ended))
        watching = group.create_task(_wait_for_end(target, attempt, ended)) if options.follow else None
        leaving = group.create_task(_hang_up(receive))
        await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, watching, leaving):
            if task is not None:
                task.cancel()
    await send({"type": "http.response.body", "body": b""})


def _one(query: Query, name: str) -> str:
    return query.get(name, [""])[0]


def log_options(query: Query) -> LogOptions:
    """Raises HttpError."""
    since = b""
    try:
        if text := _one(query, "sinceSeconds"):
            since = _stamp(later(REAL_WORLD.now(), -int(text)).isoformat())
        elif text := _one(query, "sinceTime"):
            since = _stamp(parse_time(text).isoformat())
        numbers = {name: int(text) for name in ("tailLines", "limitBytes") if (text := _one(query, name))}
    except ValueError as error:
        raise HttpError(400, f"invalid log options: {error}") from error
    if any(value < 0 for value in numbers.values()):
        raise HttpError(422, "invalid log options: must be greater than or equal to 0")
    stream = _one(query, "stream").lower()
    return LogOptions(tail_lines=numbers.get("tailLines"), since=since, timestamps=is_true(_one(query, "timestamps")),
                      limit_bytes=numbers.get("limitBytes"), follow=is_true(_one(query, "follow")),
                      stream=stream if stream in ("stdout", "stderr") else "")


def _stamp(text: str) -> bytes:
    """As the times in the log are written, so that bytes compare as times do."""
    return parse_time(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode()


def _attempt(target: Target, *, is_previous: bool) -> ContainerStatus:
    name, pod = target.container.name, target.pod.metadata.name
    attempts = [one for one in target.runtime.containers.get(name, ()) if one.state is not ContainerState.CREATED]
    if is_previous:
        if len(attempts) > 1:
            return attempts[1]
        raise HttpError(400, f'previous terminated container "{name}" in pod "{pod}" not found')
    if attempts:
        return attempts[0]
    waiting = next((one.state.waiting for one in statuses_of(target.pod) if one.name == name), None)
    reason = waiting.reason if waiting else "PodInitializing" if target.pod.spec.init_containers else "ContainerCreating"
    image = ": trying and failing to pull image" if reason in ("ErrImagePull", "ImagePullBackOff") else f": {reason}"
    raise HttpError(400, f'container "{name}" in pod "{pod}" is waiting to start{image}')


async def _wait_for_end(target: Target, attempt: ContainerStatus, ended: asyncio.Event) -> None:
    events = target.kubelet.runtime.events()
    with suppress(CriError):
        while (await target.kubelet.runtime.container_status(attempt.id)).state is ContainerState.RUNNING:
            await anext(events)
    ended.set()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
