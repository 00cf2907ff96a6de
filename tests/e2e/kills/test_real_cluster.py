"""Every component of a real cluster SIGKILLed while a Deployment of real pods rolls; then all of them at once."""
from __future__ import annotations

import asyncio
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubeapi import catalog
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.sockets import SocketTransport
from tests.cluster import ROOT, TestCluster, kill_everything, running_cluster
from tests.e2e.kills.census import Census, Place
from tests.e2e.leftovers import NOTHING, leftovers
from tests.e2e.runtime.node import can_run_pods
from tests.recorder import DATA, Asking, PodCount, Recorder, Rollout, annotation_of

pytestmark = [pytest.mark.root, can_run_pods]
NAME, REPLICAS, SURGE = "slain", 5, 2          # a quarter of five, rounded up
SECONDS = 240
COMPONENTS = ("apiserver", "scheduler", "controllers", "kubelet-slain-1", "etcd")
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENT: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
    "replicas": REPLICAS, "selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [
            {"name": name, "image": "localhost/picokube/web:1", "command": ["sleep", "100000"], "imagePullPolicy": "Never"}
            for name in ("first", "second")]}}}}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TestCluster]:
    archive = tmp_path / "web.tar"
    runpy.run_path(str(ROOT / "hack" / "make-image"))["write"](archive)
    with running_cluster(name=NAME) as cluster:
        imported = cluster.picokube("image", "import", str(archive))
        assert imported.returncode == 0, imported.stderr
        yield cluster
        assert cluster.picokube("down").returncode == 0
        assert leftovers(NAME, cluster.environment["PICOKUBE_HOME"]) == NOTHING


def test_no_container_ever_runs_twice_and_no_pod_is_too_many(cluster: TestCluster) -> None:
    with Census(NAME, cluster.cluster.data / "nodes").running() as census:
        asyncio.run(_scenario(cluster))
        alive = census.roots()
    assert census.faults == []
    assert census.walks > 20
    assert {place: len(found) for place, found in alive.items()} == dict.fromkeys(
        (Place(pod["metadata"]["uid"], name) for pod in living(cluster) for name in ("first", "second")), 1)


def living(cluster: TestCluster) -> list[dict[str, Any]]:
    pods = cluster.request("GET", f"{PODS}?labelSelector=app%3Dweb")[1]["items"]
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


async def _scenario(cluster: TestCluster) -> None:
    world = World(seed=3)
    transport = SocketTransport(load(cluster.cluster.kubeconfig("admin")))
    client = Client(transport, "test")
    recorder = Recorder(transport, world)
    recorder.add(DATA, 4)
    recorder.add(annotation_of(DEPLOYMENTS), name="web")
    pods = PodCount(client.documents(catalog.by_plural("", "pods"), namespace="default"), "app=web", REPLICAS + SURGE)
    rollout = Rollout(client, transport, "web")
    try:
        async with asyncio.timeout(SECONDS):
            await Asking(transport).insist("POST", DEPLOYMENTS, DEPLOYMENT)
            async with asyncio.TaskGroup() as group:
                following = [group.create_task(one.run()) for one in (pods, rollout)]
                stop = asyncio.Event()
                writing = group.create_task(recorder.run(stop))
                rolling = group.create_task(rollout.roll(stop))
                for component in world.random.sample(COMPONENTS, len(COMPONENTS)):
                    await rollout.until(lambda: rollout.is_midway)
                    print("kill", component, asyncio.get_running_loop().time(), rollout.done)
                    await asyncio.to_thread(cluster.kill, component)
                    await rollout.until_done(rollout.done + 2)
                stop.set()
                await writing
                await rolling
                faults = await recorder.verify()
                await pods.until(lambda: len(pods.there) == REPLICAS)      # the others are gone, and so must their processes be
                for task in following:
                    task.cancel()
    finally:
        await transport.aclose()
    assert [*faults, *pods.faults] == []


def test_after_everything_was_killed_at_once_up_finds_its_pods_running(cluster: TestCluster) -> None:
    assert cluster.request("POST", DEPLOYMENTS, DEPLOYMENT)[0] == 201
    cluster.until(f"{DEPLOYMENTS}/web", lambda one: one.get("status", {}).get("availableReplicas") == REPLICAS)
    with Census(NAME, cluster.cluster.data / "nodes").running() as census:
        before = census.roots()
        kill_everything(cluster.cluster)
        up = cluster.picokube("up")
        assert up.returncode == 0, up.stdout + up.stderr
        cluster.until(f"{DEPLOYMENTS}/web", lambda one: one["status"].get("availableReplicas") == REPLICAS)
        # One more pod on top: the kubelet works, and leaves alone what it found.
        scale = {"spec": {"replicas": REPLICAS + 1}}
        assert cluster.request("PATCH", f"{DEPLOYMENTS}/web/scale", scale, "application/merge-patch+json")[0] == 200
        cluster.until(f"{DEPLOYMENTS}/web", lambda one: one["status"].get("availableReplicas") == REPLICAS + 1)
        after = census.roots()
    assert census.faults == []
    assert before.items() <= after.items()
    assert len(after) == 2 * (REPLICAS + 1)
    assert all(len(found) == 1 for found in after.values())
    assert [status["restartCount"] for pod in living(cluster) for status in pod["status"]["containerStatuses"]] == [0] * len(after)
