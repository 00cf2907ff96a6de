"""Bytes between an ExecStreams and a command in a container: over pipes, over a terminal, over a shim's attach socket."""
from __future__ import annotations

import asyncio
import fcntl
import os
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubelet import shim
from kubelet.cri import CriError, ExecStreams
from kubelet.linux import readable, writable
from kubelet.runc.zygote import Conversation, Zygote

CHUNK = 1 << 16
IDLE_SECONDS = 1.0                   # output that a command's orphans still write after it ended
START_SECONDS = 60.0
MOST_OUTPUT = 16 << 20

Sink = Callable[[bytes], Awaitable[None]]


class Progress:
    """Whether bytes still move."""

    def __init__(self) -> None:
        self.count = 0

    def through(self, sink: Sink) -> Sink:
        async def counted(data: bytes) -> None:
            self.count += 1
            await sink(data)
        return counted


def process(document: Mapping[str, Any], command: Sequence[str], *, is_terminal: bool) -> dict[str, Any]:
    """The container's process, with its user, environment and capabilities, made that of a command."""
    env = list(document["env"])
    if is_terminal and not any(one.startswith("TERM=") for one in env):
        env.append("TERM=xterm")
    return {**document, "args": list(command), "terminal": is_terminal, "env": env}


async def run(zygote: Zygote, request: dict[str, Any], streams: ExecStreams) -> int:
    """Starts the command and moves bytes until it has ended; its exit code. Cancelled, the command is killed."""
    descriptors: list[int] = []
    theirs: list[int] = []
    try:
        if not request["tty"]:
            for is_input in (True, False, False):
                reader, writer = os.pipe2(os.O_CLOEXEC)
                theirs.append(reader if is_input else writer)
                descriptors.append(writer if is_input else reader)
        conversation = await zygote.ask(request, theirs)
    except BaseException:
        _close(descriptors + theirs)
        raise
    _close(theirs)
    try:
        descriptors += await _started(conversation)
        return await _move(conversation, descriptors, streams, is_terminal=request["tty"])
    finally:
        conversation.close()
        _close(descriptors)


async def _started(conversation: Conversation) -> list[int]:
    async with asyncio.timeout(START_SECONDS):
        answer, descriptors = await conversation.receive()
    if "pid" not in answer:
        message = answer.get("error", "the command's shim died")
        raise CriError("ExecFailed", f"OCI runtime exec failed: {message}", exit_code=code_of(message))
    return descriptors


def code_of(message: str) -> int:
    """126: it cannot be executed; 127: there is no such file."""
    if re.search(r"not found|no such file or directory", message):
        return 127
    return 126


async def _move(conversation: Conversation, descriptors: list[int], streams: ExecStreams, *, is_terminal: bool) -> int:
    for descriptor in descriptors:
        os.set_blocking(descriptor, False)
    progress = Progress()
    if is_terminal:
        terminal = descriptors[0]
        outputs: list[Coroutine[Any, Any, None]] = [pump_out(terminal, progress.through(streams.stdout))]
        inputs = [_type(streams, terminal), _resize(streams, lambda size: _set_window(terminal, size))]
    else:
        stdin, stdout, stderr = descriptors
        outputs = [pump_out(stdout, progress.through(streams.stdout)), pump_out(stderr, progress.through(streams.stderr))]
        inputs = [_feed(streams, descriptors)]
    async with asyncio.TaskGroup() as group:
        helpers = [group.create_task(one) for one in inputs]
        moving = [group.create_task(one) for one in outputs]
        answer, _ = await conversation.receive()
        await _drain(moving, progress)
        for task in helpers:
            task.cancel()
    if "exit" not in answer:
        raise CriError("ExecFailed", "the command's shim died", exit_code=137)
    return int(answer["exit"])


async def _drain(moving: list[asyncio.Task[None]], progress: Progress) -> None:
    pending = set(moving)
    while pending:
        seen = progress.count
        _, pending = await asyncio.wait(pending, timeout=IDLE_SECONDS)
        if pending and progress.count == seen:
            break
    for task in pending:
        task.cancel()


async def pump_out(descriptor: int, sink: Sink) -> None:
    while True:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            await readable(descriptor)
            continue
        except OSError:
            return                   # a terminal whose other side is closed
        if not data:
            return
        await sink(data)


async def _feed(streams: ExecStreams, descriptors: list[int]) -> None:
    """Into the command's standard input, which is closed at the end of ours."""
    stdin = descriptors[0]
    await _write_all(streams, stdin)
    os.close(stdin)
    descriptors[0] = -1


async def _type(streams: ExecStreams, terminal: int) -> None:
    await _write_all(streams, terminal)


async def _write_all(streams: ExecStreams, descriptor: int) -> None:
    async for data in streams.stdin():
        if not data:
            return
        while data:
            try:
                data = data[os.write(descriptor, data):]
            except BlockingIOError:
                await writable(descriptor)
            except OSError:
                return               # the command closed its input


async def _resize(streams: ExecStreams, apply: Callable[[tuple[int, int]], None]) -> None:
    async for size in streams.resizes():
        apply(size)


def _set_window(terminal: int, size: tuple[int, int]) -> None:
    with suppress(OSError):
        fcntl.ioctl(terminal, shim.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


class Capture:
    """The streams of a command without input whose (bounded) output is kept."""

    def __init__(self) -> None:
        self.out, self.err = bytearray(), bytearray()

    async def _nothing(self) -> AsyncIterator[bytes]:
        yield b""

    def stdin(self) -> AsyncIterator[bytes]:
        return self._nothing()

    async def stdout(self, data: bytes) -> None:
        self.out += data[:max(0, MOST_OUTPUT - len(self.out))]

    async def stderr(self, data: bytes) -> None:
        self.err += data[:max(0, MOST_OUTPUT - len(self.err))]

    async def _no_sizes(self) -> AsyncIterator[tuple[int, int]]:
        return
        yield

    def resizes(self) -> AsyncIterator[tuple[int, int]]:
        return self._no_sizes()


# --- attach

async def attach(directory: Path, streams: ExecStreams) -> None:
    """Until the container ends."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}/attach.sock")
    except OSError as error:
        raise CriError("AttachFailed", f"the container cannot be attached to: {error.strerror}") from error
    finally:
        os.close(descriptor)
    try:
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(_send_input(streams, writer)), group.create_task(_send_sizes(streams, writer))]
            await _receive_output(reader, streams)
            for task in helpers:
                task.cancel()
    finally:
        writer.close()


async def _receive_output(reader: asyncio.StreamReader, streams: ExecStreams) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            kind, length = shim.FRAME.unpack(await reader.readexactly(shim.FRAME.size))
            data = await reader.readexactly(length)
            await (streams.stdout(data) if kind == shim.STDOUT else streams.stderr(data))


async def _send_input(streams: ExecStreams, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        async for data in streams.stdin():
            if not data:
                break
            writer.write(shim.FRAME.pack(shim.STDIN, len(data)) + data)
            await writer.drain()
        writer.write(shim.FRAME.pack(shim.STDIN_END, 0))


async def _send_sizes(streams: ExecStreams, writer: asyncio.StreamWriter) -> None:
    async for columns, rows in streams.resizes():
        writer.write(shim.FRAME.pack(shim.RESIZE, 4) + struct.pack(">HH", columns, rows))
