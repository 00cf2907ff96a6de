"""Every component of a real cluster SIGKILLed while a Deployment of real pods rolls; then all of them at once."""
from __future__ import annotations

import asyncio
import os
import runpy
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubeapi import catalog
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.transport import AiohttpTransport
from kubelet import linux
from kubelet.network.netlink import Netlink
from kubelet.network.pods import links_of
from kubelet.runc.cgroups import Cgroups, cluster_path
from picokube.processes import ProcessId, identify, wait_gone
from tests.cluster import ROOT, TestCluster, running_cluster
from tests.e2e.kills.census import Census, Place
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
        assert leftovers(cluster) == NOTHING


def leftovers(cluster: TestCluster) -> dict[str, list[str]]:
    """What `down` must have removed: everything that carries the cluster's name or runs for its directory."""
    home = cluster.environment["PICOKUBE_HOME"]
    with Netlink() as netlink:
        links = [str(index) for index in links_of(NAME, netlink)]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True, timeout=30).stdout
    pinned = Path("/run/netns")
    return {"processes": [str(one) for one in processes_of(home)], "mounts": linux.mount_points(home), "links": links,
            "tables": [line for line in tables.splitlines() if f"picokube-{NAME}" in line],
            "namespaces": [one.name for one in pinned.glob(f"*{NAME}*")] if pinned.is_dir() else [],
            "cgroups": [str(one) for one in Cgroups.detect().directories(cluster_path(NAME)) if one.exists()]}


NOTHING: dict[str, list[str]] = {"processes": [], "mounts": [], "links": [], "tables": [], "namespaces": [], "cgroups": []}


def processes_of(home: str) -> list[int]:
    """Whoever was started for this home, or works in it: launcher, components, shims. Not the test itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = (f"PICOKUBE_HOME={home}\0".encode() in (process / "environ").read_bytes() + b"\0"
                       or os.readlink(process / "cwd").startswith(home))
        except OSError:
            continue
        if is_ours and int(process.name) != os.getpid() and identify(int(process.name)) is not None:
            found.append(int(process.name))
    return sorted(found)


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
    transport = AiohttpTransport(load(cluster.cluster.kubeconfig("admin")))
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
        kill_everything(cluster)
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


def kill_everything(cluster: TestCluster) -> None:
    """The launcher, its supervisor and every component, as fast as kill(1) can; pods and their shims stay."""
    parent = cluster.cluster.parent()
    assert parent is not None
    components = [ProcessId(one["pid"], 0) for one in cluster.components().values()]
    everyone = [parent, *(one for process in children_of(parent.pid) if (one := identify(process)) is not None)]
    assert {one.pid for one in components} < {one.pid for one in everyone}
    subprocess.run(["kill", f"-{signal.SIGKILL}", *(str(one.pid) for one in everyone)], check=True, timeout=10)
    for one in everyone:
        assert wait_gone(one, 30)


def children_of(parent: int) -> list[int]:
    return [int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in (task / "children").read_text().split()]
