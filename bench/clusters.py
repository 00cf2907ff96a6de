"""Clusters for one measurement each, in a directory of their own, and taken down again: picokube's are started by its launcher,
like anybody's; upstream's by `bench.upstream`. Whoever measures sees no difference."""
from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.sockets import SocketTransport
from picokube.processes import proportional_memory_kib

ROOT = Path(__file__).resolve().parents[1]
NAME = "bench"


@dataclass(frozen=True, slots=True)
class BenchCluster:
    kubeconfig: Path
    pids: Callable[[], Mapping[str, int]]       # of every process, etcd and kubelets too; the API server's name is `apiserver`
    kubectl_command: Sequence[str]
    ready_seconds: float                        # from the first process's start to /readyz
    account_seconds: float = 0.0                # ... to the default ServiceAccount; 0 where nobody makes it

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
        """Runs kubectl; milliseconds of the whole process."""
        began = time.perf_counter()
        subprocess.run([*self.kubectl_command, f"--kubeconfig={self.kubeconfig}", *arguments], cwd=ROOT, check=True,
                       capture_output=True, timeout=120)
        return (time.perf_counter() - began) * 1e3


class Start(Protocol):
    """`nodes`: hollow ones; 0: etcd and the API server alone."""

    def __call__(self, directory: Path, nodes: int) -> AbstractContextManager[BenchCluster]: ...


@contextmanager
def picokube_cluster(directory: Path, nodes: int) -> Iterator[BenchCluster]:
    hollow = ("--nodes", str(nodes)) if nodes else ("--without", "kubelet,controllers,scheduler")
    with launched(directory, "--runtime", "hollow", *hollow) as cluster:
        yield cluster


@contextmanager
def launched(directory: Path, *arguments: str) -> Iterator[BenchCluster]:
    """By `picokube up`, with these options."""
    environment = {**os.environ, "PICOKUBE_HOME": str(directory), "KUBECONFIG": str(directory / "config")}

    def picokube(*words: str) -> str:
        return subprocess.run([sys.executable, "-m", "picokube", *words], cwd=ROOT, env=environment, capture_output=True, text=True,
                              check=True, timeout=300).stdout

    def pids() -> dict[str, int]:
        status = json.loads((directory / NAME / "run/status.json").read_text())["components"]
        return {name: one["pid"] for name, one in status.items()}

    try:
        printed = picokube("up", "--name", NAME, *arguments)
        ready = re.search(r"apiserver ready after ([\d.]+) s", printed)
        whole = re.search(r"is ready at \S+ after ([\d.]+) s", printed)
        assert ready is not None and whole is not None, printed
        yield BenchCluster(directory / NAME / "kubeconfigs/admin.yaml", pids, (sys.executable, "-m", "kubectl"), float(ready[1]), float(whole[1]))
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
