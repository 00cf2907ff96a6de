"""Real pods with the image at hand: how soon one runs and where that time goes, how many a second, what CPU each takes, what they cost at rest.

The steps of a start are told by the times of the files that the runtime leaves behind, so that nothing measures itself.
"""
from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.clusters import NAME, BenchCluster, cpu_seconds
from bench.report import Figures
from kubeapi.world import REAL_WORLD
from kubeclient.client import Client
from kubelet.runc.cgroups import Cgroups, cluster_path
from kubelet.runc.containers import open_shim

PODS = "/api/v1/namespaces/default/pods"
IMAGE = "localhost/picokube/web:1"
DEADLINE_SECONDS = 300.0
SETTLE_SECONDS, REST_SECONDS = 3.0, 20.0
STEPS = ("pod_bound", "pod_sandbox", "pod_container", "pod_runc", "pod_told")
OF_PROCESSES = {"apiserver": "pods_cpu_api", "etcd": "pods_cpu_api", "scheduler": "pods_cpu_control", "controllers": "pods_cpu_control"}


async def measure_real(cluster: BenchCluster, node: Path, cpu: Callable[[], float], one_by_one: int = 10, at_once: int = 50) -> Figures:
    """`node`: the node's directory. `cpu`: seconds that everything of the cluster has used, and this process."""
    seen, found = Seen(), Figures()
    async with cluster.client() as client, asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        watching = group.create_task(seen.follow(client))
        await seen.beginning.wait()
        for number in range(one_by_one):
            await _create(client, seen, f"one-{number}")
            await seen.running(f"one-{number}")
        found |= _steps(seen, node)
        found["kubectl_10"] = round(statistics.median(cluster.kubectl("get", "pods") for _ in range(5)))
        await _all_gone(client, seen)
        found |= await _at_once(cluster, client, seen, cpu, at_once)
        found |= _at_rest(cluster, node)
        watching.cancel()
    return found


class Seen:
    """What one watch of all pods has shown, and when: name -> seconds."""

    def __init__(self) -> None:
        self.beginning = asyncio.Event()
        self.uids: dict[str, str] = {}
        self.created: dict[str, float] = {}
        self.bound: dict[str, float] = {}
        self.ran: dict[str, float] = {}
        self._news = asyncio.Event()

    async def follow(self, client: Client) -> None:
        listed = await client.request("GET", PODS)
        query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        async with client.stream(PODS, query) as lines:
            self.beginning.set()
            async for line in lines:
                event = json.loads(line)
                self._note(event["type"], event["object"])

    def _note(self, kind: str, pod: Mapping[str, Any]) -> None:
        name, now = pod["metadata"]["name"], REAL_WORLD.seconds()
        if kind == "DELETED":
            self.ran.pop(name, None)
        else:
            self.uids[name] = pod["metadata"]["uid"]
            if pod["spec"].get("nodeName"):
                self.bound.setdefault(name, now)
            if pod["status"].get("phase") == "Running":
                self.ran.setdefault(name, now)
        self._news.set()

    async def running(self, *names: str) -> None:
        await self._until(lambda: all(one in self.ran for one in names))

    async def nothing(self) -> None:
        await self._until(lambda: not self.ran)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._news.clear()
            await self._news.wait()


async def _create(client: Client, seen: Seen, name: str) -> None:
    seen.created[name] = REAL_WORLD.seconds()
    spec = {"containers": [{"name": "web", "image": IMAGE}], "terminationGracePeriodSeconds": 0}
    await client.request("POST", PODS, {"metadata": {"name": name}, "spec": spec})


async def _all_gone(client: Client, seen: Seen) -> None:
    async with asyncio.TaskGroup() as group:
        for name in list(seen.ran):
            group.create_task(client.request("DELETE", f"{PODS}/{name}"))
    await seen.nothing()


# --- one by one

def _steps(seen: Seen, node: Path) -> Figures:
    """Medians in milliseconds: of all, and from one moment to the next."""
    files = _moments(node)
    moments = [(seen.created[name], seen.bound[name], *files[seen.uids[name]], seen.ran[name]) for name in seen.ran]
    steps = zip(*([(after - before) * 1e3 for before, after in pairwise(one)] for one in moments), strict=True)
    return {"pod": round(statistics.median((one[-1] - one[0]) * 1e3 for one in moments)),
            **{name: round(statistics.median(times), 1) for name, times in zip(STEPS, steps, strict=True)}}


