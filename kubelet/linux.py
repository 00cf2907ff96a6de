"""The few Linux calls that Python 3.11 lacks: mounts, namespaces, and work done in a thread of its own.

A thread that changes its namespaces or working directory must never be used again, hence `in_fresh_thread`.
"""
from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import re
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

CLONE_FS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET = 0x200, 0x4000000, 0x8000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 1 << 18
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
AT_FDCWD, RESOLVE_IN_ROOT, SYS_OPENAT2 = -100, 0x10, 437
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, MOVE_MOUNT_F_EMPTY_PATH = 1, os.O_CLOEXEC, 4
AT_EMPTY_PATH, AT_RECURSIVE, MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY = 0x1000, 0x8000, 0x100000, 1

_FLOCK = struct.Struct("hhqqi")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() or None, flags, os.fsencode(data) or None),
           f"mount {target}")


def bind(source: str | Path, target: str | Path) -> None:
    mount(source, target, flags=MS_BIND)


def mount_mapped(source: str | Path, target: str | Path, namespace: str | Path, *, readonly: bool = False) -> None:
    """Like bind, with what is mounted below; the owners of the files are those of a user namespace, given by its pin."""
    tree = _check(_libc.syscall(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(source), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), f"open_tree {source}")
    try:
        users = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_IDMAP | (MOUNT_ATTR_RDONLY if readonly else 0), 0, 0, users)
            _check(_libc.syscall(SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), ctypes.sizeof(attributes)),
                   f"mount_setattr {source}")
        finally:
            os.close(users)
        _check(_libc.syscall(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH), f"move_mount {target}")
    finally:
        os.close(tree)


def unmount(target: str | Path) -> None:
    """Detaches lazily; what is not mounted (any more) is no error."""
    try:
        _check(_libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW), f"umount {target}")
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def enter_namespace(path: str | Path, kind: int = CLONE_NEWNET) -> None:
    """For the calling thread only."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, kind), f"setns {path}")
    finally:
        os.close(descriptor)


def open_in_root(root: str | Path, path: str) -> int:
    """Opens a file for reading as a process inside `root` would: no link leads out of it."""
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how = (ctypes.c_uint64 * 3)(os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, 0, RESOLVE_IN_ROOT)
        name = ctypes.create_string_buffer(path.lstrip("/").encode())
        return _check(_libc.syscall(SYS_OPENAT2, directory, name, ctypes.byref(how), ctypes.sizeof(how)), path)
    finally:
        os.close(directory)


def sync_filesystem(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.syncfs(descriptor), f"syncfs {path}")
    finally:
        os.close(descriptor)


def mount_points(under: str | Path = "/", *, table: str = "/proc/self/mountinfo") -> list[str]:
    """Every mount at or below a directory, the innermost last."""
    prefix = str(under).rstrip("/")
    found = [_unescape(line.split()[4]) for line in Path(table).read_text().splitlines()]
    return [path for path in found if path == prefix or path.startswith(f"{prefix}/")]


def is_on_shared_mount(path: Path) -> bool:
    """Whether mounts made below `path` would show up in other mount namespaces."""
    best, shared = "", False
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point = _unescape(fields[4])
        if len(point) >= len(best) and (str(path) == point or str(path).startswith(point.rstrip("/") + "/")):
            best, shared = point, any(one.startswith("shared:") for one in fields[6:fields.index("-")])
    return shared


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path) if "\\" in path else path


def start_time(pid: int) -> int:
    """Clock ticks since boot at which a process began; 0 where there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def open_process(pid: int, started: int) -> int | None:
    """A pidfd of that very process; None where it is gone, even if its pid lives on in another."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if start_time(pid) != started:
        os.close(descriptor)
        return None
    return descriptor


def lock_holder(path: Path) -> int:
    """The pid of the process that has a record lock on a file; 0 where none has, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        found = fcntl.fcntl(descriptor, fcntl.F_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(descriptor)
    kind, _, _, _, pid = _FLOCK.unpack(found)
    return 0 if kind == fcntl.F_UNLCK else int(pid)


async def in_fresh_thread(function: Callable[[], Result]) -> Result:
    """Runs a short blocking function in a new thread; a cancelled caller still waits until it is through."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            value = function()
        except BaseException as error:
            loop.call_soon_threadsafe(outcome.set_exception, error)
        else:
            loop.call_soon_threadsafe(outcome.set_result, value)

    threading.Thread(target=run, daemon=True).start()
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        with suppress(Exception):
            await outcome
        raise


async def readable(descriptor: int) -> None:
    """Waits until a descriptor can be read: a pidfd whose process ended, a pipe with data or at its end."""
    await _wait(descriptor, asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)


async def writable(descriptor: int) -> None:
    await _wait(descriptor, asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)


async def _wait(descriptor: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, lambda: None if seen.done() else seen.set_result(None))
    try:
        await seen
    finally:
        remove(descriptor)
