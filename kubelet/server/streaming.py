"""exec and attach over a WebSocket of several channels (v5.channel.k8s.io, v4.channel.k8s.io), or of a SPDY connection's streams.

A binary frame begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 the terminal's size. With v5
the frame [255, channel] says that a channel ends: how a client closes stdin without ending everything.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson

from kubelet.cri import CriError, ExecStreams
from kubelet.server.requests import HttpError, Receive, Scope, Send, is_true
from kubelet.server.spdystreams import SpdyChannels
from kubelet.server.targets import Target

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
TUNNEL = "SPDY/3.1+v4.channel.k8s.io"
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", TUNNEL)
FRAME_BYTES = 32 << 10
INPUT_FRAMES = 64                       # read ahead of the process at most
Query = Mapping[str, list[str]]
Document = dict[str, Any]
Work = Callable[[ExecStreams], Awaitable[Document]]


class Channels:
    """The process's streams (kubelet.cri.ExecStreams) over one WebSocket."""

    def __init__(self, receive: Receive, send: Send, *, has_stdin: bool, has_stdout: bool, has_stderr: bool) -> None:
        self._receive, self._send = receive, send
        self._has_stdin, self._has_stdout, self._has_stderr = has_stdin, has_stdout, has_stderr
        self._input: asyncio.Queue[bytes] = asyncio.Queue(INPUT_FRAMES)
        self._sizes: asyncio.Queue[tuple[int, int]] = asyncio.Queue(INPUT_FRAMES)

    async def read_frames(self) -> None:
        """Until the client leaves."""
        while (message := await self._receive())["type"] != "websocket.disconnect":
            data = message.get("bytes") or (message.get("text") or "").encode()
            if data:
                await self._take(data[0], data[1:])

    async def _take(self, channel: int, data: bytes) -> None:
        if channel == STDIN and data and self._has_stdin:
            await self._input.put(data)
        elif channel == CLOSE and data[:1] == bytes([STDIN]):
            await self._input.put(b"")
        elif channel == RESIZE:
            size = orjson.loads(data)
            await self._sizes.put((int(size.get("Width", 0)), int(size.get("Height", 0))))

    async def stdin(self) -> AsyncIterator[bytes]:
        while self._has_stdin and (data := await self._input.get()):
            yield data
        yield b""

    async def resizes(self) -> AsyncIterator[tuple[int, int]]:
        while True:
            yield await self._sizes.get()

    async def stdout(self, data: bytes) -> None:
        if self._has_stdout:
            await self._write(STDOUT, data)

    async def stderr(self, data: bytes) -> None:
        if self._has_stderr:
            await self._write(STDERR, data)

    async def finish(self, status: Document) -> None:
        await self._write(STATUS, orjson.dumps(status))

    async def _write(self, channel: int, data: bytes) -> None:
        for start in range(0, len(data), FRAME_BYTES):
            await self._send({"type": "websocket.send", "bytes": bytes([channel]) + data[start:start + FRAME_BYTES]})


def exit_status(code: int) -> Document:
    """What the client makes its own exit code of."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}


def failure_status(error: CriError) -> Document:
    if error.exit_code is not None:
        status = exit_status(error.exit_code)
        return {**status, "message": f"command terminated with non-zero exit code: {error.message}"}
    return {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": f"Internal error occurred: {error.message}",
            "details": {"causes": [{"message": error.message}]}, "code": 500}


async def serve_exec(target: Target, query: Query, scope: Scope, receive: Receive, send: Send) -> None:
    command = query.get("command", [])
    if not command:
        raise HttpError(400, "you must specify at least one command for the container")
    running, runtime = target.running(), target.kubelet.runtime
    tty = _wants(query, "tty")

    async def work(channels: ExecStreams) -> Document:
        return exit_status(await runtime.exec(running.id, command, channels, tty=tty))

    await _converse(query, tty, work, scope, receive, send)


async def serve_attach(target: Target, query: Query, scope: Scope, receive: Receive, send: Send) -> None:
    running, runtime = target.running(), target.kubelet.runtime

    async def work(channels: ExecStreams) -> Document:
        await runtime.attach(running.id, channels)
        return exit_status(0)

    await _converse(query, target.container.tty, work, scope, receive, send)


def _wants(query: Query, *names: str) -> bool:
    """A flag, under the API's name or under the older one kubelets know it by."""
    return any(is_true(query.get(name, [""])[0]) for name in names)


async def _converse(query: Query, tty: bool, work: Work, scope: Scope, receive: Receive,
                    send: Send) -> None:
    offered = scope.get("subprotocols") or ()
    protocol = next((one for one in PROTOCOLS if one in offered), "")
    if not protocol:
        raise HttpError(400, f"the WebSocket must speak one of {', '.join(PROTOCOLS)}")
    wanted = {"stdin": _wants(query, "stdin", "input"), "stdout": _wants(query, "stdout", "output"),
              "stderr": _wants(query, "stderr", "error") and not tty, "resize": _wants(query, "tty")}
    channels = SpdyChannels(receive, send, frozenset(name for name, is_wanted in wanted.items() if is_wanted)) if protocol == TUNNEL else \
        Channels(receive, send, has_stdin=wanted["stdin"], has_stdout=wanted["stdout"], has_stderr=wanted["stderr"])
    await receive()                                 # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": protocol})
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(channels.read_frames())
        working = group.create_task(_guarded(work, channels))
        await asyncio.wait((reading, working), return_when=asyncio.FIRST_COMPLETED)
        status = working.result() if working.done() else None
        reading.cancel()
        working.cancel()                            # the client has left: the command goes too
    if status is not None:
        await channels.finish(status)
        await send({"type": "websocket.close", "code": 1000})


async def _guarded(work: Work, channels: Channels | SpdyChannels) -> Document:
    try:
        if isinstance(channels, SpdyChannels):
            await channels.wait_complete()
        return await work(channels)
    except TimeoutError:
        return failure_status(CriError("ExecFailed", "timed out waiting for client to create streams"))
    except CriError as error:
        return failure_status(error)
