"""Unpacks one layer, as a process of its own (`python -I -S unpack.py REQUEST`), into an empty directory.

It locks itself into that directory (chroot) before it unpacks the first entry, so no name or link in it leads out.
Both digests are checked: of the bytes as they came, and of the tar inside. Whiteouts become overlayfs's own.
The request is JSON: target, diff_id, digest ("" for none), path, offset and size of the source (path "": standard input), site.
"""
from __future__ import annotations

import ctypes
import errno
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import stat
import sys
import tarfile
import zlib

CHUNK = 1 << 20
PR_SET_PDEATHSIG = 1
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
OPAQUE, WHITEOUT = ".wh..wh..opq", ".wh."
# An image that set these could have overlayfs show it directories of others.
FORBIDDEN_ATTRIBUTES = ("trusted.overlay.", "user.overlay.")
DAMAGED = (tarfile.TarError, zlib.error, EOFError, ValueError, KeyError, OverflowError)
# Bounds of what one layer may ask of this machine.
MOST_ENTRIES, DEEPEST = 1_000_000, 256
MOST_MEMORY = 2 << 30
RESERVE_PART, MOST_RESERVE = 20, 1 << 30
OFTEN = 1 << 22


TYPE_CHECKING = False                # the real one would import a large module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Stream(Protocol):
        def read(self, size: int, /) -> bytes: ...


class NoRoom(Exception):
    """The disk cannot take the layer."""


class Room:
    """What the disk can take: a decompression bomb must not fill it for everybody else."""

    def __init__(self) -> None:
        found = os.statvfs("/")
        self.reserve, self.inodes = reserve(found), found.f_files // RESERVE_PART
        self.most = max(0, found.f_bavail * found.f_frsize - self.reserve)
        self.read = self.written = self.entries = self.unchecked = 0

    def count_read(self, size: int) -> None:
        self.read += size
        if self.read > self.most:
            raise NoRoom(f"the layer unpacks to more than {self.most} bytes")

    def count_written(self, size: int) -> None:
        """Others fill the disk meanwhile, other layers of the image to begin with."""
        self.written, self.unchecked = self.written + size, self.unchecked + size
        if self.written > self.most:
            raise NoRoom(f"the layer unpacks to more than {self.most} bytes")
        if self.unchecked >= OFTEN:
            self.check()

    def count_entry(self) -> None:
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            raise ValueError(f"more than {MOST_ENTRIES} entries")
        if self.entries % 4096 == 0:
            self.check()

    def check(self) -> None:
        self.unchecked = 0
        found = os.statvfs("/")
        if found.f_bavail * found.f_frsize < self.reserve:
            raise NoRoom(f"the layer would leave less than {self.reserve} bytes free")
        if found.f_files and found.f_favail < self.inodes:
            raise NoRoom(f"the layer would leave less than {self.inodes} inodes free")


