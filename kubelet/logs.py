"""Container logs as the CRI writes them: `TIME STREAM TAG MESSAGE`, a line in several pieces tagged P until the last, F.

Rotated files (LOG.TIME) come before LOG. Reading is by lines and bounded; following sleeps in inotify.
"""
from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kubeapi.generated.models.core_v1 import Container
from kubelet import inotify
from kubelet.cri import ContainerStatus
from kubelet.podfiles import PodDirectory

CHUNK = 1 << 16
MESSAGE_BYTES = 4096
FALLBACK_BYTES, FALLBACK_LINES = 2048, 80


@dataclass(frozen=True, slots=True)
class LogOptions:
    tail_lines: int | None = None
    since: bytes = b""                  # RFC 3339 with nanoseconds, in UTC: older lines are left out
    timestamps: bool = False
    limit_bytes: int | None = None
    follow: bool = False
    stream: str = ""                    # stdout or stderr alone


def files_of(path: Path) -> list[Path]:
    """The rotated files, the oldest first, then the log itself."""
    rotated = sorted(path.parent.glob(f"{path.name}.*"))
    return [*rotated, *([path] if path.exists() else [])]


def render(line: bytes, options: LogOptions) -> bytes | None:
    """What a user sees of a line of the file; None where it is not asked for."""
    time, _, rest = line.partition(b" ")
    stream, _, rest = rest.partition(b" ")
    tag, _, message = rest.partition(b" ")
    if not tag or time < options.since or (options.stream and stream != options.stream.encode()):
        return None
    shown = message if tag.startswith(b"P") else message + b"\n"
    return time + b" " + shown if options.timestamps else shown


def start_of_tail(path: Path, count: int) -> int:
    """The offset of the last *count* lines."""
    with path.open("rb") as file:
        end = position = file.seek(0, os.SEEK_END)
        found = 0
        while position > 0 and count > 0:
            size = min(CHUNK, position)
            position -= size
            file.seek(position)
            data = file.read(size)
            at = size - 1 if position + size == end and data.endswith(b"\n") else size
            while (at := data.rfind(b"\n", 0, at)) >= 0:
                found += 1
                if found == count:
                    return position + at + 1
        return end if count <= 0 else 0


def _tail(files: list[Path], count: int) -> list[tuple[Path, int]]:
    """Which files to read from which offset to see the last *count* lines of all."""
    chosen: list[tuple[Path, int]] = []
    for path in reversed(files):
        start = start_of_tail(path, count)
        chosen.insert(0, (path, start))
        if start > 0 or count <= 0:
            break
        with path.open("rb") as file:
            count -= sum(block.count(b"\n") for block in iter(lambda: file.read(CHUNK), b""))
    return chosen


class _Enough(Exception):
    """limitBytes are written."""


class LogReader:
    """Reads one container's log and hands what is asked for to *write*."""

    def __init__(self, path: Path, options: LogOptions, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._path, self._options, self._write = path, options, write
        self._left = options.limit_bytes

    async def run(self, ended: asyncio.Event) -> None:
        """`ended` is set when nothing more will be written: a follower stops then."""
        files = files_of(self._path)
        places = [(one, 0) for one in files] if self._options.tail_lines is None else _tail(files, self._options.tail_lines)
        try:
            for path, start in places[:-1]:
                with path.open("rb") as file:
                    file.seek(start)
                    await self._copy(file)
            path, start = places[-1] if places else (self._path, 0)
            await (self._follow(start, ended) if self._options.follow else self._read_once(path, start))
        except _Enough:
            return

    async def _read_once(self, path: Path, start: int) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return                              # nothing was ever said
        with file:
            file.seek(start)
            await self._copy(file)

    async def _follow(self, start: int, ended: asyncio.Event) -> None:
        with inotify.watch(self._path.parent) as watch:
            while True:
                if not self._path.exists():
                    if ended.is_set():
                        return
                    await inotify.first_of(ended, watch)
                    continue
                with self._path.open("rb") as file:
                    file.seek(start)
                    if await self._follow_file(file, ended, watch):
                        return
                start = 0                       # it was rotated: the next one from its beginning

    async def _follow_file(self, file: BinaryIO, ended: asyncio.Event, watch: inotify.Watch) -> bool:
        """True at the container's end, False when the file was rotated away."""
        while True:
            is_over = ended.is_set()
            is_rotated = not _is_same(file, self._path)
            await self._copy(file)
            if is_rotated or is_over:
                return not is_rotated
            await inotify.first_of(ended, watch)

    async def _copy(self, file: BinaryIO) -> None:
        """Up to the last whole line there is now."""
        while True:
            at = file.tell()
            data = file.read(CHUNK)
            end = data.rfind(b"\n") + 1
            if not end and len(data) == CHUNK:          # a longer line than that
                data += file.readline()
                end = data.rfind(b"\n") + 1
            if not end:
                file.seek(at)
                return
            file.seek(at + end)
            await self._show(data[:end])

    async def _show(self, data: bytes) -> None:
        shown = b"".join(filter(None, (render(line, self._options) for line in data[:-1].split(b"\n"))))
        if self._left is not None:
            shown, self._left = shown[:self._left], max(0, self._left - len(shown))
        if shown:
            await self._write(shown)
        if self._left == 0:
            raise _Enough


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def termination_message(root: Path, uid: str, container: Container, ended: ContainerStatus) -> str:
    """What the container wrote as its last words; where it did not and failed, the end of its log if the policy says so."""
    path = PodDirectory(root, uid).termination_log(container.name, ended.attempt)
    try:
        with path.open("rb") as file:
            text = file.read(MESSAGE_BYTES)
    except OSError:
        text = b""
    if not text and container.termination_message_policy == "FallbackToLogsOnError" and ended.exit_code and ended.log_path:
        text = _end_of_log(Path(ended.log_path))
    return text.decode(errors="replace")


def _end_of_log(path: Path) -> bytes:
    try:
        start = start_of_tail(path, FALLBACK_LINES)
        with path.open("rb") as file:
            file.seek(start)
            lines = file.read(1 << 20).split(b"\n")
    except OSError:
        return b""
    text = b"".join(filter(None, (render(line, LogOptions()) for line in lines)))
    return text[-FALLBACK_BYTES:]
