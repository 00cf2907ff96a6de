"""Nodes that fall silent, node by node and zone by zone: what is said of them, which taints they get and when."""
from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import pytest

from controllers.nodelifecycle.reconciler import Settings, node_lifecycle_controller
from controllers.nodelifecycle.zones import Bucket, Rates, ZoneState, rate_of, state_of
from kubeapi import errors
from kubeapi.generated.models.coordination_v1 import Lease
from kubeapi.generated.models.core_v1 import Event, Node, Pod
from kubeapi.times import format_micro_time, format_time
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, Write
from tests.unit.controllers.harness import Controllers, running
from tests.unit.controllers.objects import Document, a_node, a_pod, change
from tests.virtualtime import VirtualWorld, run

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
NODES = ("nodes", "nodes/status")


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [node_lifecycle_controller(client, recorder, factory, world=world)]


class Cluster:
    """Nodes with kubelets that renew their Leases every ten seconds until they are stopped."""

    def __init__(self, *nodes: Node, leases: bool = True) -> None:
        self.world = VirtualWorld()
        self.fake = FakeClient(*nodes, world=self.world)
        self.running = {one.metadata.name for one in nodes} if leases else set()

    @asynccontextmanager
    async def controlled(self, make: Callable[..., Iterable[Controller]] = make) -> AsyncIterator[Controllers]:
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._renew())
            async with running(self.fake, self.world, make) as controllers:
                yield controllers
            renewing.cancel()

    async def _renew(self) -> None:
        while True:
            for name in sorted(self.running):
                self.fake.add(Lease.from_wire({"metadata": {"name": name, "namespace": "kube-node-lease"},
                                               "spec": {"renewTime": format_micro_time(self.world.now())}}))
            await asyncio.sleep(10)

    def post(self, node: Node, ready: str = "True") -> None:
        """As its kubelet: a status with the time of now."""
        name, found = node.metadata.name, self.node(node.metadata.name)
        conditions = [*(one for one in found["status"].get("conditions", ()) if one["type"] != "Ready"), {
            "type": "Ready", "status": ready, "lastHeartbeatTime": format_time(self.world.now())}]
        self.fake.add(Node.from_wire({**found, "status": {"conditions": conditions}}))
        self.running.add(name)

    def node(self, name: str = "n1") -> Document:
        found = self.fake.find(Node, name)
        assert found is not None
        return found.to_wire()

    def ready(self, name: str = "n1") -> str:
        return next((str(one["status"]) for one in self.node(name)["status"].get("conditions", ()) if one["type"] == "Ready"), "")

    def taints(self, name: str = "n1") -> set[tuple[str, str]]:
        return {(one["key"].removeprefix("node.kubernetes.io/"), one["effect"]) for one in self.node(name).get("spec", {}).get("taints", ())}

    def evicting(self) -> list[str]:
        return [name for name in self.names() if any(effect == "NoExecute" for _, effect in self.taints(name))]

    def names(self) -> list[str]:
        return sorted(one.metadata.name for one in self.fake.all(Node))

    def events(self) -> list[tuple[str, str, str]]:
        return [(one.involved_object.kind, one.reason, one.message) for one in self.fake.all(Event)]

    def writes(self) -> list[Write]:
        return [one for one in self.fake.writes if one.action.resource != "events"]


def a_zone(count: int, zone: str = "", first: int = 1) -> list[Node]:
    return [a_node(f"n{number}", zone=zone) for number in range(first, first + count)]