def reserve(disk: os.statvfs_result) -> int:
    """Bytes that no image may take."""
    return min(disk.f_blocks * disk.f_frsize // RESERVE_PART, MOST_RESERVE)


class Source:
    """A stream of bytes, hashed as they pass; `limit` bytes of it at most."""

    def __init__(self, read: Callable[[int], bytes], limit: int = -1) -> None:
        self.read_some, self.left, self.hash = read, limit, hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        if self.left >= 0:
            size = min(size, self.left)
        data = self.read_some(size) if size else b""
        if self.left >= 0:
            self.left -= len(data)
        self.hash.update(data)
        return data

    @property
    def digest(self) -> str:
        return "sha256:" + self.hash.hexdigest()


class Gunzip:
    """Members one after another are one stream."""

    def __init__(self, source: Source, first: bytes) -> None:
        self.source, self.rest, self.inflate = source, first, zlib.decompressobj(31)
        self.is_done = False

    def read(self, size: int, /) -> bytes:
        while not self.is_done:
            data = self.rest or self.source.read(CHUNK)
            self.rest = b""
            if not data and not self.inflate.eof:
                raise EOFError("the layer ends too early")
            if self.inflate.eof:
                if not data.strip(b"\0"):
                    self.is_done = not data
                    continue
                self.inflate = zlib.decompressobj(31)
            out = self.inflate.decompress(data, size)
            self.rest = self.inflate.unconsumed_tail or self.inflate.unused_data
            if self.inflate.eof and not self.rest:
                self.rest = self.source.read(CHUNK)
                self.is_done = not self.rest
            if out:
                return out
        return b""


class Plain:
    def __init__(self, source: Source, first: bytes) -> None:
        self.source, self.first = source, first

    def read(self, size: int, /) -> bytes:
        if self.first:
            data, self.first = self.first[:size], self.first[size:]
            return data
        return self.source.read(size)


class Chained(io.RawIOBase):
    """What zstandard wants to read from."""

    def __init__(self, plain: Plain) -> None:
        super().__init__()
        self.plain = plain

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.plain.read(len(buffer))
        buffer[:len(data)] = data
        return len(data)


def decompressed(source: Source, site: str) -> Stream:
    """Judged by its first bytes: media types lie. Libraries are imported here, before the process locks itself in."""
    first = source.read(CHUNK)
    while len(first) < 4 and (more := source.read(CHUNK)):
        first += more
    if first.startswith(GZIP):
        return Gunzip(source, first)
    if first.startswith(ZSTD):
        sys.path.append(site)
        import zstandard
        return zstandard.ZstdDecompressor().stream_reader(io.BufferedReader(Chained(Plain(source, first))), read_across_frames=True)
    return Plain(source, first)


class Tar:
    """The decompressed stream as tarfile reads it: whole blocks, hashed."""

    def __init__(self, stream: Stream, room: Room) -> None:
        self.stream, self.room, self.hash = stream, room, hashlib.sha256()

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing and (data := self.stream.read(missing)):
            parts.append(data)
            missing -= len(data)
            self.room.count_read(len(data))
        joined = b"".join(parts)
        self.hash.update(joined)
        return joined

    def drain(self) -> str:
        """Reads to the end; the digest of it all."""
        while self.read(CHUNK):
            pass
        return "sha256:" + self.hash.hexdigest()


def unpack(stream: Any, room: Room) -> int:
    """The size of all files."""
    directories, size = [], 0
    with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK, errorlevel=2) as archive:
        remembered = vars(archive)["members"]
        while (member := archive.next()) is not None:
            remembered.clear()                 # by tarfile: all, and there may be a million
            room.count_entry()
            if member.size < 0:
                raise ValueError(f"the size of {member.name!r} is {member.size}")
            path = os.path.normpath("/" + member.name.lstrip("/"))
            parent, name = os.path.split(path)
            if path == "/":
                if member.isdir():
                    own(path, member)
                continue
            make_parents(parent)
            if name.startswith(WHITEOUT):
                white_out(parent, name)
                continue
            size += make(archive, member, path, room)
            if member.isdir():
                directories.append((path, member.mtime))
    for path, changed in reversed(directories):
        if os.path.isdir(path) and not os.path.islink(path):
            set_time(path, changed)
    return size


def white_out(parent: str, name: str) -> None:
    """Opaque directories and deleted names, as overlayfs has them; other names of this kind are aufs's own and mean nothing."""
    if name == OPAQUE:
        os.setxattr(parent, "trusted.overlay.opaque", b"y")
    elif not name.startswith(WHITEOUT + WHITEOUT):
        hidden = name[len(WHITEOUT):]
        if hidden in ("", ".", ".."):
            raise ValueError(f"invalid whiteout {name!r}")
        replace(os.path.join(parent, hidden))
        os.mknod(os.path.join(parent, hidden), stat.S_IFCHR, os.makedev(0, 0))


def make_parents(path: str) -> None:
    if not os.path.isdir(path):
        replace(path, keep_directory=True)
        make_parents(os.path.dirname(path))
        make_directory(path)


