"""Layers become directories: each unpacked by a worker process beside the store, checked, and only then renamed into it."""
from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from kubelet.cri import CriError
from kubelet.images import unpack

WORKERS = max(2, os.cpu_count() or 2)
SECONDS = 1800.0                      # for a worker to take what it is given, and to end


@dataclass(frozen=True, slots=True)
class Region:
    """Where a layer's bytes lie in a file."""

    path: str
    offset: int
    size: int


def directory_name(diff_id: str) -> str:
    """Half the digest: overlayfs takes the names of all layers in one page."""
    return diff_id.removeprefix("sha256:")[:32]


class Unpacker:
    def __init__(self, layers: Path) -> None:
        self._layers = layers
        self._workers = asyncio.Semaphore(WORKERS)
        self._locks: dict[str, asyncio.Lock] = {}

    def has(self, diff_id: str) -> bool:
        return (self._layers / directory_name(diff_id)).is_dir()

    async def add(self, diff_id: str, digest: str, source: AsyncGenerator[bytes, None] | Region, scratch: Path) -> None:
        """Unpacks what is not there yet. `scratch` is a directory of the caller's on the store's file system."""
        target = self._layers / directory_name(diff_id)
        async with self._locks.setdefault(diff_id, asyncio.Lock()), self._workers:
            if target.is_dir():
                return
            unpacked = scratch / directory_name(diff_id)
            shutil.rmtree(unpacked, ignore_errors=True)
            unpacked.mkdir(mode=0o755)
            size = await self._unpack(unpacked, diff_id, digest, source)
            (scratch / "size").write_text(str(size))
            (scratch / "size").rename(self._layers / f"{directory_name(diff_id)}.size")
            with suppress(FileExistsError, OSError):
                unpacked.rename(target)
            if not target.is_dir():
                raise CriError("ErrImagePull", f"layer {diff_id} cannot be stored")

    async def take(self, layers: Path, name: str, scratch: Path) -> None:
        """Links what another store on this file system has unpacked (and copies where that cannot be): layers are never written to."""
        target = self._layers / name
        async with self._locks.setdefault(name, asyncio.Lock()), self._workers:
            if target.is_dir():
                return
            copy = scratch / name
            if not await _run("cp", "--archive", "--link", str(layers / name), str(copy)):
                await asyncio.to_thread(shutil.rmtree, copy, True)
                if not await _run("cp", "--archive", str(layers / name), str(copy)):
                    raise CriError("ErrImagePull", f"layer {name} cannot be copied")
            shutil.copy(layers / f"{name}.size", self._layers / f"{name}.size")
            if not await _run("sync", "--file-system", str(copy)):
                raise CriError("ErrImagePull", f"layer {name} cannot be stored")
            copy.rename(target)

    def size(self, diff_id: str) -> int:
        try:
            return int((self._layers / f"{directory_name(diff_id)}.size").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    async def _unpack(self, target: Path, diff_id: str, digest: str, source: AsyncGenerator[bytes, None] | Region) -> int:
        region = source if isinstance(source, Region) else Region("", 0, -1)
        request = {"target": str(target), "diff_id": diff_id, "digest": digest, "path": region.path, "offset": region.offset,
                   "size": region.size, "site": _site()}
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", unpack.__file__, json.dumps(request),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        try:
            if not isinstance(source, Region):
                await _feed(worker, source)
            async with asyncio.timeout(SECONDS):
                answer, _ = await worker.communicate()
        except TimeoutError as error:
            raise CriError("ErrImagePull", f"the layer is not unpacked after {SECONDS:.0f} s") from error
        finally:
            if worker.returncode is None:
                with suppress(ProcessLookupError):
                    worker.kill()
                await worker.communicate()                          # its pipes are closed, too
        document = json.loads(answer) if answer else {"error": f"the unpacking process ended with {worker.returncode}"}
        if "error" in document:
            raise CriError("ErrImagePull", document["error"])
        return int(document["size"])


async def _run(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(SECONDS):
            return await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _feed(worker: asyncio.subprocess.Process, source: AsyncGenerator[bytes, None]) -> None:
    assert worker.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):          # it says why
        async with aclosing(source):
            async for chunk in source:
                worker.stdin.write(chunk)
                async with asyncio.timeout(SECONDS):
                    await worker.stdin.drain()
        worker.stdin.close()


def _site() -> str:
    """Where zstandard lies, for a worker that starts without site packages."""
    from importlib.util import find_spec
    found = find_spec("zstandard")
    return str(Path(found.origin).parent.parent) if found and found.origin else ""