def in_cluster(cluster: Cluster, scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with cluster.controlled():
            await scenario()

    run(whole())


def test_an_idle_cluster_writes_nothing() -> None:
    cluster = Cluster(*a_zone(5))
    in_cluster(cluster, lambda: asyncio.sleep(900))
    assert cluster.writes() == []
    assert sorted(cluster.events()) == [("Node", "RegisteredNode", f"Registered Node n{number} in Controller") for number in range(1, 6)]


def test_a_silent_node_is_declared_unknown_after_the_grace_period_and_told_of_once() -> None:
    cluster = Cluster(*a_zone(3))

    async def scenario() -> None:
        await asyncio.sleep(65)
        cluster.running.discard("n1")
        await asyncio.sleep(34)
        assert cluster.ready() == "True"
        await asyncio.sleep(7)
        assert cluster.ready() == "Unknown"

    in_cluster(cluster, scenario)
    told = {one["type"]: (one["status"], one["reason"], one["message"]) for one in cluster.node()["status"]["conditions"]}
    assert told == dict.fromkeys(("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"),
                                 ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."))
    assert cluster.events().count(("Node", "NodeNotReady", "Node n1 status is now: NodeNotReady")) == 1
    assert [cluster.ready(name) for name in ("n2", "n3")] == ["True", "True"]


def test_a_node_that_never_posted_a_status_has_longer() -> None:
    cluster = Cluster(a_node("new", ready=""), *a_zone(3))
    cluster.running.discard("new")

    async def scenario() -> None:
        await asyncio.sleep(55)
        assert cluster.ready("new") == ""
        await asyncio.sleep(11)
        assert cluster.ready("new") == "Unknown"

    in_cluster(cluster, scenario)
    assert {(one["reason"], one["message"]) for one in cluster.node("new")["status"]["conditions"]} == {
        ("NodeStatusNeverUpdated", "Kubelet never posted node status.")}


@pytest.mark.parametrize(("heard", "expected"), [
    pytest.param("lease", "True", id="renewing a Lease is enough"),
    pytest.param("status", "True", id="so is posting a status"),
    pytest.param("", "Unknown", id="nothing is not"),
])
def test_what_counts_as_hearing_of_a_node(heard: str, expected: str) -> None:
    nodes = a_zone(3)
    cluster = Cluster(*nodes)
    if heard != "lease":
        cluster.running.discard("n1")

    async def scenario() -> None:
        for _ in range(20):
            await asyncio.sleep(9)
            if heard == "status":
                cluster.post(nodes[0])
                cluster.running.discard("n1")

    in_cluster(cluster, scenario)
    assert cluster.ready() == expected


def test_a_silent_node_is_tainted_and_the_taints_go_when_it_is_back() -> None:
    nodes = a_zone(4)
    cluster = Cluster(*nodes)

    async def scenario() -> None:
        await asyncio.sleep(65)
        cluster.running.discard("n1")
        await asyncio.sleep(38)
        assert cluster.taints() == {("unreachable", "NoSchedule")}
        await asyncio.sleep(5)
        assert cluster.taints() == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
        assert all("timeAdded" in one for one in cluster.node()["spec"]["taints"])
        cluster.post(nodes[0])
        await asyncio.sleep(1)
        assert cluster.taints() == set()

    in_cluster(cluster, scenario)


def test_a_node_that_says_that_it_is_not_ready_is_tainted_so_and_one_taint_replaces_the_other_at_once() -> None:
    nodes = a_zone(4)
    cluster = Cluster(*nodes)

    async def scenario() -> None:
        cluster.post(nodes[0], "False")
        await asyncio.sleep(6)
        assert cluster.taints() == {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}
        cluster.running.discard("n1")
        await asyncio.sleep(46)
        assert cluster.taints() == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}

    in_cluster(cluster, scenario)


def conditions(**status: str) -> list[Document]:
    return [{"type": type, "status": is_so} for type, is_so in status.items()]


@pytest.mark.parametrize(("told", "spec", "expected"), [
    pytest.param(conditions(Ready="True"), {}, set(), id="all is well"),
    pytest.param(conditions(Ready="True", MemoryPressure="True"), {}, {("memory-pressure", "NoSchedule")}, id="memory"),
    pytest.param(conditions(Ready="True", DiskPressure="True", PIDPressure="True"), {},
                 {("disk-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule")}, id="disk and processes"),
    pytest.param(conditions(Ready="True", NetworkUnavailable="True"), {}, {("network-unavailable", "NoSchedule")}, id="no network"),
    pytest.param(conditions(Ready="True", MemoryPressure="Unknown"), {}, set(), id="pressure that is not known"),
    pytest.param([], {}, {("not-ready", "NoSchedule")}, id="nothing has been said"),
    pytest.param(conditions(Ready="True"), {"unschedulable": True}, {("unschedulable", "NoSchedule")}, id="cordoned"),
    pytest.param(conditions(Ready="True"), {"taints": [{"key": UNREACHABLE, "effect": "NoSchedule"}, {"key": "mine", "effect": "NoExecute"},
                                                       {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]},
                 {("mine", "NoExecute")}, id="what is not so any more goes, a user's own stays"),
])
def test_taints_follow_conditions(told: list[Document], spec: Document, expected: set[tuple[str, str]]) -> None:
    one = Node.from_wire({"metadata": {"name": "n9"}, "spec": spec, "status": {"conditions": told}})
    cluster = Cluster(one, *a_zone(2))
    in_cluster(cluster, lambda: asyncio.sleep(3))
    assert cluster.taints("n9") == expected


def test_a_write_is_made_again_after_a_conflict() -> None:
    cluster = Cluster(*a_zone(2))
    cluster.fake.server.fail("update", "nodes", errors.Conflict("it was modified"))

    async def scenario() -> None:
        cluster.fake.add(Node.from_wire({**cluster.node(), "spec": {"unschedulable": True}}))
        await asyncio.sleep(1)

    in_cluster(cluster, scenario)
    assert cluster.taints() == {("unschedulable", "NoSchedule")}


def test_the_old_labels_of_system_and_architecture_say_the_same() -> None:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "beta.kubernetes.io/arch": "arm64"}
    cluster = Cluster(a_node("n1", labels=labels), *a_zone(1, first=2))
    in_cluster(cluster, lambda: asyncio.sleep(1))
    assert cluster.node()["metadata"]["labels"] == {**labels, "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"}


def test_pods_of_a_silent_node_are_not_ready_and_say_why() -> None:
    cluster = Cluster(*a_zone(3))
    for pod in (a_pod("a"), a_pod("b", ready=False), a_pod("c", node="n2")):
        cluster.fake.add(pod)

    async def scenario() -> None:
        cluster.running.discard("n1")
        await asyncio.sleep(300)

    in_cluster(cluster, scenario)
    ready = {one.metadata.name: one.status.conditions[0].status for one in cluster.fake.all(Pod)}
    assert ready == {"a": "False", "b": "False", "c": "True"}
    assert [one for one in cluster.events() if one[0] == "Pod"] == [("Pod", "NodeNotReady", "Node is not ready")]
    assert len([one for one in cluster.writes() if one.action.resource == "pods/status"]) == 1


def test_pods_of_a_node_that_says_that_it_is_not_ready_are_its_kubelet_s_to_judge() -> None:
    nodes = a_zone(3)
    cluster = Cluster(*nodes)
    cluster.fake.add(a_pod())

    async def scenario() -> None:
        cluster.post(nodes[0], "False")
        await asyncio.sleep(60)

    in_cluster(cluster, scenario)
    assert [one for one in cluster.writes() if one.action.resource == "pods/status"] == []


def test_a_node_that_goes_is_told_of_and_not_written_again() -> None:
    cluster = Cluster(*a_zone(3))

    async def scenario() -> None:
        await asyncio.sleep(5)
        cluster.running.discard("n1")
        cluster.fake.remove(cluster.fake.all(Node)[0])
        await asyncio.sleep(100)

    in_cluster(cluster, scenario)
    assert ("Node", "RemovingNode", "Removing Node n1 from Controller") in cluster.events()
    assert cluster.writes() == []


# --- how fast

def test_nodes_of_a_zone_are_given_up_one_every_ten_seconds() -> None:
    cluster = Cluster(*a_zone(20))

    async def scenario() -> None:
        for number in (1, 2, 3, 4):
            cluster.running.discard(f"n{number}")
        await asyncio.sleep(53)
        found = [len(cluster.evicting())]
        for _ in range(4):
            await asyncio.sleep(10)
            found.append(len(cluster.evicting()))
        assert found == [1, 2, 3, 4, 4]

    in_cluster(cluster, scenario)


@pytest.mark.parametrize(("size", "lost", "after", "expected"), [
    pytest.param(10, 6, 300, 0, id="a small one gives up none"),
    pytest.param(60, 36, 59, 1, id="a large one a first"),
    pytest.param(60, 36, 255, 3, id="and then one every hundred seconds"),
    pytest.param(10, 5, 300, 5, id="below the threshold it is business as usual"),
    pytest.param(3, 2, 300, 2, id="two are no disruption"),
])
def test_a_zone_most_of_which_is_lost(size: int, lost: int, after: float, expected: int) -> None:
    cluster = Cluster(*a_zone(size))
    for number in range(1, lost + 1):
        cluster.running.discard(f"n{number}")
    in_cluster(cluster, lambda: asyncio.sleep(after))
    assert len(cluster.evicting()) == expected


def test_a_zone_that_is_lost_while_others_are_not_is_given_up_at_the_usual_rate() -> None:
    cluster = Cluster(*a_zone(5, "z1"), *a_zone(5, "z2", first=6))
    cluster.running -= {f"n{number}" for number in range(1, 6)}
    in_cluster(cluster, lambda: asyncio.sleep(120))
    assert cluster.evicting() == ["n1", "n2", "n3", "n4", "n5"]


def test_nodes_of_another_zone_do_not_wait_for_each_other() -> None:
    cluster = Cluster(*a_zone(5, "z1"), *a_zone(5, "z2", first=6))
    cluster.running -= {"n1", "n6"}
    in_cluster(cluster, lambda: asyncio.sleep(53))
    assert cluster.evicting() == ["n1", "n6"]


def test_when_every_node_is_lost_none_is_given_up() -> None:
    cluster = Cluster(*a_zone(5, "z1"), *a_zone(5, "z2", first=6))
    cluster.running.clear()
    in_cluster(cluster, lambda: asyncio.sleep(600))
    assert {cluster.ready(name) for name in cluster.names()} == {"Unknown"}
    assert cluster.evicting() == []


def test_when_the_last_node_is_lost_those_given_up_are_taken_back_and_all_get_another_chance() -> None:
    nodes = a_zone(2)
    cluster = Cluster(*nodes)

    async def scenario() -> None:
        cluster.running.discard("n1")
        await asyncio.sleep(60)
        assert cluster.evicting() == ["n1"]
        cluster.running.discard("n2")
        await asyncio.sleep(60)
        assert (cluster.ready("n2"), cluster.evicting()) == ("Unknown", [])
        cluster.post(nodes[1])
        await asyncio.sleep(12)
        assert cluster.evicting() == ["n1"]

    in_cluster(cluster, scenario)


def test_nodes_that_do_not_count_are_no_disruption() -> None:
    label = {"node.kubernetes.io/exclude-disruption": ""}
    cluster = Cluster(*a_zone(3), *(a_node(f"x{number}", labels=label) for number in range(6)))
    cluster.running -= {f"x{number}" for number in range(6)}
    in_cluster(cluster, lambda: asyncio.sleep(120))
    assert len(cluster.evicting()) == 6


@pytest.mark.parametrize(("ready", "lost", "expected"), [
    pytest.param(0, 0, ZoneState.NORMAL, id="empty"),
    pytest.param(5, 2, ZoneState.NORMAL, id="few"),
    pytest.param(1, 2, ZoneState.NORMAL, id="most, but no more than two"),
    pytest.param(3, 3, ZoneState.NORMAL, id="half"),
    pytest.param(9, 11, ZoneState.PARTIAL_DISRUPTION, id="55 %"),
    pytest.param(0, 1, ZoneState.FULL_DISRUPTION, id="all, be it one"),
])
def test_how_bad_it_is_in_a_zone(ready: int, lost: int, expected: ZoneState) -> None:
    assert state_of(ready, lost, 0.55) is expected


@pytest.mark.parametrize(("state", "size", "expected"), [
    pytest.param(ZoneState.NORMAL, 5, 0.1, id="normal"),
    pytest.param(ZoneState.FULL_DISRUPTION, 5, 0.1, id="all of a zone"),
    pytest.param(ZoneState.PARTIAL_DISRUPTION, 50, 0.0, id="most of a small one"),
    pytest.param(ZoneState.PARTIAL_DISRUPTION, 51, 0.01, id="most of a large one"),
])
def test_how_fast_nodes_are_given_up(state: ZoneState, size: int, expected: float) -> None:
    assert rate_of(state, size, Rates()) == expected


def test_a_bucket_holds_one_token() -> None:
    bucket = Bucket(0.1)
    assert [round(bucket.take(now), 3) for now in (100, 100, 105, 110, 110)] == [0, 10, 5, 0, 10]
    assert bucket.set_rate(0.0, 110) and not bucket.set_rate(0.0, 110)
    assert bucket.take(1000) == math.inf


# --- crashes

def test_a_new_leader_gives_every_node_a_whole_grace_period() -> None:
    cluster = Cluster(*a_zone(3))

    async def scenario() -> None:
        async with cluster.controlled() as controllers:
            await asyncio.sleep(5)
            cluster.running.discard("n1")
            await asyncio.sleep(30)
            await controllers.kill()
            await asyncio.sleep(600)
            controllers.start()
            await asyncio.sleep(35)
            assert cluster.ready() == "True"
            await asyncio.sleep(15)
            assert cluster.ready() == "Unknown"

    run(scenario())


def test_pods_are_said_not_to_be_ready_even_if_the_leader_died_right_after_the_node_was() -> None:
    cluster = Cluster(*a_zone(3))
    cluster.fake.add(a_pod())
    cluster.fake.server.fail("patch", "pods/status", *[errors.ServiceUnavailable("not now")] * 1000)

    async def scenario() -> None:
        async with cluster.controlled() as controllers:
            cluster.running.discard("n1")
            await asyncio.sleep(50)
            assert cluster.ready() == "Unknown"
            await controllers.kill()
            cluster.fake.server._failures.clear()
            controllers.start()
            await asyncio.sleep(10)

    run(scenario())
    assert cluster.fake.all(Pod)[0].status.conditions[0].status == "False"


def test_settings_are_upstream_s_flags() -> None:
    def quick(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
        settings = Settings(monitor_period=1, monitor_grace_period=15, rates=Rates(eviction=1.0))
        return [node_lifecycle_controller(client, recorder, factory, settings, world)]

    cluster = Cluster(*a_zone(9))

    async def scenario() -> None:
        async with cluster.controlled(quick):
            cluster.running -= {"n1", "n2", "n3"}
            await asyncio.sleep(20)

    run(scenario())
    assert cluster.evicting() == ["n1", "n2", "n3"]


def test_a_change_of_a_node_s_zone_counts_there() -> None:
    cluster = Cluster(*a_zone(5))

    async def scenario() -> None:
        await asyncio.sleep(5)
        change(cluster.fake, a_node("n1", zone="z9"))
        cluster.running.discard("n1")
        await asyncio.sleep(60)

    in_cluster(cluster, scenario)
    assert cluster.evicting() == ["n1"]
