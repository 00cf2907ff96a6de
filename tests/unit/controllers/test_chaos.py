"""ReplicaSets and Deployments in a world where everything goes wrong: the end is as desired, and no bound is broken on the way.

A run is a list of rounds. In each the user changes the Deployment a few times while requests fail, answers are lost, watches
break or tell things twice, and the controllers are killed between any two writes; where pods may die, they do so one by one or
with their node. Then the world calms down and everything has to be as wanted. The bounds are read afterwards, off every
state that the server ever had.
"""
from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest

from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.intorstring import scaled
from kubeclient.testing import FakeClient
from tests.unit.controllers.harness import (
    DEPLOYMENTS,
    PODS,
    Controllers,
    Document,
    a_deployment,
    failures,
    is_active,
    is_available,
    make_ready,
    pods,
    running,
)
from tests.virtualtime import VirtualWorld, run

ROUNDS, STEPS = 5, 12
CALM_SECONDS = 1500.0           # expectations are given up after 300, progress deadlines after 600
IMAGES = ("i:1", "i:2", "i:3")
NODES, EVICTED_SECONDS = 3, 40.0
ROLLING: tuple[tuple[Any, Any], ...] = ((1, 0), (0, 1), ("25%", "25%"), (3, 2), ("100%", 0))
EVENTS = ("scale", "template", "template", "strategy", "pause", "fail", "fail", "fail", "break", "expire", "repeat", "kill", "kill", "slow", "die", "lose")
RECREATE = {"type": "Recreate"}
WRITES = [("create", "pods"), ("delete", "pods"), ("update", "replicasets"), ("update", "replicasets/status"), ("create", "replicasets"),
          ("update", "deployments"), ("update", "deployments/status"), ("get", "replicasets"), ("list", "pods")]


@dataclass
class Round:
    """The revisions between which it happened."""

    first: int
    last: int


