"""Every component of a hollow cluster SIGKILLed while a Deployment rolls: nothing acknowledged is lost, nothing is doubled."""
from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kubeapi import catalog
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.kubeconfig import load
from kubeclient.sockets import SocketTransport
from tests.cluster import TestCluster, running_cluster
from tests.recorder import DATA, STATUS, Asking, PodCount, Recorder, Revisions, Rollout, annotation_of

REPLICAS, SURGE = 20, 5                 # a quarter, the default
ROUNDS, OBJECTS = 2, 6
SECONDS = 180
COMPONENTS = ("apiserver", "scheduler", "controllers", "kubelet-kills-1", "etcd")
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
    "replicas": REPLICAS, "selector": {"matchLabels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}},
                 "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "x"}]}}}}


@pytest.fixture
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--nodes", "3", name="kills") as cluster:
        yield cluster


def test_whatever_is_killed_every_acknowledged_write_is_kept_and_no_pod_is_too_many(cluster: TestCluster) -> None:
    asyncio.run(_scenario(cluster))


async def _scenario(cluster: TestCluster) -> None:
    world = World(seed=7)
    transport = SocketTransport(load(cluster.cluster.kubeconfig("admin")))
    client = Client(transport, "test")
    recorder = Recorder(transport, world)
    recorder.add(DATA, OBJECTS)
    recorder.add(STATUS, OBJECTS)
    recorder.add(annotation_of(DEPLOYMENTS), name="web")
    followed = [Revisions(client.documents(catalog.by_plural(group, plural), namespace="default"))
                for group, plural in (("", "configmaps"), ("networking.k8s.io", "ingresses"))]
    pods = PodCount(client.documents(catalog.by_plural("", "pods"), namespace="default"), "app=web", REPLICAS + SURGE)
    rollout = Rollout(client, transport, "web")
    try:
        async with asyncio.timeout(SECONDS):
            await Asking(transport).insist("POST", DEPLOYMENTS, DEPLOYMENT)
            async with asyncio.TaskGroup() as group:
                following = [group.create_task(one.run()) for one in (*followed, pods, rollout)]
                stop = asyncio.Event()
                writing = group.create_task(recorder.run(stop))
                rolling = group.create_task(rollout.roll(stop))
                await _kill_one_after_the_other(cluster, rollout, world)
                stop.set()
                await writing
                await rolling
                faults = await recorder.verify()
                for revisions, written in zip(followed, (DATA, STATUS), strict=True):
                    await revisions.until_complete([one for one in recorder.histories if one.written is written])
                for task in following:
                    task.cancel()
    finally:
        await transport.aclose()
    print(recorder.counts, "rolls", rollout.done, "most pods", pods.highest)
    assert [*faults, *pods.faults, *(fault for one in followed for fault in one.faults)] == []
    assert recorder.counts["unknown"] > 0, "nothing was under way when something was killed: the test shows nothing"


async def _kill_one_after_the_other(cluster: TestCluster, rollout: Rollout, world: World) -> None:
    """Each while the Deployment rolls; the next one when a roll begun after it has come to its end."""
    for _ in range(ROUNDS):
        for component in world.random.sample(COMPONENTS, len(COMPONENTS)):
            await rollout.until(lambda: rollout.is_midway)
            print("kill", component, asyncio.get_running_loop().time(), rollout.done)
            await asyncio.to_thread(cluster.kill, component)
            await rollout.until_done(rollout.done + 2)
