"""Workloads as users run them: Deployments on hollow nodes."""
from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.clusters import BenchCluster
from bench.report import Figures
from kubeclient.client import Client

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"
IMAGE = "localhost/picokube/web:1"
DEADLINE_SECONDS = 300.0
Document = dict[str, Any]


def a_deployment(name: str, replicas: int) -> Document:
    spec = {"containers": [{"name": "web", "image": IMAGE}], "terminationGracePeriodSeconds": 0}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                                                 "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}}


async def measure_hollow(cluster: BenchCluster) -> Figures:
    """Deployments of 1,000 and 100 replicas, from the request to the last pod's state."""
    found: Figures = {}
    async with cluster.client() as client, asyncio.timeout(DEADLINE_SECONDS):
        began = time.perf_counter()
        await client.request("POST", DEPLOYMENTS, a_deployment("large", 1000))
        await _until(client, DEPLOYMENTS, "large", lambda one: bool(one["status"].get("readyReplicas") == 1000))
        found["rollout"] = round(time.perf_counter() - began, 2)
        found["kubectl_1000"] = round(statistics.median(cluster.kubectl("get", "pods") for _ in range(5)))
        began = time.perf_counter()
        await client.request("DELETE", f"{DEPLOYMENTS}/large")
        await _until_none(client, PODS)
        found["deletion"] = round(time.perf_counter() - began, 2)
        await client.request("POST", DEPLOYMENTS, a_deployment("rolling", 100))
        await _until(client, DEPLOYMENTS, "rolling", _is_rolled_out(100))
        began = time.perf_counter()
        change = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
        await client.request("PATCH", f"{DEPLOYMENTS}/rolling", change, content_type="application/merge-patch+json")
        await _until(client, DEPLOYMENTS, "rolling", _is_rolled_out(100))
        found["rolling"] = round(time.perf_counter() - began, 2)
    return found


async def measure_large(cluster: BenchCluster, replicas: int = 5000) -> Figures:
    async with cluster.client() as client, asyncio.timeout(DEADLINE_SECONDS):
        began = time.perf_counter()
        await client.request("POST", DEPLOYMENTS, a_deployment("large", replicas))
        await _until(client, DEPLOYMENTS, "large", lambda one: bool(one["status"].get("readyReplicas") == replicas))
        return {"rollout_large": round(time.perf_counter() - began, 1)}


def _is_rolled_out(replicas: int) -> Callable[[Mapping[str, Any]], bool]:
    def check(one: Mapping[str, Any]) -> bool:
        status = one["status"]
        return status.get("observedGeneration") == one["metadata"]["generation"] and all(
            status.get(field) == replicas for field in ("replicas", "updatedReplicas", "availableReplicas"))

    return check


async def _until(client: Client, path: str, name: str, is_so: Callable[[Mapping[str, Any]], bool]) -> None:
    """Returns when a watch shows the object in that state."""
    query = {"watch": "1", "fieldSelector": f"metadata.name={name}"}         # from the newest state, not from any
    async with client.stream(path, query) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED") and is_so(event["object"]):
                return


async def _until_none(client: Client, path: str) -> None:
    listed = await client.request("GET", path)
    left = {one["metadata"]["name"] for one in listed["items"]}
    query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
    async with client.stream(path, query) as lines:
        async for line in lines if left else _nothing():
            event = json.loads(line)
            (left.discard if event["type"] == "DELETED" else left.add)(event["object"]["metadata"]["name"])
            if not left:
                return


async def _nothing() -> Any:
    return
    yield
