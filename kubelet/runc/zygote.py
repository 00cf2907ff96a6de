"""The way to the shims: the zygote (kubelet/shim.py, started by exec) and a conversation with each shim it forks."""
from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubelet import shim
from kubelet.cri import CriError
from kubelet.linux import readable, writable

MOST_BYTES = 1 << 16


class Conversation:
    """Messages with one shim; a shim that dies ends it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection

    async def receive(self) -> tuple[dict[str, Any], list[int]]:
        """A message and the descriptors that came with it; an empty one at the end."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, MOST_BYTES, 4)
            except BlockingIOError:
                await readable(self._socket.fileno())
                continue
            except ConnectionResetError:
                return {}, []
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            return (json.loads(data) if data else {}), descriptors

    def close(self) -> None:
        self._socket.close()


class Zygote:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._requests: socket.socket | None = None
        self._pid = 0
        self._lock = asyncio.Lock()

    async def ask(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> Conversation:
        """Has a shim forked that serves this request with (copies of) these descriptors."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            message = json.dumps(request).encode()
            try:
                async with self._lock:
                    await self._send(message, [theirs.fileno(), *descriptors])
            except OSError as error:
                mine.close()
                raise CriError("RunContainerError", f"the zygote of the shims cannot be reached: {error}") from error
        return Conversation(mine)

    async def _send(self, message: bytes, descriptors: list[int]) -> None:
        if self._requests is None:
            self._start()
        for is_last in (False, True):
            assert self._requests is not None
            try:
                while True:
                    try:
                        socket.send_fds(self._requests, [message], descriptors)
                    except BlockingIOError:
                        await writable(self._requests.fileno())
                    else:
                        return
            except (BrokenPipeError, ConnectionError):
                if is_last:
                    raise
                await self.stop()
                self._start()

    def _start(self) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mine.setblocking(False)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        # A duplicate first: dup2 of a descriptor onto itself would leave it close-on-exec.
        high = os.dup(theirs.fileno())
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, log, 2),
                   (os.POSIX_SPAWN_DUP2, high, 3)]
        environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")}
        try:
            self._pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", str(shim.__file__)], environment,
                                       file_actions=actions, setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM])
        finally:
            for descriptor in (log, null, high):
                os.close(descriptor)
            theirs.close()
        self._requests = mine

    async def start(self) -> None:
        async with self._lock:
            if self._requests is None:
                self._start()

    async def stop(self) -> None:
        """Ends the zygote (it ends by itself when we do); its shims live on."""
        if self._requests is None:
            return
        self._requests.close()
        self._requests = None
        with suppress(OSError):
            descriptor = os.pidfd_open(self._pid)
            try:
                await readable(descriptor)
            finally:
                os.close(descriptor)
            self._reap()

    def _reap(self) -> None:
        os.waitpid(self._pid, 0)
