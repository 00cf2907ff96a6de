"""What many pods refer to is read once for all of them, and never from before a pod asked."""
from __future__ import annotations

import asyncio

from kubeapi.generated.models.core_v1 import ConfigMap, Service
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient
from kubelet.api import ClientApi
from kubelet.environment import References
from tests.virtualtime import VirtualWorld, run

ROOT_CA = References(config_maps=frozenset({"kube-root-ca.crt"}))


def an_api(latency_seconds: float) -> tuple[FakeClient, ClientApi]:
    fake = FakeClient(world=VirtualWorld(1))
    fake.add(ConfigMap(metadata=ObjectMeta(name="kube-root-ca.crt", namespace="default"), data={"ca.crt": "first"}))
    fake.server.latency_seconds = latency_seconds
    return fake, ClientApi(fake, EventRecorder(fake, "kubelet"), InformerFactory(fake).informer(Service))


def reads(fake: FakeClient) -> int:
    return len([one for one in fake.server.requests if one.method == "GET" and "configmaps" in one.path])


def test_pods_that_start_while_a_read_is_under_way_share_the_next_one() -> None:
    async def scenario() -> int:
        fake, api = an_api(latency_seconds=1.0)

        async def start(at: float) -> None:
            await asyncio.sleep(at)
            await api.read_configs("default", ROOT_CA, asyncio.get_running_loop().time())

        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(start(number / 100))
        return reads(fake)
    assert run(scenario()) <= 4             # 200 pods within two seconds, and a read takes one


def test_a_pod_sees_what_was_there_when_it_asked() -> None:
    async def scenario() -> list[str]:
        fake, api = an_api(latency_seconds=0.0)
        loop, found = asyncio.get_running_loop(), []
        for text in ("second", "third"):
            await asyncio.sleep(1)
            fake.add(ConfigMap(metadata=ObjectMeta(name="kube-root-ca.crt", namespace="default"), data={"ca.crt": text}))
            configs = await api.read_configs("default", ROOT_CA, loop.time())
            found.append(configs.config_maps["kube-root-ca.crt"])
        return [one.data["ca.crt"] for one in found if one is not None]
    assert run(scenario()) == ["second", "third"]
