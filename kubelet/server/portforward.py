"""Port-forward: connections to what listens on a pod's localhost, many over one WebSocket, by either of two protocols.

    SPDY/3.1+portforward.k8s.io   kubectl: each connection is a pair of SPDY streams, data and error, of one requestid
    v4.channel.k8s.io             other clients: each port has two channels, 2n data and 2n + 1 error; all begin with the port
"""
from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from kubelet.cri import CriError
from kubelet.server.requests import HttpError, Receive, Scope, Send
from kubelet.server.spdystreams import SpdyConnection, SpdyStream
from kubelet.server.targets import PodTarget

TUNNEL, CHANNELS = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"
CHUNK = 32 << 10
WAITING_FRAMES = 64
Query = Mapping[str, list[str]]


class Pipe(Protocol):
    """One connection's bytes as the client sees them."""

    is_reset: bool

    async def read(self) -> bytes: ...
    def write(self, data: bytes, /) -> Awaitable[None]: ...


async def serve_port_forward(target: PodTarget, query: Query, scope: Scope, receive: Receive, send: Send) -> None:
    offered = scope.get("subprotocols") or ()
    protocol = next((one for one in (TUNNEL, CHANNELS) if one in offered), "")
    if not protocol:
        raise HttpError(400, f"the WebSocket must speak {TUNNEL} or {CHANNELS}")
    ports = _ports(query)
    if protocol == CHANNELS and not ports:
        raise HttpError(400, 'query parameter "port" is required')
    target.sandbox()                                # raises HttpError where there is none
    await receive()                                 # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": protocol})
    async with asyncio.TaskGroup() as group:
        served = _Streams(target, receive, send, group) if protocol == TUNNEL else _Channels(target, ports, receive, send, group)
        await served.run()
        for task in served.tasks:
            task.cancel()


def _ports(query: Query) -> list[int]:
    texts = [text for name in ("port", "ports") for one in query.get(name, ()) for text in one.split(",") if text]
    if any(not text.isdigit() or not 0 < int(text) < 65536 for text in texts):
        raise HttpError(400, f"invalid ports {','.join(texts)!r}")
    return [int(text) for text in texts]


async def forward(target: PodTarget, port: int, pipe: Pipe) -> str:
    """Moves bytes until the pod's side ends or the client gives up; what went wrong, or ""."""
    try:
        reader, writer = await target.kubelet.runtime.port_forward(target.sandbox().id, port)
    except (CriError, HttpError) as error:
        uid = target.pod.metadata.uid
        return f"error forwarding port {port} to pod {target.pod.metadata.name}, uid {uid}: {error.message}"
    try:
        async with asyncio.TaskGroup() as group:
            outwards = group.create_task(_from_pod(reader, pipe))
            inwards = group.create_task(_to_pod(writer, pipe, outwards))
            await asyncio.wait((outwards,))
            inwards.cancel()
    finally:
        writer.close()
    return ""


async def _from_pod(reader: asyncio.StreamReader, pipe: Pipe) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await pipe.write(data)


async def _to_pod(writer: asyncio.StreamWriter, pipe: Pipe, outwards: asyncio.Task[None]) -> None:
    with contextlib.suppress(OSError):
        while data := await pipe.read():
            writer.write(data)
            await writer.drain()
        if not pipe.is_reset:
            writer.write_eof()
            return
    outwards.cancel()


class _Streams:
    """SPDY: two streams make a connection."""

    def __init__(self, target: PodTarget, receive: Receive, send: Send, group: asyncio.TaskGroup) -> None:
        self._target, self._group = target, group
        self._connection = SpdyConnection(receive, send)
        self._pairs: dict[str, dict[str, SpdyStream]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await self._connection.run(self._opened)

    def _opened(self, stream: SpdyStream) -> None:
        kind, request = stream.headers.get("streamtype", ""), stream.headers.get("requestid", "")
        port = stream.headers.get("port", "")
        if kind not in ("data", "error") or not port.isdigit():
            self._start(stream.refuse())
            self._connection.forget(stream)
            return
        pair = self._pairs.setdefault(request, {})
        pair[kind] = stream
        if len(pair) == 2:
            del self._pairs[request]
            self._start(self._serve(pair["data"], pair["error"], int(port)))

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work
        task = self._group.create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, data: SpdyStream, errors: SpdyStream, port: int) -> None:
        fault = await forward(self._target, port, data)
        await errors.write(fault.encode())
        await data.finish()
        await errors.finish()
        self._connection.forget(data, errors)


@dataclass(slots=True)
class _Channel:
    write: Callable[[bytes], Awaitable[None]]
    waiting: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(WAITING_FRAMES))
    is_reset: bool = False

    async def read(self) -> bytes:
        return await self.waiting.get()


class _Channels:
    """One connection per port, from the start."""

    def __init__(self, target: PodTarget, ports: list[int], receive: Receive, send: Send, group: asyncio.TaskGroup) -> None:
        self._receive, self._send = receive, send
        self._pipes = [_Channel(partial(self._write, 2 * index)) for index in range(len(ports))]
        self.tasks = {group.create_task(self._serve(target, index, port)) for index, port in enumerate(ports)}

    async def run(self) -> None:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            data = message.get("bytes") or b""
            if data[1:] and data[0] % 2 == 0 and data[0] // 2 < len(self._pipes):
                await self._pipes[data[0] // 2].waiting.put(data[1:])

    async def _serve(self, target: PodTarget, index: int, port: int) -> None:
        for channel in (2 * index, 2 * index + 1):
            await self._write(channel, struct.pack("<H", port))
        fault = await forward(target, port, self._pipes[index])
        if fault:
            await self._write(2 * index + 1, fault.encode())
        elif len(self._pipes) == 1:
            await self._send({"type": "websocket.close", "code": 1000})

    async def _write(self, channel: int, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": bytes([channel]) + data})
