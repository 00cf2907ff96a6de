"""The loop over a fake API, in virtual time: what is written for a pod, and when it is tried again."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from kubeapi.errors import InternalError
from kubeapi.world import World
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile
from scheduler.scheduler import Scheduler
from tests.unit.scheduler.builders import a_node_object, a_pod
from tests.virtualtime import run


class FakeApi:
    """Says what was written, in order; what a watch would show of it, the test says."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fails: set[str] = set()
        self.on_report: Callable[[], None] = lambda: None

    def _tell(self, what: str) -> None:
        self.told.append(what)
        if what in self.fails:
            raise InternalError("no")

    async def bind(self, pod: PodInfo, node: str) -> None:
        self._tell(f"bind {pod.key.name} {node}")

    async def report_unschedulable(self, pod: PodInfo, message: str, nominated: str) -> None:
        self._tell(f"unschedulable {pod.key.name} {nominated}".rstrip())
        self.on_report()

    async def clear_nomination(self, pod: PodInfo) -> None:
        self._tell(f"clear {pod.key.name}")

    async def preempt(self, victim: PodInfo, preemptor: PodInfo) -> None:
        self._tell(f"preempt {victim.key.name}")

    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None:
        pass


def scenario(body: Callable[[Scheduler, FakeApi], Awaitable[None]]) -> list[str]:
    api = FakeApi()

    async def main() -> None:
        scheduler = Scheduler([default_profile()], api, World(1))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(scheduler.run())
            await body(scheduler, api)
            running.cancel()

    run(main())
    return api.told


def bound(name: str, node: str = "a", **more: Any) -> PodInfo:
    return a_pod(name, cpu="1", node=node, **more)


async def settled(seconds: float = 0.01) -> None:
    await asyncio.sleep(seconds)


def test_less_important_pods_go_and_the_pod_follows_when_they_are_gone() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a", cpu="1"))
        scheduler.update_pod(bound("low"))
        scheduler.update_pod(a_pod("high", cpu="1", priority=100))
        await settled()
        scheduler.update_pod(a_pod("later", cpu="1"))               # what is being made free is not for it
        await settled(5)
        scheduler.remove_pod(bound("low"))
        await settled(5)

    told = scenario(body)
    assert told[:3] == ["unschedulable high a", "preempt low", "unschedulable later"]
    assert [what for what in told if what.startswith("bind")] == ["bind high a"]


def test_a_more_important_pod_takes_the_room_made_for_another_which_looks_again() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a", cpu="1"))
        scheduler.update_pod(bound("low"))
        scheduler.update_pod(a_pod("middle", cpu="1", priority=50))
        await settled()
        scheduler.update_pod(a_pod("high", cpu="1", priority=100))
        await settled()
        scheduler.remove_pod(bound("low"))
        await settled(5)

    told = scenario(body)
    assert told[:5] == ["unschedulable middle a", "preempt low", "unschedulable high a", "preempt low", "clear middle"]
    assert [what for what in told if what.startswith("bind")] == ["bind high a"]


def test_a_preemption_that_fails_is_tried_again_after_a_while() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        api.fails.add("preempt low")
        scheduler.update_node(a_node_object("a", cpu="1"))
        scheduler.update_pod(bound("low"))
        scheduler.update_pod(a_pod("high", cpu="1", priority=100))
        await settled()
        api.fails.clear()
        await settled(1.5)

    assert scenario(body).count("preempt low") == 2


def test_nobody_goes_for_a_pod_that_is_gone_itself() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a", cpu="1"))
        scheduler.update_pod(bound("low"))
        high = a_pod("high", cpu="1", priority=100)
        api.on_report = lambda: scheduler.remove_pod(high)
        scheduler.update_pod(high)
        await settled(5)

    assert scenario(body) == ["unschedulable high a"]


def test_a_scheduler_that_starts_anew_keeps_the_room_that_was_being_made() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a", cpu="1"))
        gone = a_pod("high", cpu="1", priority=100, schedulerName="another", status={"nominatedNodeName": "a"})
        scheduler.update_pod(gone)
        scheduler.update_pod(a_pod("low", cpu="1"))
        await settled(5)
        scheduler.remove_pod(gone)
        await settled(5)

    assert scenario(body) == ["unschedulable low", "bind low a"]


def test_an_older_view_of_a_pod_does_not_undo_its_nomination() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a", cpu="1"))
        scheduler.update_pod(bound("low"))
        high = a_pod("high", cpu="1", priority=100)
        scheduler.update_pod(high)
        await settled()
        scheduler.update_pod(replace(high, resource_version="2"), high)
        assert scheduler.cache.nominated.node_of(high.uid) == "a"

    scenario(body)


def test_a_pod_that_fits_is_bound_once() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        scheduler.update_node(a_node_object("a"))
        scheduler.update_pod(a_pod("p"))
        await settled(400)

    assert scenario(body) == ["bind p a"]


def test_a_rejected_binding_is_tried_again_after_its_back_off() -> None:
    async def body(scheduler: Scheduler, api: FakeApi) -> None:
        api.fails.add("bind p a")
        scheduler.update_node(a_node_object("a"))
        scheduler.update_pod(a_pod("p"))
        await settled(0.5)
        api.fails.clear()
        await settled(1)

    assert scenario(body) == ["bind p a", "bind p a"]
