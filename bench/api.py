"""The API server alone, nothing else asking: single requests, lists, watches, and what stored objects cost."""
from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.clusters import BenchCluster, cpu_seconds, peak_memory_mib
from bench.report import Figures
from kubeclient.client import Client

CONNECTIONS, WRITES, READS, LISTED, LISTERS, WATCHERS, EVENTS = 16, 2000, 8000, 5000, 64, 100, 100
PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"


def a_pod(name: str) -> dict[str, Any]:
    """About 2.3 KB as stored; of no scheduler, whose own requests would be counted as the server's."""
    env = [{"name": f"VARIABLE_{number}", "value": f"value-{number}"} for number in range(8)]
    container = {"name": "web", "image": "localhost/picokube/web:1", "env": env, "ports": [{"containerPort": 8080}],
                 "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                 "readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "bench"}},
            "spec": {"containers": [container], "schedulerName": "nobody"}}


async def measure(cluster: BenchCluster) -> Figures:
    pid = cluster.pids()["apiserver"]
    async with cluster.client() as client:
        found = await _single(client, pid)
        found["list"], found["list_size"] = await _list(client)
        found |= await _watch(cluster, client, pid)
        found["list_memory"] = await _many_lists(client, pid)
        found |= await _rated("delete", WRITES, lambda n: client.request_bytes("DELETE", f"{PODS}/p{n}"), pid)
    return found


async def measure_stored(cluster: BenchCluster, pods: int) -> Figures:
    async with cluster.client() as client:
        await _rate(pods, lambda n: client.request_bytes("POST", PODS, a_pod(f"s{n}")))
        return {"stored": cluster.memory_mib()}


async def measure_memory(cluster: BenchCluster, pods: int = 10_000) -> Figures:
    """What each of many stored pods costs, in a server that has done nothing else."""
    async with cluster.client() as client:
        before = cluster.memory_mib()
        await _rate(pods, lambda n: client.request_bytes("POST", PODS, a_pod(f"m{n}")))
        return {"object_memory": round((cluster.memory_mib() - before) * 1024 / pods, 1)}


async def _single(client: Client, pid: int) -> Figures:
    status = {"status": {"phase": "Running", "podIP": "10.244.0.9"}}
    found = await _rated("post", WRITES, lambda n: client.request_bytes("POST", PODS, a_pod(f"p{n}")), pid)
    found |= await _rated("get", READS, lambda n: client.request_bytes("GET", f"{PODS}/p{n % WRITES}"), pid)
    found |= await _rated("patch", WRITES, lambda n: client.request_bytes("PATCH", f"{PODS}/p{n}/status", status, content_type=STRATEGIC), pid)
    await _rate(LISTED - WRITES, lambda n: client.request_bytes("POST", PODS, a_pod(f"q{n}")))
    return found


async def _rated(key: str, count: int, call: Callable[[int], Awaitable[object]], pid: int) -> Figures:
    cpu = cpu_seconds(pid)
    per_second = await _rate(count, call)
    return {key: round(per_second), f"{key}_cpu": round((cpu_seconds(pid) - cpu) / count * 1e3, 3)}


async def _rate(count: int, call: Callable[[int], Awaitable[object]]) -> float:
    """`count` calls over CONNECTIONS at once: calls per second."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(worker())
    return count / (time.perf_counter() - began)


async def _list(client: Client) -> tuple[float, float]:
    times = []
    for _ in range(9):
        began = time.perf_counter()
        body = await client.request_bytes("GET", PODS)
        times.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(times), 1), round(len(body) / 1e6, 1)


async def _many_lists(client: Client, pid: int) -> float:
    """The answers are thrown away as they come: only the server's memory counts."""
    async def read() -> None:
        async with client.stream(PODS, {}) as lines:
            async for _ in lines:
                pass

    async with asyncio.TaskGroup() as group:
        for _ in range(LISTERS):
            group.create_task(read())
    return round(peak_memory_mib(pid))


async def _watch(cluster: BenchCluster, client: Client, pid: int) -> Figures:
    """Each write is a patch of a ConfigMap that all watchers see; the time is that between its start and the last but half."""
    path = "/api/v1/namespaces/default/configmaps"
    await client.request("POST", path, {"metadata": {"name": "watched"}})
    seen: dict[str, list[float]] = {}
    waiting = asyncio.Semaphore(0)

    async def watcher() -> None:
        async with client.stream(path, {"watch": "1", "fieldSelector": "metadata.name=watched", "sendInitialEvents": "true",
                                        "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}) as lines:
            async for line in lines:
                if b'"BOOKMARK"' in line:
                    waiting.release()
                elif b'"at":"' in line:
                    at = line.partition(b'"at":"')[2].partition(b'"')[0].decode()
                    seen.setdefault(at, []).append(time.perf_counter())
                    waiting.release()

    latencies = []
    async with asyncio.TaskGroup() as group:
        watchers = [group.create_task(watcher()) for _ in range(WATCHERS)]
        await _acquired(waiting, WATCHERS)
        cpu = cpu_seconds(pid)
        for number in range(EVENTS):
            began = time.perf_counter()
            await client.request("PATCH", f"{path}/watched", {"data": {"at": str(number)}}, content_type="application/merge-patch+json")
            await _acquired(waiting, WATCHERS)
            latencies.append(statistics.median(seen[str(number)]) - began)
        used = cpu_seconds(pid) - cpu
        for one in watchers:
            one.cancel()
    return {"watch": round(statistics.median(latencies) * 1e3, 2), "watch_cpu": round(used / EVENTS / WATCHERS * 1e6)}


async def _acquired(semaphore: asyncio.Semaphore, count: int) -> None:
    for _ in range(count):
        await semaphore.acquire()