def make_directory(path: str) -> None:
    """Links can lead deeper than a path is long: what is so deep that nobody can delete it is refused."""
    if os.path.realpath(os.path.dirname(path)).count("/") >= DEEPEST:
        raise ValueError(f"directories are nested deeper than {DEEPEST}")
    os.mkdir(path, 0o755)


def replace(path: str, keep_directory: bool = False) -> None:
    """Makes room: later entries of an archive win."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(mode):
        os.unlink(path)
    elif not keep_directory:
        shutil.rmtree(path)


def make(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, room: Room) -> int:
    """The size of what was made."""
    replace(path, keep_directory=member.isdir())
    if member.isdir():
        if not os.path.isdir(path):
            make_directory(path)
    elif member.isreg() or member.issparse():
        write_file(archive.extractfile(member), path, room)
    elif member.issym():
        os.symlink(member.linkname, path)
    elif member.islnk():
        os.link(os.path.normpath("/" + member.linkname.lstrip("/")), path, follow_symlinks=False)
        return 0
    elif member.ischr() or member.isblk():
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(path, kind | stat.S_IMODE(member.mode), os.makedev(member.devmajor, member.devminor))
    elif member.isfifo():
        os.mkfifo(path)
    else:
        return 0
    own(path, member)
    if not member.isdir():
        set_time(path, member.mtime)
    return member.size


def write_file(source: Any, path: str, room: Room) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb", buffering=0) as file:
        while data := source.read(CHUNK):
            room.count_written(len(data))
            file.write(data)


def own(path: str, member: tarfile.TarInfo) -> None:
    os.lchown(path, member.uid, member.gid)
    if member.issym():
        return
    os.chmod(path, stat.S_IMODE(member.mode))
    for key, value in member.pax_headers.items():
        name = key.removeprefix("SCHILY.xattr.")
        if name == key or name.startswith(FORBIDDEN_ATTRIBUTES):
            continue
        try:
            os.setxattr(path, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise


def set_time(path: str, seconds: float) -> None:
    moment = int(seconds * 1000000000)
    os.utime(path, ns=(moment, moment), follow_symlinks=False)


def open_source(request: dict[str, Any]) -> Source:
    if not request["path"]:
        return Source(lambda size: os.read(0, size))
    descriptor = os.open(request["path"], os.O_RDONLY)
    os.lseek(descriptor, request["offset"], os.SEEK_SET)
    return Source(lambda size: os.read(descriptor, size), request["size"])


def work(request: dict[str, Any]) -> dict[str, Any]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    source = open_source(request)
    stream = decompressed(source, request["site"])
    os.umask(0)
    os.chroot(request["target"])
    os.chdir("/")
    room = Room()
    tar = Tar(stream, room)
    size = unpack(tar, room)
    diff_id = tar.drain()
    while source.read(CHUNK):
        pass
    if request["digest"] and source.digest != request["digest"]:
        return {"error": f"the layer's digest is {source.digest}, not {request['digest']}"}
    if diff_id != request["diff_id"]:
        return {"error": f"the unpacked layer's digest is {diff_id}, not {request['diff_id']}"}
    root = os.open("/", os.O_RDONLY)
    if libc.syncfs(root):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return {"size": size}


def main() -> None:
    try:
        answer = work(json.loads(sys.argv[1]))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        answer = {"error": "no space left on device" if full else f"unpacking failed: {error}"}
    except DAMAGED as error:
        answer = {"error": f"the layer is damaged: {error}"}
    except NoRoom as error:
        answer = {"error": f"no space left on device: {error}"}
    except MemoryError:
        answer = {"error": f"the layer is damaged: unpacking it takes more than {MOST_MEMORY} bytes of memory"}
    except Exception as error:
        # A library's own failures (zstd's), which cannot be named without importing it.
        answer = {"error": f"the layer is damaged: {error!r}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
