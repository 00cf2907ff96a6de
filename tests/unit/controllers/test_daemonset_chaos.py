"""A DaemonSet in a world where everything goes wrong: the end is as desired, and no bound is broken on the way.

As in test_chaos: rounds of changes by the user, nodes that come and go and are tainted, failing requests, watches that
break or tell things twice, and killed controllers; then calm. Pods go gracefully: one that is deleted is there for a while
longer. The bounds are read afterwards, off every state that the server ever had.
"""
from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from controllers.daemonset.nodes import Placement, target_node
from kubeapi.catalog import by_plural
from kubeapi.generated.models.apps_v1 import ControllerRevision, DaemonSet
from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.intorstring import scaled
from kubeapi.times import parse_time
from kubeclient.testing import FakeClient
from tests.unit.controllers.daemons import a_daemon_set, a_node, daemons
from tests.unit.controllers.harness import (
    PODS,
    Controllers,
    Document,
    failures,
    is_active,
    is_available,
    make_ready,
    pods,
    running,
)
from tests.virtualtime import VirtualWorld, run

ROUNDS, STEPS = 4, 14
CALM_SECONDS = 2500.0           # expectations are given up after 300, a failed pod stays for 900
STALE_SECONDS = 15.0            # a watch is open again after five, and a request may take a while
SETS, NODES = by_plural("apps", "daemonsets"), by_plural("", "nodes")
NAMES = ("n1", "n2", "n3", "n4", "n5", "n6")
IMAGES = ("i:1", "i:2", "i:3")
STRATEGIES: tuple[Document, ...] = (
    *({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": limit, "maxSurge": 0}} for limit in (1, 2, "50%")),
    *({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": limit}} for limit in (1, 2, "100%")),
    {"type": "OnDelete"})
TAINTS = ((), (), (("x", "NoSchedule"),), (("x", "NoExecute"),), (("node.kubernetes.io/unreachable", "NoExecute"),))
WRITES = [("create", "pods"), ("delete", "pods"), ("update", "daemonsets/status"), ("create", "controllerrevisions"),
          ("update", "controllerrevisions"), ("delete", "controllerrevisions"), ("get", "daemonsets"), ("list", "pods"), ("get", "pods")]


def a_template(image: str, selector: Document) -> Document:
    return {"metadata": {"labels": {"app": "a"}, "finalizers": ["test/grace"]},
            "spec": {"nodeSelector": selector, "containers": [{"name": "c", "image": image}]}}


@dataclass
class Round:
    """The revisions between which it happened."""

    first: int
    last: int


class Chaos:
    def __init__(self, seed: int, *, pods_die: bool) -> None:
        self.world = VirtualWorld(seed)
        self.fake = FakeClient(world=self.world)
        self.chance = random.Random(seed)
        self.rounds: list[Round] = []
        self._pods_die = pods_die
        self._busy: set[str] = set()            # pods that somebody starts or ends

    async def run(self) -> None:
        for name in NAMES[:4]:
            self.fake.add(a_node(name, zone="a"))
        self.fake.add(a_daemon_set(template=a_template("i:1", {})))
        async with running(self.fake, self.world, daemons) as controllers, asyncio.TaskGroup() as group:
            kubelets = group.create_task(self._kubelets(group))
            first = 0
            for _ in range(ROUNDS):
                for _ in range(STEPS):
                    await self._step(controllers, group)
                await self._calm_down()
                last = max(change.revision for resource in (SETS, PODS, NODES) for change in self.fake.server._shelf(resource).log)
                self.rounds.append(Round(first, last))
                first = last
                self.check_end()
            kubelets.cancel()

    async def _step(self, controllers: Controllers, group: asyncio.TaskGroup) -> None:
        await asyncio.sleep(self.chance.choice((0.0, 0.01, 0.3, 2.0, 20.0)))
        chance, server = self.chance, self.fake.server
        match chance.choice(("template", "template", "template", "strategy", "node", "node", "taint", "fail", "fail", "fail", "break", "expire",
                             "kill", "kill", "slow", "die")):
            case "template":
                self._change(template=a_template(chance.choice(IMAGES), chance.choice(({}, {}, {"zone": "a"}))))
            case "strategy":
                self._change(updateStrategy=chance.choice(STRATEGIES))
            case "node":
                self._node(chance.choice(NAMES), group)
            case "taint":
                if (node := self.fake.find(Node, chance.choice(NAMES))) is not None:
                    self.fake.add(a_node(node.metadata.name, *chance.choice(TAINTS), **node.metadata.labels))
            case "fail":
                server.fail(*chance.choice(WRITES), *chance.sample(failures(), chance.randint(1, 3)))
            case "break":
                server.break_watches()
            case "expire":
                server.expire_watches()
            case "repeat":
                server.repeat_events(chance.randint(1, 20))
            case "kill":
                await controllers.kill()
                await asyncio.sleep(chance.choice((0.0, 1.0, 30.0)))
                controllers.start()
            case "slow":
                server.latency_seconds = chance.choice((0.0, 0.05, 0.5))
            case "die" if self._pods_die and (alive := [one for one in pods(self.fake) if is_active(one)]):
                victim = Pod.from_wire(chance.choice(alive))
                if chance.random() < 0.5:
                    self.fake.remove(victim)
                else:
                    self.fake.add(victim.evolve(status=victim.status.evolve(phase="Failed", conditions=())))

    def _node(self, name: str, group: asyncio.TaskGroup) -> None:
        """It comes, or is lost: then what ran on it is collected some time later."""
        node = self.fake.find(Node, name)
        if node is None:
            self.fake.add(a_node(name, zone=self.chance.choice("ab")))
        else:
            self.fake.remove(node)
            group.create_task(self._collect(name))

    async def _collect(self, name: str) -> None:
        await asyncio.sleep(40)
        if self.fake.find(Node, name) is None:
            for document in [one for one in pods(self.fake) if one["spec"].get("nodeName") == name]:
                self.fake.remove(Pod.from_wire(document))

    def _change(self, **spec: Any) -> None:
        found = self.fake.find(DaemonSet, "d", "default")
        assert found is not None
        document = found.to_wire()
        document["spec"] |= spec
        document["metadata"]["generation"] += 1
        self.fake.add(DaemonSet.from_wire(document))

    async def _calm_down(self) -> None:
        self.fake.server._failures.clear()
        self.fake.server.latency_seconds = 0.0
        found = self.fake.find(DaemonSet, "d", "default")
        assert found is not None
        self._change(**({"updateStrategy": STRATEGIES[0]} if found.spec.update_strategy.type == "OnDelete" else {}))
        await asyncio.sleep(CALM_SECONDS)

    # --- scheduler and kubelets

    async def _kubelets(self, group: asyncio.TaskGroup) -> None:
        while True:
            changed = self.fake.server._changed
            for document in pods(self.fake):
                uid, is_going = document["metadata"]["uid"], "deletionTimestamp" in document["metadata"]
                is_new = not (document.get("status") or {}).get("phase") and self._node_of(document) is not None
                if uid not in self._busy and (is_going or is_new):
                    self._busy.add(uid)
                    group.create_task(self._end(document) if is_going else self._start(document))
            await changed.wait()

    def _node_of(self, document: Document) -> Node | None:
        return self.fake.find(Node, target_node(Pod.from_wire(document)))

    async def _start(self, document: Document) -> None:
        await asyncio.sleep(self.chance.choice((0.0, 0.5, 3.0)))
        pod = self._current(document)
        if pod is not None and (node := self._node_of(document)) is not None and not pod.status.phase:
            self.fake.add(pod.evolve(spec=pod.spec.evolve(node_name=node.metadata.name)))
            await asyncio.sleep(self.chance.choice((0.0, 0.5, 3.0)))
            if (pod := self._current(document)) is not None and not pod.status.phase:
                make_ready(self.fake, self.world, pod.metadata.name)
        self._busy.discard(document["metadata"]["uid"])
        self.fake.server._wake()

    async def _end(self, document: Document) -> None:
        await asyncio.sleep(self.chance.choice((0.0, 0.5, 5.0)))
        if (pod := self._current(document)) is not None:
            self.fake.remove(pod)

    def _current(self, document: Document) -> Pod | None:
        pod = self.fake.find(Pod, document["metadata"]["name"], "default")
        return pod if pod is not None and pod.metadata.uid == document["metadata"]["uid"] else None

    # --- what has to be so

    def check_end(self) -> None:
        daemon_set = self.fake.find(DaemonSet, "d", "default")
        assert daemon_set is not None and daemon_set.status is not None
        image, placement = daemon_set.spec.template.spec.containers[0].image, Placement(daemon_set)
        fits = {node.metadata.name: placement.fit(node) for node in self.fake.all(Node)}
        found: dict[str, list[str]] = defaultdict(list)
        for document in filter(is_active, pods(self.fake)):
            found[target_node(Pod.from_wire(document))].append(document["spec"]["containers"][0]["image"])
        wanted = [name for name, fit in fits.items() if fit.should_run]
        assert {name: found[name] for name in wanted} == {name: [image] for name in wanted}
        assert all(fits[name].may_stay and len(here) <= 1 for name, here in found.items() if name not in wanted and here)
        status = daemon_set.status
        assert (status.desired_number_scheduled, status.current_number_scheduled, status.updated_number_scheduled, status.number_available,
                status.observed_generation) == (*[len(wanted)] * 4, daemon_set.metadata.generation)
        revisions = [(one.revision, str(one.data)) for one in self.fake.all(ControllerRevision)]
        assert len({data for _, data in revisions}) == len({number for number, _ in revisions}) == len(revisions), revisions

    def check_bounds(self) -> None:
        for one in self.rounds:
            Bounds(self.fake, one, pods_die=self._pods_die).check()


class Bounds:
    """What one round may look like at every moment."""

    def __init__(self, fake: FakeClient, one: Round, *, pods_die: bool) -> None:
        self._fake, self._round, self._pods_die = fake, one, pods_die
        specs = self._states(SETS)
        most_nodes = len(NAMES)
        rolling = [spec["spec"]["updateStrategy"].get("rollingUpdate") or {} for spec in specs]
        self.surge = max(scaled(each.get("maxSurge", 0), most_nodes, round_up=True) for each in rolling)
        self.unavailable = max(scaled(each.get("maxUnavailable", 0), most_nodes, round_up=True) for each in rolling)
        self.steady = set(self._steady([Placement(DaemonSet.from_wire(spec)) for spec in specs]))

    def _states(self, resource: Any) -> list[Document]:
        """What was so when the round began, for one object, and what came then."""
        log = self._fake.server._shelf(resource).log
        before = [change.after for change in log if change.revision <= self._round.first][-1:]
        return [*before, *(change.after for change in log if self._round.first < change.revision <= self._round.last)]

    def _steady(self, placements: list[Placement]) -> Iterator[str]:
        """Nodes that were there all the time and always had to have a pod."""
        log = self._fake.server._shelf(NODES).log
        changed = {change.after["metadata"]["name"] for change in log if self._round.first < change.revision <= self._round.last}
        there: dict[str, Document] = {}
        for change in log:
            if change.revision <= self._round.first:
                there.pop(change.after["metadata"]["name"], None)
                if change.type != "DELETED":
                    there[change.after["metadata"]["name"]] = change.after
        for name, document in there.items():
            if name not in changed and all(each.fit(Node.from_wire(document)).should_run for each in placements):
                yield name

    def check(self) -> None:
        alive: dict[str, Document] = {}
        beside: set[str] = set()                # nodes whose second pod came while the first was available
        for change in sorted((change for resource in (PODS, NODES) for change in self._fake.server._shelf(resource).log),
                             key=lambda change: change.revision):
            if change.revision > self._round.last:
                break
            if change.after["kind"] == "Node":
                if change.type == "DELETED":
                    beside.discard(change.after["metadata"]["name"])    # what it had is dead
                continue
            uid, before = change.after["metadata"]["uid"], alive.get(change.after["metadata"]["uid"])
            alive.pop(uid, None)
            if change.type != "DELETED":
                alive[uid] = change.after
            if change.revision <= self._round.first:
                continue
            node = _node(change.after)
            here = [pod for pod in alive.values() if is_active(pod) and _node(pod) == node]
            if change.type == "ADDED":
                assert len(here) <= 1 + (self.surge > 0), f"revision {change.revision}: {len(here)} pods on {node}"
                if len(here) > 1 and any(_served_long_before(change.after, pod) for pod in here):
                    beside.add(node)
                    assert len(beside) <= self.surge or self._pods_die, f"revision {change.revision}: more than {self.surge} nodes have two pods"
            if len(here) < 2:
                beside.discard(node)
            was_available = before is not None and is_active(before) and is_available(before)
            if was_available and not is_active(alive.get(uid, _GONE)) and not self._pods_die:
                self._check_available(alive, node, change.revision)

    def _check_available(self, alive: dict[str, Document], node: str, revision: int) -> None:
        served = {_node(pod) for pod in alive.values() if is_active(pod) and is_available(pod)}
        if node in self.steady and node not in served:
            assert len(self.steady - served) <= self.unavailable, f"revision {revision}: no available pod on {sorted(self.steady - served)}"


def _served_long_before(new: Document, pod: Document) -> bool:
    """It was available when the new one came, and the controller must have known."""
    if not is_available(pod):
        return False
    created, since = (parse_time(text) for text in (new["metadata"]["creationTimestamp"], pod["status"]["conditions"][0]["lastTransitionTime"]))
    return (created - since).total_seconds() > STALE_SECONDS


_GONE: Document = {"metadata": {"deletionTimestamp": "x"}}


def _node(document: Document) -> str:
    return target_node(Pod.from_wire(document))


@pytest.mark.parametrize("pods_die", [False, True], ids=["pods live", "pods die"])
@pytest.mark.parametrize("seed", [*range(20), 25, 127])
def test_the_end_is_as_desired_and_no_bound_is_broken(seed: int, pods_die: bool) -> None:
    chaos = Chaos(seed, pods_die=pods_die)
    run(chaos.run())
    chaos.check_bounds()
