"""A storm over the scheduler, in virtual time: pods and nodes come and go, writes fail, the watch lags behind. Whatever happens, no node
holds more than it has, no pod has company it must not have, nobody goes for one that is not more important; and in the end no pod waits
that could be placed. The seed is the test's id."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kubeapi.errors import Conflict, InternalError, NotFound
from kubeapi.world import World
from scheduler.algorithm import Chosen, choose
from scheduler.judgements import Search
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile
from scheduler.scheduler import Scheduler
from tests.unit.scheduler.builders import a_cluster, a_node, a_node_object, a_pod
from tests.virtualtime import run

PROFILE = default_profile()
CPUS = {"n0": 2, "n1": 3, "n2": 4, "n3": 1}
ALONE = {"app": "alone"}
APART: dict[str, Any] = {"labels": ALONE, "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
    {"topologyKey": "host", "labelSelector": {"matchLabels": ALONE}}]}}}
STEPS, FAILING = 60, 0.15


class SimulatedApi:
    """The truth, and a watch that tells it later, in order."""

    def __init__(self, random: Random) -> None:
        self.random, self.scheduler = random, Scheduler([PROFILE], self, World(random.randrange(1 << 30)))
        self.pods: dict[str, PodInfo] = {}
        self.nodes: dict[str, bool] = {}                # name -> cordoned
        self.failing = FAILING
        self.broken: list[str] = []
        self._told: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
        self._seen: dict[str, PodInfo] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._group:
            self._group.create_task(self.scheduler.run())
            while True:
                tell = await self._told.get()
                await asyncio.sleep(self.random.random() * 0.3)
                tell()

    # --- what others do

    def put(self, pod: PodInfo) -> None:
        self.pods[pod.uid] = pod
        self._told.put_nowait(lambda: self._show(pod))

    def _show(self, pod: PodInfo) -> None:
        before, self._seen[pod.uid] = self._seen.get(pod.uid), pod
        self.scheduler.update_pod(pod, before)

    def remove(self, uid: str) -> None:
        if (pod := self.pods.pop(uid, None)) is not None:
            self._told.put_nowait(lambda: self.scheduler.remove_pod(pod))

    def set_node(self, name: str, cordoned: bool) -> None:
        self.nodes[name] = cordoned
        node = a_node_object(name, cpu=f"{CPUS[name]}", labels={"host": name}, unschedulable=cordoned)
        self._told.put_nowait(lambda: self.scheduler.update_node(node))

    def lose_node(self, name: str) -> None:
        del self.nodes[name]
        self._told.put_nowait(lambda: self.scheduler.remove_node(name))
        for uid in [uid for uid, pod in self.pods.items() if pod.node_name == name]:
            self.remove(uid)

    # --- what the scheduler does

    async def _asked(self, pod: PodInfo) -> PodInfo:
        await asyncio.sleep(self.random.random() * 0.2)
        if self.random.random() < self.failing:
            raise InternalError("the server has other worries")
        if pod.uid not in self.pods:
            raise NotFound("it is gone")
        return self.pods[pod.uid]

    async def bind(self, pod: PodInfo, node: str) -> None:
        known = await self._asked(pod)
        if known.node_name or known.is_terminating:
            raise Conflict("it has a node")
        self.put(replace(known, node_name=node, nominated_node=""))
        self._check(node)

    async def report_unschedulable(self, pod: PodInfo, message: str, nominated: str) -> None:
        self.put(replace(await self._asked(pod), told_unschedulable=message, nominated_node=nominated))

    async def clear_nomination(self, pod: PodInfo) -> None:
        if pod.uid in self.pods:
            self.put(replace(await self._asked(pod), nominated_node=""))

    async def preempt(self, victim: PodInfo, preemptor: PodInfo) -> None:
        if victim.priority >= preemptor.priority:
            self.broken.append(f"{victim.key} goes for {preemptor.key}")
        try:
            known = await self._asked(victim)
        except NotFound:
            return
        self.put(replace(known, is_terminating=True, is_preempted=True))
        assert self._group is not None
        self._group.create_task(self._end(victim.uid))

    async def _end(self, uid: str) -> None:
        await asyncio.sleep(self.random.random() * 3)
        self.remove(uid)

    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None:
        pass

    def _check(self, node: str) -> None:
        there = [pod for pod in self.pods.values() if pod.node_name == node]
        if sum(pod.requests.milli_cpu for pod in there) > 1000 * CPUS[node]:
            self.broken.append(f"{node} is overcommitted")
        if sum(pod.labels == ALONE for pod in there) > 1:
            self.broken.append(f"{node} holds two pods that want to be apart")


def a_random_pod(number: int, random: Random) -> PodInfo:
    shape: dict[str, Any] = random.choice([{"cpu": "500m"}, {"cpu": "1"}, {"cpu": "2"}, {"cpu": "100m", **APART}])
    return a_pod(f"p{number}", priority=random.choice([0, 0, 10, 100]), **shape)


async def storm(api: SimulatedApi, random: Random) -> None:
    for number in range(STEPS):
        await asyncio.sleep(random.random() * 2)
        what, name = random.random(), random.choice(list(CPUS))
        if what < 0.55:
            api.put(a_random_pod(number, random))
        elif what < 0.75 and api.pods:
            api.remove(random.choice(list(api.pods)))
        elif name not in api.nodes or what < 0.92:
            api.set_node(name, random.random() < 0.2)
        else:
            api.lose_node(name)


def left_behind(api: SimulatedApi) -> list[str]:
    """Who could be placed, or be made room for, by the truth."""
    nodes = [a_node(name, cpu=f"{CPUS[name]}", labels={"host": name}, unschedulable=cordoned,
                    holding=tuple(pod for pod in api.pods.values() if pod.node_name == name)) for name, cordoned in api.nodes.items()]
    waiting = [pod for pod in api.pods.values() if not pod.node_name]
    decided = [(pod, choose(PROFILE, pod, a_cluster(*nodes), Search(), World(1))) for pod in waiting]
    return [str(pod.key) for pod, found in decided if isinstance(found, Chosen) or found.rescue.node]


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_the_rules_hold_and_nobody_is_left_behind(seed: int) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        random = Random(seed)
        api = SimulatedApi(random)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(api.run())
            await storm(api, random)
            api.failing = 0.0
            await asyncio.sleep(100)            # sooner than pods are tried again without a reason: events must do
            running.cancel()
        return api.broken, left_behind(api)

    assert run(scenario()) == ([], [])
