"""Starts a control plane of its own and measures it; prints a table and, with --json FILE, the same as JSON.

Beside every run stand the machine's cores, load and the product of a calibration loop: rates of two machines cannot be compared
without them. CPU is that of the API server's process, read from /proc.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kubeapi.kinds.pod import PodStrategy
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.transport import AiohttpTransport
from scheduler.algorithm import Search, choose
from scheduler.cache import Cache
from scheduler.framework import PodInfo
from scheduler.profile import default_profile

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS, WRITES, READS, LISTED = 16, 2000, 8000, 5000
PODS = "/api/v1/namespaces/default/pods"


def a_pod(name: str) -> dict[str, Any]:
    """About 2.3 KB as stored; left alone by the scheduler, whose own requests would be counted as the server's."""
    env = [{"name": f"VARIABLE_{number}", "value": f"value-{number}"} for number in range(8)]
    container = {"name": "web", "image": "localhost/picokube/web:1", "env": env, "ports": [{"containerPort": 8080}],
                 "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                 "readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "bench"}}, "spec": {"containers": [container], "schedulerName": "nobody"}}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def rate(count: int, call: Callable[[int], Awaitable[object]], pid: int) -> dict[str, float]:
    """`count` calls over CONNECTIONS at once: calls per second, and the server's CPU per call."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    began, cpu = time.perf_counter(), cpu_seconds(pid)
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(worker())
    seconds = time.perf_counter() - began
    return {"per_second": round(count / seconds), "server_cpu_us": round((cpu_seconds(pid) - cpu) / count * 1e6)}


async def measure_api(kubeconfig: str, pid: int) -> dict[str, Any]:
    transport = AiohttpTransport(load(kubeconfig))
    client = Client(transport, "bench")
    found: dict[str, Any] = {}
    try:
        found["POST pod"] = await rate(WRITES, lambda n: client.request_bytes("POST", PODS, a_pod(f"p{n}")), pid)
        found["GET pod"] = await rate(READS, lambda n: client.request_bytes("GET", f"{PODS}/p{n % WRITES}"), pid)
        status = {"status": {"phase": "Running", "podIP": "10.244.0.9"}}
        found["PATCH status"] = await rate(WRITES, lambda n: client.request_bytes(
            "PATCH", f"{PODS}/p{n}/status", status, content_type="application/strategic-merge-patch+json"), pid)
        await rate(LISTED - WRITES, lambda n: client.request_bytes("POST", PODS, a_pod(f"q{n}")), pid)
        found[f"LIST of {LISTED} pods"] = await list_times(client)
        found["DELETE pod"] = await rate(WRITES, lambda n: client.request_bytes("DELETE", f"{PODS}/p{n}"), pid)
    finally:
        await transport.aclose()
    return found


async def list_times(client: Client) -> dict[str, float]:
    times = []
    for _ in range(7):
        began = time.perf_counter()
        body = await client.request_bytes("GET", PODS)
        times.append((time.perf_counter() - began) * 1e3)
    return {"p50_ms": round(statistics.median(times), 1), "megabytes": round(len(body) / 1e6, 1)}


def measure_scheduler(nodes: int, pods: int) -> dict[str, float]:
    """Decisions a second, in memory: what is left to binding is measured by the API's figures."""
    from kubeapi.generated.models.core_v1 import Node, Pod
    strategy, cache, profile, search, world = PodStrategy(), Cache(), default_profile(), Search(), World(1)
    info = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture"), "")
    for number in range(nodes):
        cache.update_node(Node.from_wire({"metadata": {"name": f"n{number}"}, "status": {
            "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "1000"}, "nodeInfo": info,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}}))
    document = a_pod("p")
    strategy.default(document)
    template = PodInfo.of(Pod.from_wire(document))
    began = time.perf_counter()
    for number in range(pods):
        from dataclasses import replace
        pod = replace(template, uid=str(number))
        chosen = choose(profile, pod, cache.nodes, search, world)
        assert hasattr(chosen, "name")
        cache.assume(pod, chosen.name)
    return {"per_second": round(pods / (time.perf_counter() - began))}


def calibration() -> float:
    """Millions of additions a second in this interpreter: the machine's speed, this minute."""
    began, total = time.perf_counter(), 0
    for number in range(5_000_000):
        total += number
    return round(5 / (time.perf_counter() - began), 1)


def run_cluster(directory: str) -> dict[str, Any]:
    environment = {**os.environ, "PICOKUBE_HOME": directory, "KUBECONFIG": f"{directory}/config"}
    command = [sys.executable, "-m", "picokube"]

    def picokube(*arguments: str) -> str:
        return subprocess.run([*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
                              timeout=180).stdout

    began = time.perf_counter()
    picokube("up", "--name", "bench", "--runtime", "hollow", "--without", "kubelet", "--port", "26443")
    found: dict[str, Any] = {"cold start to ready": {"seconds": round(time.perf_counter() - began, 2)}}
    try:
        status = json.loads(Path(directory, "bench/run/status.json").read_text())["components"]
        memory = sum(_pss(one["pid"]) for one in status.values())
        found["idle memory, all processes and etcd (PSS)"] = {"MiB": round(memory / 1024)}
        kubeconfig = f"{directory}/bench/kubeconfigs/admin.yaml"
        found |= asyncio.run(measure_api(kubeconfig, status["apiserver"]["pid"]))
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "kubectl", f"--kubeconfig={kubeconfig}", "get", "namespaces"], cwd=ROOT, check=True,
                           capture_output=True, timeout=60)
            times.append((time.perf_counter() - began) * 1e3)
        found["kubectl get, whole process"] = {"p50_ms": round(statistics.median(times))}
    finally:
        picokube("down", "--name", "bench")
    return found


def _pss(pid: int) -> int:
    from picokube.processes import proportional_memory_kib
    return proportional_memory_kib(pid)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", help="write the figures to this file, too")
    options = parser.parse_args()
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "calibration": calibration()}
    with tempfile.TemporaryDirectory(prefix="pk-") as directory:
        found = run_cluster(directory)
    for nodes in (100, 1000):
        found[f"scheduler decisions, {nodes} nodes, one shape"] = measure_scheduler(nodes, 3000 if nodes == 100 else 1000)
    print(f"cores {machine['cores']}, load {machine['load']:.2f}, {machine['calibration']} M additions/s")
    for name, figures in found.items():
        print(f"{name:<48}" + "  ".join(f"{key} {value}" for key, value in figures.items()))
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine, "figures": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
