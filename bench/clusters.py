"""Clusters for one measurement each: started by the launcher like anybody's, in a directory of their own, and taken down again."""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.sockets import SocketTransport
from picokube.processes import proportional_memory_kib

ROOT = Path(__file__).resolve().parents[1]
NAME = "bench"


@dataclass(frozen=True, slots=True)
class BenchCluster:
    directory: Path
    printed: str                       # what `picokube up` said

    @property
    def kubeconfig(self) -> Path:
        return self.directory / NAME / "kubeconfigs/admin.yaml"

    def pids(self) -> dict[str, int]:
        status = json.loads((self.directory / NAME / "run/status.json").read_text())["components"]
        return {name: one["pid"] for name, one in status.items()}

    def memory_mib(self) -> float:
        return round(sum(proportional_memory_kib(pid) for pid in self.pids().values()) / 1024)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids().values())

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        transport = SocketTransport(load(self.kubeconfig))
        try:
            yield Client(transport, "bench")
        finally:
            await transport.aclose()

    def kubectl(self, *arguments: str) -> float:
        """Runs the bundled kubectl; milliseconds of the whole process."""
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], cwd=ROOT, check=True,
                       capture_output=True, timeout=120)
        return (time.perf_counter() - began) * 1e3


@contextmanager
def cluster(directory: Path, *arguments: str) -> Iterator[BenchCluster]:
    environment = {**os.environ, "PICOKUBE_HOME": str(directory), "KUBECONFIG": str(directory / "config")}

    def picokube(*words: str) -> str:
        return subprocess.run([sys.executable, "-m", "picokube", *words], cwd=ROOT, env=environment, capture_output=True, text=True,
                              check=True, timeout=300).stdout

    try:
        yield BenchCluster(directory, picokube("up", "--name", NAME, *arguments))
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            picokube("reset", "--name", NAME)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory_mib(pid: int) -> float:
    """The most that a process ever held in memory at once."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
