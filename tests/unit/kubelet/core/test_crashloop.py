"""When a container that ends again and again is started again, on virtual time: a whole kubelet over hollow containers."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Pod, PodStatus, Service
from kubeapi.world import World
from kubelet.cri import ContainerState
from kubelet.environment import Configs, References
from kubelet.hollow import HollowImages, HollowRuntime
from kubelet.kubelet import Kubelet, NodeConfig
from kubelet.nodeinfo import hollow_machine
from kubelet.nodestatus import NodeIdentity
from kubelet.statusmanager import StatusManager
from tests.unit.kubelet.core.builders import UID, a_container, a_pod
from tests.virtualtime import VirtualWorld, run

MINUTE = 60.0


class Api:
    """An API server that takes every status; what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    async def patch_status(self, pod: Pod, patch: dict[str, Any]) -> Pod | None:
        before = pod.status.to_wire()
        conditions = {one["type"]: _given(one) for one in (*before.get("conditions", ()), *patch.get("conditions", ()))}
        status = PodStatus.from_wire({**before, **_given(patch), "conditions": list(conditions.values())})
        version = str(int(pod.metadata.resource_version) + 1)
        return pod.evolve(metadata=pod.metadata.evolve(resource_version=version), status=status)

    async def finish_deletion(self, pod: Pod) -> None:
        return

    async def read_configs(self, namespace: str, wanted: References, not_before: float) -> Configs:
        return Configs()

    async def create_token(self, pod: Pod, audience: str, seconds: int) -> str:
        return ""

    async def runtime_handler(self, runtime_class: str) -> str:
        return ""

    def services(self) -> Sequence[Service]:
        return ()

    def event(self, pod: Pod, type: str, reason: str, message: str, container: str = "") -> None:
        self.events.append((reason, message))


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


async def starts(root: Path, world: World, pod: Pod, seconds: float, running: float = 0.0) -> list[float]:
    """When its container was started, in seconds from the first time; each time it fails after it ran for so long."""
    runtime, images = HollowRuntime(world=world), HollowImages()
    await images.pull("app:1")
    found: list[float] = []
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        config = NodeConfig(NodeIdentity("n1", "n1", "192.0.2.1", 0), hollow_machine(), root, is_hollow=True)
        api = Api()
        statuses = StatusManager(api)
        kubelet = Kubelet(config, runtime, images, "hollow", group=group, api=api, statuses=statuses, world=world)
        await kubelet.use_pod_cidr("10.0.0.0/24")

        async def note() -> None:
            known: set[str] = set()
            async for event in runtime.events():
                for one in await runtime.list_containers(pod_uid=UID):
                    if one.state is ContainerState.RUNNING and one.id not in known:
                        known.add(one.id)
                        found.append(loop.time())
                        loop.call_later(running, runtime.kill, one.id, 1)
                kubelet.workers.wake(event.pod_uid)
        tasks = [group.create_task(note()), group.create_task(statuses.run())]
        kubelet.update(pod)
        await asyncio.sleep(seconds)
        for task in [*tasks, *(one for one in asyncio.all_tasks() if one.get_name().startswith("pod-"))]:
            task.cancel()
    return [round(one - found[0], 1) for one in found]


@pytest.mark.parametrize(("running", "waits"), [
    pytest.param(0.0, [0, 10, 20, 40, 80, 160, 300, 300], id="doubling to five minutes"),
    pytest.param(11 * MINUTE, [0, 0, 0], id="forgotten after ten minutes that it ran"),
])
def test_waits_between_an_end_and_the_next_start(tmp_path: Path, running: float, waits: list[float]) -> None:
    async def story() -> list[float]:
        return await starts(tmp_path, VirtualWorld(), a_pod([a_container()]), sum(waits) + (running + 1) * len(waits) + 1,
                            running)
    found = run(story())
    assert [round(after - before - running) for before, after in zip(found, found[1:], strict=False)][:len(waits)] == waits

