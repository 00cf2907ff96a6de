"""One container as the runtime holds it: what is on disk, its shim, and how it ended.

The shim's lock is the truth about a container that was started: held, its shim lives; free, exit.json says how it ended,
and where there is none the outcome is lost and whatever still runs of it is killed. That includes a runc in the middle of its
work, which has a lock of its own: a container that is settled is no more written to by anybody.
"""
from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import select
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubelet import linux
from kubelet.cri import ContainerState, ContainerStatus, CriError, LinuxResources
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.files import read_json, write_json
from kubelet.runc.records import ContainerRecord, made
from kubelet.runc.usernamespace import remove_outside
from kubelet.shim import KILL_MILLISECONDS, KILL_ROUNDS, RUNC_LOCK, kill_and_wait, poll

KILLED = 137
LOST = "ContainerStatusUnknown"


@dataclass(frozen=True, slots=True)
class Exit:
    """exit.json, written by the shim, or by the runtime for a container whose shim was killed."""

    code: int
    finished_at: int
    reason: str = ""
    message: str = ""
    oom_killed: bool = False

    @property
    def state(self) -> ContainerState:
        return ContainerState.UNKNOWN if self.reason == LOST else ContainerState.EXITED

    @property
    def why(self) -> str:
        if self.reason:
            return self.reason
        if self.code and self.oom_killed:
            return "OOMKilled"
        return "Error" if self.code else "Completed"


class Container:
    def __init__(self, directory: Path, runc_root: Path, record: ContainerRecord) -> None:
        self.directory, self.runc_root, self.record = directory, runc_root, record
        self.lock = asyncio.Lock()
        self.ended = asyncio.Event()
        self.pid = self.pid_started = self.started_at = 0
        self.exit: Exit | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def was_started(self) -> bool:
        return (self.directory / "shim.lock").exists()

    @property
    def is_running(self) -> bool:
        return bool(self.pid) and self.exit is None

    def status(self) -> ContainerStatus:
        record = self.record
        ended = self.exit
        state = ended.state if ended else ContainerState.RUNNING if self.pid else ContainerState.CREATED
        return ContainerStatus(
            record.id, record.sandbox_id, record.config.name, record.config.attempt, state, record.created_at,
            started_at=self.started_at, finished_at=ended.finished_at if ended else 0, exit_code=ended.code if ended else 0,
            reason=ended.why if ended else "", message=ended.message if ended else "", pid=0 if ended else self.pid,
            image=record.image, image_ref=record.image_ref, log_path=record.log_path, stop_signal=record.stop_signal,
            labels=record.config.labels, annotations=record.config.annotations, runtime=record.runtime,
            writable_layer=str(self.directory / "upper"))

    # --- what the shim wrote (short blocking reads)

    def claim(self) -> int | None:
        """The lock of the shim to be, as a descriptor to hand to it; None when the container was started before."""
        try:
            descriptor = os.open(self.directory / "shim.lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor

    def shim_lives(self) -> bool:
        return is_locked(self.directory / "shim.lock")

    def load_process(self) -> None:
        document = read_json(self.directory / "process.json")
        if document:
            self.pid, self.pid_started, self.started_at = document["pid"], document["starttime"], document["started_at"]

    def load_exit(self) -> None:
        document = read_json(self.directory / "exit.json")
        if document:
            self.exit = made(Exit, document)

    def open_shim(self) -> int | None:
        return open_shim(self.directory)

    def open_process(self) -> int | None:
        return linux.open_process(self.pid, self.pid_started) if self.pid else None

    def remember_resources(self, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        config = self.record.config
        config = replace(config, resources=resources, annotations={**config.annotations, **annotations})
        self.record = replace(self.record, config=config)
        write_json(self.directory / "container.json", self.record.to_document())

    # --- ends

    def signal(self, number: int) -> None:
        descriptor = self.open_process()
        if descriptor is None:
            return
        try:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)

    def settle(self, cgroups: Cgroups, now: int) -> None:
        """Called when the shim is gone: reads how the container ended, or ends it and says that this is lost. Raises OSError
        where something of it does not end; to be repeated."""
        self._see_shim_off()
        self.load_process()
        self.load_exit()
        self._end_runc()                         # before the group is emptied: it may just be putting somebody there
        if self.exit is not None:
            return
        self.signal(signal.SIGKILL)
        if not cgroups.kill(self.record.cgroup):
            raise OSError(errno.EBUSY, "the container's processes do not end though they were killed", str(self.directory))
        document = {"code": KILLED, "finished_at": now, "reason": LOST,
                    "message": "The container could not be located when the pod was terminated: its shim was killed"}
        write_json(self.directory / "exit.json", document)
        self.load_exit()

    def _see_shim_off(self) -> None:
        """A dying process lets go of its locks first, and only then of its children."""
        if (shim := self.open_shim()) is not None:
            poll({shim: select.POLLIN}, KILL_MILLISECONDS)
            os.close(shim)

    def _end_runc(self) -> None:
        """A killed shim's runc is killed with it, but goes a moment later."""
        for _ in range(KILL_ROUNDS):
            pid = linux.lock_holder(self.directory / RUNC_LOCK)
            if not pid:
                return
            with suppress(ProcessLookupError):
                kill_and_wait(pid)
        raise OSError(errno.EBUSY, "runc does not end though it was killed", str(self.directory))

    def remove_from_disk(self, cgroups: Cgroups) -> None:
        """The record goes first: what a crash leaves behind is then half-made and cleaned up at the next start. What cannot be
        removed raises OSError; to be repeated."""
        (self.directory / "container.json").unlink(missing_ok=True)
        cgroups.remove(self.record.cgroup)
        remove_tree(self.runc_root / self.id)
        remove_directory(self.directory)


def open_shim(directory: Path) -> int | None:
    """A pidfd of the shim; None before it said who it is, and when it is gone."""
    document = read_json(directory / "shim.json")
    return linux.open_process(document["pid"], document["starttime"]) if document else None


def is_locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@asynccontextmanager
async def first_fault() -> AsyncIterator[None]:
    """Around a TaskGroup: its faults are told as the first CriError among them."""
    try:
        yield
    except BaseExceptionGroup as group:
        faults, others = group.split(CriError)
        if faults is None or others is not None:
            raise
        raise innermost(faults) from group


def innermost(error: BaseException) -> CriError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CriError)
    return error


def remove_directory(directory: Path) -> None:
    """With whatever is mounted below it, or for it elsewhere."""
    remove_outside(directory)
    for point in reversed(linux.mount_points(directory)):
        linux.unmount(point)
    remove_tree(directory)


def remove_tree(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)      # a shim may just be writing its last file
    with suppress(FileNotFoundError):
        shutil.rmtree(directory)


def load(directory: Path, runc_root: Path) -> Container | None:
    """None for a half-made one."""
    document: Any = read_json(directory / "container.json")
    if document is None:
        return None
    container = Container(directory, runc_root, ContainerRecord.from_document(document))
    container.load_process()
    container.load_exit()
    return container