class Chaos:
    def __init__(self, seed: int, *, pods_die: bool, recreates: bool = False) -> None:
        self.world = VirtualWorld(seed)
        self.fake = FakeClient(world=self.world)
        self.chance = random.Random(seed)
        self.rounds: list[Round] = []
        self._pods_die, self._recreates = pods_die, recreates

    async def run(self) -> None:
        replicas = self.chance.randint(1, 5)
        self.fake.add(a_deployment(replicas, strategy=RECREATE) if self._recreates else a_deployment(replicas))
        async with running(self.fake, self.world) as controllers, asyncio.TaskGroup() as group:
            kubelet = group.create_task(self._kubelet(group))
            first = 0
            for _ in range(ROUNDS):
                for _ in range(STEPS):
                    await self._step(controllers, group)
                await self._calm_down()
                last = max(change.revision for change in self.fake.server._shelf(DEPLOYMENTS).log + self.fake.server._shelf(PODS).log)
                self.rounds.append(Round(first, last))
                first = last
                self.check_end()
            kubelet.cancel()

    async def _step(self, controllers: Controllers, group: asyncio.TaskGroup) -> None:
        await asyncio.sleep(self.chance.choice((0.0, 0.01, 0.3, 2.0, 20.0)))
        chance = self.chance
        match chance.choice(EVENTS):
            case "scale":
                self._change(replicas=chance.randint(0, 8))
            case "template":
                self._change(template={"spec": {"containers": [{"name": "c", "image": chance.choice(IMAGES)}]}})
            case "strategy":
                surge, unavailable = chance.choice(ROLLING)
                rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
                self._change(strategy=RECREATE if self._recreates or chance.random() < 0.2 else rolling)
            case "pause":
                self._change(paused=chance.random() < 0.5)
            case "fail":
                self.fake.server.fail(*chance.choice(WRITES), *chance.sample(failures(), chance.randint(1, 3)))
            case "break":
                self.fake.server.break_watches()
            case "expire":
                self.fake.server.expire_watches()
            case "repeat":
                self.fake.server.repeat_events(chance.randint(1, 20))
            case "kill":
                await controllers.kill()
                await asyncio.sleep(chance.choice((0.0, 1.0, 30.0)))
                controllers.start()
            case "slow":
                self.fake.server.latency_seconds = chance.choice((0.0, 0.05, 0.5))
            case "die" if self._pods_die and (alive := [one for one in pods(self.fake) if is_active(one)]):
                self.fake.remove(Pod.from_wire(chance.choice(alive)))
            case "lose" if self._pods_die:
                group.create_task(self._lose(chance.randrange(NODES)))

    async def _lose(self, node: int) -> None:
        """Its pods are not ready any more; what is left of them when the node is given up is deleted."""
        lost = [one["metadata"]["uid"] for one in pods(self.fake) if int(one["metadata"]["uid"][-1], 16) % NODES == node]
        for one in pods(self.fake):
            if one["metadata"]["uid"] in lost:
                make_ready(self.fake, self.world, one["metadata"]["name"], ready=False)
        await asyncio.sleep(EVICTED_SECONDS)
        for one in pods(self.fake):
            if one["metadata"]["uid"] in lost:
                self.fake.remove(Pod.from_wire(one))

    def _change(self, **spec: Any) -> None:
        found = self.fake.find(Deployment, "d", "default")
        assert found is not None
        document = found.to_wire()
        if "template" in spec:
            spec["template"] = {"metadata": document["spec"]["template"]["metadata"], **spec["template"]}
        document["spec"] = {**document["spec"], **spec}
        document["metadata"]["generation"] += 1
        self.fake.add(Deployment.from_wire(document))

    async def _calm_down(self) -> None:
        self.fake.server._failures.clear()
        self.fake.server.latency_seconds = 0.0
        self._change(paused=False)
        await asyncio.sleep(CALM_SECONDS)

    async def _kubelet(self, group: asyncio.TaskGroup) -> None:
        """Every pod is ready a while after it was made."""
        seen: set[str] = set()
        while True:
            changed = self.fake.server._changed
            for pod in pods(self.fake):
                if pod["metadata"]["uid"] not in seen:
                    seen.add(pod["metadata"]["uid"])
                    group.create_task(self._start(pod["metadata"]["name"]))
            await changed.wait()

    async def _start(self, name: str) -> None:
        await asyncio.sleep(self.chance.choice((0.0, 0.5, 3.0)))
        make_ready(self.fake, self.world, name)

    # --- what has to be so

    def check_end(self) -> None:
        deployment = self.fake.find(Deployment, "d", "default")
        assert deployment is not None
        wanted, image = deployment.spec.replicas or 0, deployment.spec.template.spec.containers[0].image
        alive = [one for one in pods(self.fake) if is_active(one)]
        assert [one["spec"]["containers"][0]["image"] for one in alive] == [image] * wanted
        status = deployment.status
        assert (status.replicas, status.updated_replicas, status.available_replicas) == (wanted, wanted, wanted)
        assert status.observed_generation == deployment.metadata.generation
        sets = self.fake.all(ReplicaSet)
        sizes = sorted((rs.spec.replicas or 0 for rs in sets), reverse=True)
        assert sizes == [wanted] + [0] * (len(sets) - 1)
        assert len(sets) <= len(IMAGES), "a template has two ReplicaSets"

    def check_bounds(self) -> None:
        changes = sorted([*((change, True) for change in self.fake.server._shelf(PODS).log),
                          *((change, False) for change in self.fake.server._shelf(DEPLOYMENTS).log)], key=lambda one: one[0].revision)
        for one in self.rounds:
            most, least = self._allowed(one)
            alive: dict[str, Document] = {}
            for change, is_pod in changes:
                if change.revision > one.last:
                    break
                if not is_pod:
                    continue
                uid = change.after["metadata"]["uid"]
                if change.type == "DELETED":
                    gone = alive.pop(uid)
                else:
                    alive[uid] = change.after
                if change.revision <= one.first:
                    continue
                active = [pod for pod in alive.values() if is_active(pod)]
                if change.type == "ADDED":
                    assert len(active) <= most, f"revision {change.revision}: {len(active)} pods where {most} are allowed"
                if change.type == "DELETED" and is_available(gone) and not self._pods_die:
                    available = sum(map(is_available, active))
                    assert available >= least, f"revision {change.revision}: {available} available pods left of {least}"

    def _allowed(self, one: Round) -> tuple[int, int]:
        """The most pods and the fewest available ones that any spec of the round, or the one it began with, allows."""
        log = self.fake.server._shelf(DEPLOYMENTS).log
        before = [change.after for change in log if change.revision <= one.first][-1:]
        specs = [spec["spec"] for spec in [*before, *(change.after for change in log if one.first < change.revision <= one.last)]]
        return max(map(_most, specs)), min(map(_least, specs))


def _most(spec: Document) -> int:
    if spec["strategy"]["type"] == "Recreate":
        return int(spec["replicas"])
    return int(spec["replicas"]) + scaled(spec["strategy"]["rollingUpdate"]["maxSurge"], spec["replicas"], round_up=True)


def _least(spec: Document) -> int:
    if spec["strategy"]["type"] == "Recreate":
        return 0
    rolling = spec["strategy"]["rollingUpdate"]
    allowed = scaled(rolling["maxUnavailable"], spec["replicas"], round_up=False)
    if not allowed and not scaled(rolling["maxSurge"], spec["replicas"], round_up=True):
        allowed = 1
    return int(spec["replicas"]) - allowed


@pytest.mark.parametrize("pods_die", [False, True], ids=["pods live", "pods die"])
@pytest.mark.parametrize("seed", [*range(20), 1015, 1123])
def test_the_end_is_as_desired_and_no_bound_is_broken(seed: int, pods_die: bool) -> None:
    chaos = Chaos(seed, pods_die=pods_die)
    run(chaos.run())
    chaos.check_bounds()


@pytest.mark.parametrize("pods_die", [False, True], ids=["pods live", "pods die"])
@pytest.mark.parametrize("seed", [*range(10), 2054])
def test_recreating_never_has_more_pods_than_wanted(seed: int, pods_die: bool) -> None:
    chaos = Chaos(seed, pods_die=pods_die, recreates=True)
    run(chaos.run())
    chaos.check_bounds()