def _moments(node: Path) -> dict[str, tuple[float, float, float]]:
    """uid -> when its sandbox was on record, when its container was, and when runc had made that."""
    sandboxes, found = {}, {}
    for record in (node / "runtime/sandboxes").glob("*/sandbox.json"):
        sandboxes[json.loads(record.read_bytes())["config"]["uid"]] = record.stat().st_mtime
    for record in (node / "runtime/containers").glob("*/container.json"):
        uid = json.loads(record.read_bytes())["pod_uid"]
        found[uid] = (sandboxes[uid], record.stat().st_mtime, record.with_name("process.json").stat().st_mtime)
    return found


# --- many at once

async def _at_once(cluster: BenchCluster, client: Client, seen: Seen, cpu: Callable[[], float], count: int) -> Figures:
    names = [f"many-{number}" for number in range(count)]
    began, used, of_processes = time.perf_counter(), cpu() - time.process_time(), _by_row(cluster)
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(_create(client, seen, name))
    await seen.running(*names)
    seconds = time.perf_counter() - began
    used = cpu() - time.process_time() - used
    shares = {row: value - of_processes[row] for row, value in _by_row(cluster).items()}
    shares = {"pods_cpu": used, **shares, "pods_cpu_runc": used - sum(shares.values())}
    return {"pods": round(count / seconds, 1), **{row: round(value / count * 1e3, 1) for row, value in shares.items()}}


def _by_row(cluster: BenchCluster) -> dict[str, float]:
    """CPU seconds so far of the processes that are always there."""
    found = dict.fromkeys((*OF_PROCESSES.values(), "pods_cpu_kubelet"), 0.0)
    for name, pid in cluster.pids().items():
        found[OF_PROCESSES.get(name, "pods_cpu_kubelet")] += cpu_seconds(pid)
    return found


@contextmanager
def counted_cpu() -> Iterator[Callable[[], float]]:
    """What is started meanwhile lives in a control group of its own, which counts the CPU of processes that have ended, too; containers have
    theirs already. The function answers the seconds of both and of this process."""
    cgroups = Cgroups.detect()
    group = cgroups.directory("cpuacct", f"/picokube-{NAME}")
    assert group is not None, "no cgroups"
    group.mkdir(exist_ok=True)
    (group / "cgroup.procs").write_text("0")
    containers = cgroups.directory("cpuacct", cluster_path(NAME))
    try:
        yield lambda: sum(_used_seconds(one) for one in (group, containers) if one is not None and one.exists())
    finally:
        (group.parent / "cgroup.procs").write_text("0")
        with suppress(OSError):                   # something is still in it
            group.rmdir()


def _used_seconds(group: Path) -> float:
    with suppress(FileNotFoundError):
        return int((group / "cpuacct.usage").read_text()) / 1e9
    return int((group / "cpu.stat").read_text().split()[1]) / 1e6


# --- at rest

def _at_rest(cluster: BenchCluster, node: Path) -> Figures:
    """With all of them running and nothing asked."""
    time.sleep(SETTLE_SECONDS)
    kubelet = next(pid for name, pid in cluster.pids().items() if name.startswith("kubelet"))
    before = cpu_seconds(kubelet)
    time.sleep(REST_SECONDS)
    used = (cpu_seconds(kubelet) - before) / REST_SECONDS * 100
    private = [_private_kib(pid) for pid in _shims(node)]
    return {"pod_memory": round(statistics.median(private) / 1024, 2), "kubelet_idle": round(used, 2)}


def _shims(node: Path) -> list[int]:
    """One for each container that runs."""
    records = (node / "runtime/containers").glob("*/shim.json")
    return [json.loads(one.read_bytes())["pid"] for one in records if _is_alive(one.parent)]


def _is_alive(container: Path) -> bool:
    shim = open_shim(container)
    if shim is not None:
        os.close(shim)
    return shim is not None


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:")))
