"""Reads what the machine has left, and what pods use of it. All of it in threads; a directory that takes long to walk is walked the
more rarely: walks never cost more than a fiftieth of a processor."""
from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.quantity import Format, Quantity
from kubelet.cri import ContainerState, ContainerStatus, RuntimeService
from kubelet.eviction.thresholds import IMAGEFS, IMAGEFS_INODES, MEMORY, NODEFS, NODEFS_INODES, PIDS, Observation, Observations
from kubelet.eviction.usage import ContainerUsage, DiskUsage, PodUsage, is_on_disk
from kubelet.podfiles import PodDirectory, log_directory

BLOCK = 512                                  # what st_blocks counts, whatever the disk's own are
SHARE = 50


# --- the machine

def observe_node(root: Path, proc: Path = Path("/proc")) -> Observations:
    """`root`: the kubelet's; images lie below it, maybe on a disk of their own."""
    found = {MEMORY: memory((proc / "meminfo").read_text()), PIDS: _processes(proc)}
    images = root / "images"
    for path, available, inodes in ((root, NODEFS, NODEFS_INODES), (images if images.exists() else root, IMAGEFS, IMAGEFS_INODES)):
        disk = os.statvfs(path)
        found[available] = Observation(_bytes(disk.f_bavail * disk.f_frsize), _bytes(disk.f_blocks * disk.f_frsize))
        if disk.f_files:                     # a file system without inodes cannot run out of them
            found[inodes] = Observation(Quantity.of(disk.f_favail), Quantity.of(disk.f_files))
    return found


def memory(meminfo: str) -> Observation:
    """What is neither used nor worth keeping: free, or pages of files that nobody has touched for long."""
    lines = (line.split() for line in meminfo.splitlines())
    amounts = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    return Observation(_bytes(amounts["MemFree"] + amounts.get("Inactive(file)", 0)), _bytes(amounts["MemTotal"]))


def _processes(proc: Path) -> Observation:
    most = min(int((proc / "sys/kernel" / name).read_text()) for name in ("pid_max", "threads-max"))
    running = int((proc / "loadavg").read_text().split()[3].partition("/")[2])
    return Observation(Quantity.of(most - running), Quantity.of(most))


def _bytes(amount: int) -> Quantity:
    return Quantity.of(amount, Format.BINARY_SI)


# --- directories

def disk_usage(path: str | Path, is_stopped: Callable[[], bool] = lambda: False) -> DiskUsage:
    """What a tree takes on its disk, hard links once; other file systems mounted in it are not its own. What vanishes meanwhile is
    not counted."""
    try:
        top = os.lstat(path)
    except OSError:
        return DiskUsage()
    seen: set[int] = set()
    found, inodes, waiting = top.st_blocks * BLOCK, 1, [os.fspath(path)] if stat.S_ISDIR(top.st_mode) else []
    while waiting and not is_stopped():
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    one = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if one.st_dev != top.st_dev or one.st_nlink > 1 and not entry.is_dir(follow_symlinks=False) and one.st_ino in seen:
                    continue
                seen.add(one.st_ino) if one.st_nlink > 1 else None
                found, inodes = found + one.st_blocks * BLOCK, inodes + 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return DiskUsage(found, inodes)


@dataclass(slots=True)
class _Walked:
    again_at: float
    usage: PodUsage


class Observer:
    """Of one node; `processes(pod)` counts those in its control group."""

    def __init__(self, root: Path, runtime: RuntimeService, processes: Callable[[Pod], int]) -> None:
        self._root, self._runtime, self._processes = root, runtime, processes
        self._walked: dict[str, _Walked] = {}
        self._is_stopped = False

    def stop(self) -> None:
        """A walk under way ends soon."""
        self._is_stopped = True

    async def node(self) -> Observations:
        return await asyncio.to_thread(observe_node, self._root)

    async def disk(self, pods: Sequence[Pod]) -> Mapping[str, PodUsage]:
        """uid -> what the pods use of the disk, as fresh as their size allows."""
        loop = asyncio.get_running_loop()
        for pod in pods:
            uid = pod.metadata.uid
            walked = self._walked.get(uid)
            if walked is None or walked.again_at <= loop.time():
                running = [one for one in await self._runtime.list_containers(pod_uid=uid) if one.state is ContainerState.RUNNING]
                usage, seconds = await asyncio.to_thread(self._walk, pod, running)
                self._walked[uid] = _Walked(loop.time() + seconds * SHARE, usage)
        return {pod.metadata.uid: self._walked[pod.metadata.uid].usage for pod in pods}

    def forget_others(self, pods: Sequence[Pod]) -> None:
        kept = {pod.metadata.uid for pod in pods}
        self._walked = {uid: one for uid, one in self._walked.items() if uid in kept}

    def _walk(self, pod: Pod, running: Sequence[ContainerStatus]) -> tuple[PodUsage, float]:
        began = time.thread_time()
        logs, volumes = log_directory(self._root, pod), PodDirectory(self._root, pod.metadata.uid)
        containers = {one.name: ContainerUsage(self._measure(one.writable_layer) + self._measure(logs / one.name)) for one in running}
        used = {one.name: self._measure(volumes.volume("empty-dir", one.name)) for one in pod.spec.volumes if is_on_disk(one)}
        return PodUsage(containers, used), time.thread_time() - began

    def _measure(self, path: str | Path) -> DiskUsage:
        return disk_usage(path, lambda: self._is_stopped) if path else DiskUsage()

    async def memory(self, pods: Sequence[Pod]) -> Mapping[str, PodUsage]:
        stats = {one.container_id: one.memory_working_set_bytes for one in await self._runtime.container_stats()}
        found = {}
        for pod in pods:
            containers = [one for one in await self._runtime.list_containers(pod_uid=pod.metadata.uid) if one.id in stats]
            found[pod.metadata.uid] = PodUsage({one.name: ContainerUsage(memory=stats[one.id]) for one in containers})
        return found

    async def processes(self, pods: Sequence[Pod]) -> Mapping[str, PodUsage]:
        def count() -> dict[str, PodUsage]:
            return {pod.metadata.uid: PodUsage(processes=self._processes(pod)) for pod in pods}
        return await asyncio.to_thread(count)
