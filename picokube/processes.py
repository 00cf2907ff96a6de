"""Processes by pid and start time: a pid alone may have been given to somebody else."""
from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
# Of critical pods, which upstream's control plane is made of: any other process goes before them.
CRITICAL_OOM_SCORE = -997


@dataclass(frozen=True, slots=True)
class ProcessId:
    """`starttime` is field 22 of /proc/PID/stat, in clock ticks since boot."""

    pid: int
    starttime: int

    @property
    def is_alive(self) -> bool:
        return start_time(self.pid) == self.starttime


def start_time(pid: int) -> int | None:
    """None where there is no such process, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def identify(pid: int) -> ProcessId | None:
    started = start_time(pid)
    return None if started is None else ProcessId(pid, started)


def send(process: ProcessId, number: signal.Signals) -> None:
    """Signals the process if it is still the same one."""
    with contextlib.suppress(ProcessLookupError), _pidfd(process.pid) as descriptor:
        if process.is_alive:
            signal.pidfd_send_signal(descriptor, number)


def wait_gone(process: ProcessId, timeout_seconds: float) -> bool:
    """True once the process has ended (it need not be our child)."""
    with contextlib.suppress(ProcessLookupError), _pidfd(process.pid) as descriptor:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if process.is_alive:
            poller.poll(max(0, timeout_seconds) * 1000)
    return not process.is_alive


def stop(process: ProcessId, grace_seconds: float) -> None:
    """TERM, then KILL; returns when it is gone."""
    send(process, signal.SIGTERM)
    if not wait_gone(process, grace_seconds):
        send(process, signal.SIGKILL)
        wait_gone(process, 10)


@contextlib.contextmanager
def _pidfd(pid: int) -> Iterator[int]:
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def die_with_parent(parent: int) -> None:
    """The kernel kills this process when its parent goes; called right after fork."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:      # it went before we asked
        os._exit(0)


def set_name(name: str) -> None:
    """What `ps -o comm` and `pgrep` show (15 bytes)."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def oom_score_adjustment(pid: int | str = "self") -> int:
    with open(f"/proc/{pid}/oom_score_adj") as file:
        return int(file.read())


def adjust_oom_score(score: int) -> None:
    """Of this process and what it will start. Only root may lower it; whoever may not is killed as early as anybody."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(score))


def proportional_memory_kib(pid: int) -> int:
    """PSS: shared pages are counted once over all who share them. 0 where it may not be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def age_seconds(process: ProcessId) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - process.starttime / ticks)
