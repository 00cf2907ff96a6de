"""The eviction manager on virtual time: a node whose resources a test dictates."""
from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.quantity import Format, Quantity
from kubelet.eviction.manager import EvictionManager
from kubelet.eviction.observe import Observer
from kubelet.eviction.thresholds import EvictionConfig, Observation, Observations, parse_thresholds
from kubelet.eviction.usage import ContainerUsage, DiskUsage, PodUsage
from kubelet.hollow import HollowRuntime
from kubelet.podworkers import Next
from tests.unit.kubelet.core.builders import a_container, a_pod
from tests.virtualtime import run

MI = 1 << 20
HARD = {"memory.available": "100Mi", "nodefs.available": "10%", "pid.available": "10%"}


class Machine(Observer):
    """What it has left of 1000Mi and of 1000 processes, and what each of its pods uses of everything."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"), HollowRuntime(), lambda pod: 0)
        self.left = {"memory.available": 500, "nodefs.available": 500, "pid.available": 500}
        self.used: dict[str, int] = {}

    async def node(self) -> Observations:
        unit = {"pid.available": 1}
        return {signal: Observation(*(Quantity.of(amount * unit.get(signal, MI), Format.BINARY_SI) for amount in (left, 1000)))
                for signal, left in self.left.items()}

    async def disk(self, pods: Sequence[Pod]) -> Mapping[str, PodUsage]:
        return {pod.metadata.uid: PodUsage({"c": ContainerUsage(DiskUsage(self.used[pod.metadata.uid]), self.used[pod.metadata.uid])},
                                           processes=self.used[pod.metadata.uid]) for pod in pods if pod.metadata.uid in self.used}

    memory = processes = disk


class Node:
    """Its pods end when they are told to."""

    def __init__(self, config: EvictionConfig, *pods: Pod, images: int = 0) -> None:
        self.machine, self.pods, self.images = Machine(), {one.metadata.uid: one for one in pods}, images
        self.ended: dict[str, Next] = {}
        self.told: list[tuple[str, str]] = []
        self.changes: list[frozenset[str]] = []
        self.manager = EvictionManager(config, self.machine, lambda: self, lambda pod, reason, message: self.told.append((reason, message)),
                                       lambda: self.changes.append(self.manager.conditions), self.reclaim)

    def active(self) -> list[Pod]:
        return list(self.pods.values())

    def end(self, uid: str, ended: Next) -> None:
        self.ended[uid] = ended
        del self.pods[uid]

    async def wait_ended(self, uid: str) -> None:
        return

    async def reclaim(self) -> None:
        self.machine.left["nodefs.available"] += self.images
        self.images = 0


def config(hard: Mapping[str, str] = HARD, soft: Mapping[str, str] | None = None, **fields: float) -> EvictionConfig:
    return EvictionConfig(parse_thresholds(hard, soft or {}, dict.fromkeys(soft or {}, 60.0), {}), most_grace_seconds=20, **fields)


def pod(name: str, priority: int = 0, limit: str = "") -> Pod:
    return a_pod([a_container(resources={"limits": {"ephemeral-storage": limit}} if limit else {})], name=name, uid=name, priority=priority)


def test_a_node_that_has_enough_leaves_its_pods_alone() -> None:
    node = Node(config(), pod("a"))
    assert run(node.manager.synchronize()) == () and node.manager.conditions == frozenset() and node.told == []


@pytest.mark.parametrize(("signal", "resource", "condition"), [
    ("memory.available", "memory", "MemoryPressure"), ("nodefs.available", "ephemeral-storage", "DiskPressure"),
    ("pid.available", "pids", "PIDPressure")])
def test_one_pod_goes_at_a_time(signal: str, resource: str, condition: str) -> None:
    node = Node(config(), pod("small"), pod("large"), pod("critical", 2_000_000_000))
    node.machine.left[signal], node.machine.used = 50, {"small": MI, "large": 2 * MI, "critical": 9 * MI}

    async def scenario() -> None:
        for left in (["small", "critical"], ["critical"], ["critical"]):
            await node.manager.synchronize()
            assert list(node.pods) == left
    run(scenario())
    assert node.changes == [frozenset({condition})]
    assert ("EvictionThresholdMet", f"Attempting to reclaim {resource}") in node.told
    ended = node.ended["large"]
    assert (ended.reason, ended.grace_seconds, ended.is_disruption) == ("Evicted", 1.0, True)
    assert ended.message.startswith(f"The node was low on resource: {resource}. Threshold quantity: 100")


def test_images_go_before_pods() -> None:
    node = Node(config(), pod("a"), images=200)
    node.machine.left["nodefs.available"] = 50
    assert run(node.manager.synchronize()) == () and list(node.pods) == ["a"]
    assert node.manager.conditions == {"DiskPressure"}, "it has been so, and shows for a while"


def test_images_that_are_not_enough_do_not_save_a_pod() -> None:
    node = Node(config(), pod("a"), images=10)
    node.machine.left["nodefs.available"], node.machine.used = 50, {"a": 1}
    assert [one.metadata.name for one in run(node.manager.synchronize())] == ["a"]


def test_a_soft_threshold_must_last_for_its_grace_period() -> None:
    node = Node(config({}, {"memory.available": "600Mi"}), pod("a"))
    node.machine.used = {"a": MI}

    async def scenario() -> None:
        await node.manager.synchronize()
        assert node.manager.conditions == {"MemoryPressure"} and not node.ended
        await asyncio.sleep(30)
        node.machine.left["memory.available"] = 700
        await node.manager.synchronize()
        node.machine.left["memory.available"] = 500
        await node.manager.synchronize()
        await asyncio.sleep(59)
        await node.manager.synchronize()
        assert not node.ended, "its time began anew"
        await asyncio.sleep(1)
        await node.manager.synchronize()
        assert node.ended["a"].grace_seconds == 20
    run(scenario())


def test_a_condition_lasts_for_its_transition_period() -> None:
    node = Node(config(transition_seconds=100.0))
    node.machine.left["memory.available"] = 50

    async def scenario() -> None:
        await node.manager.synchronize()
        node.machine.left["memory.available"] = 500
        await asyncio.sleep(99)
        await node.manager.synchronize()
        assert node.manager.conditions == {"MemoryPressure"}
        await asyncio.sleep(1)
        await node.manager.synchronize()
        assert node.manager.conditions == frozenset()
    run(scenario())
    assert node.changes == [frozenset({"MemoryPressure"}), frozenset()]


def test_who_wrote_too_much_goes_though_the_node_has_enough() -> None:
    node = Node(config(), pod("greedy", limit="1Mi"), pod("modest", limit="1Mi"), pod("critical", 2_000_000_000, "1Mi"))
    node.machine.used = {"greedy": 2 * MI, "modest": MI, "critical": 2 * MI}
    assert [one.metadata.name for one in run(node.manager.synchronize())] == ["greedy"]
    assert node.told == [("Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ")]
    assert not node.ended["greedy"].is_disruption


BURSTABLE = a_pod([a_container(resources={"requests": {"memory": "1Mi"}})])


@pytest.mark.parametrize(("signals", "asking", "message"), [
    pytest.param([], a_pod(), "", id="enough of everything"),
    pytest.param(["memory.available"], a_pod(), "The node had condition: [MemoryPressure]. ", id="best effort, little memory"),
    pytest.param(["memory.available"], BURSTABLE, "", id="who asked for memory"),
    pytest.param(["memory.available"], a_pod(tolerations=[{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"}]),
                 "", id="who tolerates it"),
    pytest.param(["nodefs.available"], BURSTABLE, "The node had condition: [DiskPressure]. ", id="anybody, little disk"),
    pytest.param(["nodefs.available", "memory.available"], BURSTABLE, "The node had condition: [DiskPressure MemoryPressure]. ", id="both"),
    pytest.param(["nodefs.available"], a_pod(priority=2_000_001_000), "", id="critical"),
])
def test_who_may_still_come(signals: list[str], asking: Pod, message: str) -> None:
    node = Node(config())
    node.machine.left |= dict.fromkeys(signals, 50)
    run(node.manager.synchronize())
    found = node.manager.refusal(asking)
    assert (found.reason, found.message) == ("Evicted", message) if found else message == ""
