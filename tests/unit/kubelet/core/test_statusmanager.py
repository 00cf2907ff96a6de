"""Which statuses are written, when, and which are not."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from kubeapi.generated.models.core_v1 import Pod, PodStatus, Service
from kubelet.environment import Configs, References
from kubelet.statusmanager import MOST_PENDING_SECONDS, PENDING_SECONDS, WRITERS, StatusManager
from tests.unit.kubelet.core.builders import a_pod
from tests.virtualtime import run

WRITE_SECONDS = 1.0


class Api:
    """Takes its time for every write and remembers them."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    async def patch_status(self, pod: Pod, patch: dict[str, Any]) -> Pod | None:
        self.written.append((pod.metadata.name, patch.get("phase", "")))
        await asyncio.sleep(WRITE_SECONDS)
        return pod.evolve(status=pod.status.evolve(phase=patch.get("phase", "")))

    async def finish_deletion(self, pod: Pod) -> None:
        raise NotImplementedError

    async def read_configs(self, namespace: str, wanted: References, not_before: float) -> Configs:
        raise NotImplementedError

    async def create_token(self, pod: Pod, audience: str, seconds: int) -> str:
        raise NotImplementedError

    async def runtime_handler(self, runtime_class: str) -> str:
        raise NotImplementedError

    def services(self) -> Sequence[Service]:
        return []

    def event(self, pod: Pod, type: str, reason: str, message: str, container: str = "") -> None:
        raise NotImplementedError


def named(name: str) -> Pod:
    pod = a_pod()
    return pod.evolve(metadata=pod.metadata.evolve(name=name, uid=name), status=PodStatus())


def played(scene: Callable[[StatusManager], Awaitable[None]]) -> list[tuple[str, str]]:
    api = Api()

    async def play() -> None:
        manager = StatusManager(api)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(manager.run())
            await scene(manager)
            await asyncio.sleep(60)
            running.cancel()

    run(play())
    return api.written


def test_what_is_on_its_way_waits_while_others_run_and_is_written_once() -> None:
    async def scene(manager: StatusManager) -> None:
        late = named("late")
        manager.set(late, PodStatus(phase="Pending"))
        for number in range(4 * WRITERS):
            manager.set(named(f"p{number}"), PodStatus(phase="Running"))
        await asyncio.sleep(PENDING_SECONDS + 1.5 * WRITE_SECONDS)
        manager.set(late, PodStatus(phase="Running"))

    assert [phase for name, phase in played(scene) if name == "late"] == ["Running"]


def test_what_stays_on_its_way_is_written_when_nothing_else_is() -> None:
    async def scene(manager: StatusManager) -> None:
        manager.set(named("late"), PodStatus(phase="Pending"))

    assert played(scene) == [("late", "Pending")]


def test_nothing_is_written_of_a_pod_that_the_api_no_longer_has() -> None:
    async def scene(manager: StatusManager) -> None:
        pod = named("p")
        manager.set(pod, PodStatus(phase="Pending"))
        manager.gone("p")
        manager.set(pod, PodStatus(phase="Failed"))
        await manager.flush("p")

    assert played(scene) == []


def test_the_more_pods_are_on_their_way_the_longer_they_wait_for_more_to_tell() -> None:
    async def scene(manager: StatusManager) -> None:
        pods = [named(f"p{number}") for number in range(8 * WRITERS)]
        for pod in pods:
            manager.set(pod, PodStatus(phase="Pending"))
        await asyncio.sleep(MOST_PENDING_SECONDS - 0.5)
        for pod in pods[-4 * WRITERS:]:
            manager.set(pod, PodStatus(phase="Running"))

    phases = dict.fromkeys(name for name, phase in played(scene) if phase == "Pending")
    assert phases == dict.fromkeys(f"p{number}" for number in range(4 * WRITERS))
