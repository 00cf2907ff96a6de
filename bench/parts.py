"""The measurements by name. Each brings up clusters with what it is given, so that picokube and upstream are measured by the same words."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench import api, realpods, scheduling, workloads
from bench.clusters import NAME, ROOT, BenchCluster, Start, launched
from bench.report import Figures

IDLE_SECONDS = 10.0
ALL_STORED = 50_000
SERVER = ("kube-apiserver",)
WHOLE = (*SERVER, "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True, slots=True)
class Part:
    """`needs`: what of upstream's it takes; empty where upstream has no like of it. `rows`: whose figures it gives."""

    measure: Callable[[Start, Path], Figures]
    rows: tuple[str, ...]
    needs: tuple[str, ...] = ()
    is_long: bool = False


def measure_start(start: Start, directory: Path) -> Figures:
    """A whole cluster of one hollow node: how soon it is there, and what it costs when nobody asks for anything."""
    with start(directory, 1) as one:
        time.sleep(3)                           # what came up has settled
        cpu = one.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        used = (one.cpu_seconds() - cpu) / IDLE_SECONDS
        return {"start": one.ready_seconds, "start_account": one.account_seconds, "idle_memory": one.memory_mib(), "idle_cpu": round(used * 100, 2)}


def measure_api(start: Start, directory: Path) -> Figures:
    with api_server(start, directory) as one:
        return uvloop.run(api.measure(one))


def measure_stored(start: Start, directory: Path) -> Figures:
    with api_server(start, directory) as one:
        return uvloop.run(api.measure_stored(one, ALL_STORED))


def measure_memory(start: Start, directory: Path) -> Figures:
    with api_server(start, directory) as one:
        return uvloop.run(api.measure_memory(one))


@contextmanager
def api_server(start: Start, directory: Path) -> Iterator[BenchCluster]:
    """With etcd alone, and with the ServiceAccount that pods need: no controllers make it."""
    async def make_account(one: BenchCluster) -> None:
        async with one.client() as client:
            await client.request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})

    with start(directory, 0) as one:
        uvloop.run(make_account(one))
        yield one


def measure_hollow(start: Start, directory: Path) -> Figures:
    with start(directory, 100) as one:
        return uvloop.run(workloads.measure_hollow(one))


def measure_large(start: Start, directory: Path) -> Figures:
    with start(directory, 1000) as one:
        return uvloop.run(workloads.measure_large(one))


def measure_real(_: Start, directory: Path) -> Figures:
    if os.geteuid() != 0:
        print("real pods are not measured: that needs root", file=sys.stderr)
        return {}
    with realpods.counted_cpu() as cpu, launched(directory, "--runtime", "runc") as one:
        archive = directory / "web.tar"
        environment = {**os.environ, "PICOKUBE_HOME": str(directory)}
        subprocess.run([sys.executable, ROOT / "hack/make-image", archive], check=True, timeout=60, capture_output=True)
        subprocess.run([sys.executable, "-m", "picokube", "image", "--name", NAME, "import", archive], cwd=ROOT, env=environment, check=True,
                       timeout=60, capture_output=True)
        return uvloop.run(realpods.measure_real(one, directory / NAME / "nodes" / f"{NAME}-1", cpu))


def measure_scheduler(_: Start, __: Path) -> Figures:
    return {"schedule_100": scheduling.measure(100, 5000), "schedule_1000": scheduling.measure(1000, 5000)}


PARTS: Mapping[str, Part] = {
    "start": Part(measure_start, ("start", "start_account", "idle_memory", "idle_cpu"), WHOLE),
    "api": Part(measure_api, ("get", "get_cpu", "post", "post_cpu", "patch", "patch_cpu", "delete", "delete_cpu", "list", "list_size", "list_memory",
                              "watch", "watch_cpu"), SERVER),
    "stored": Part(measure_stored, ("stored",), SERVER, is_long=True),
    "memory": Part(measure_memory, ("object_memory",), SERVER),
    "hollow": Part(measure_hollow, ("rollout", "rolling", "deletion", "kubectl_1000"), (*WHOLE, "kubectl")),
    "large": Part(measure_large, ("rollout_large",), WHOLE, is_long=True),
    "real": Part(measure_real, ("pod", *realpods.STEPS, "pods", "pods_cpu", "pods_cpu_api", "pods_cpu_control", "pods_cpu_kubelet", "pods_cpu_runc",
                                "pod_memory", "kubelet_idle", "kubectl_10")),
    "scheduler": Part(measure_scheduler, ("schedule_100", "schedule_1000")),
}
