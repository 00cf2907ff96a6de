"""Waits for a file to grow or to be replaced, by the kernel's inotify: who follows a log sleeps until there is more."""
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from kubelet import linux

MODIFY, MOVED_TO, CREATE, DELETE = 0x2, 0x80, 0x100, 0x200
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def changed(self) -> None:
        """Something happened since the last call (or since the watch began)."""
        while True:
            try:
                os.read(self._descriptor, 65536)
                return
            except BlockingIOError:
                await linux.readable(self._descriptor)


@contextlib.contextmanager
def watch(directory: Path) -> Iterator[Watch]:
    """Of what happens to the files of a directory."""
    descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "inotify_init1")
    try:
        if _libc.inotify_add_watch(descriptor, os.fsencode(directory), MODIFY | MOVED_TO | CREATE | DELETE) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(directory))
        yield Watch(descriptor)
    finally:
        os.close(descriptor)


async def first_of(*waits: asyncio.Event | Watch) -> None:
    """Returns when the first of them has something."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.wait() if isinstance(one, asyncio.Event) else one.changed()) for one in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
