"""The pod garbage collector: which pods go, when, and what is said of them first."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.podgc import oldest, pod_garbage_collector
from kubeapi import errors
from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, FakeClient, delete, patch
from tests.unit.controllers.harness import running
from tests.unit.controllers.objects import Document, a_node, a_pod, change
from tests.virtualtime import VirtualWorld, run

OUT_OF_SERVICE = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
FAILED_AND_DELETED = [patch("pods/status"), delete("pods")]


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [pod_garbage_collector(client, factory, 3, world)]


def a_fake(*objects: Object) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


def steps(fake: FakeClient, world: VirtualWorld, *changes: tuple[float, Any]) -> None:
    """Each change after so many seconds."""
    async def scenario() -> None:
        async with running(fake, world, make):
            for seconds, one in changes:
                await asyncio.sleep(seconds)
                one()

    run(scenario())


def nothing() -> None:
    """Only time passes."""


def was_taken(fake: FakeClient) -> bool:
    """Said to have failed, then deleted; what a finalizer holds is deleted again when it changes."""
    return fake.actions[:2] == FAILED_AND_DELETED and set(fake.actions[2:]) <= {delete("pods")}


def names(fake: FakeClient) -> set[str]:
    return {one.metadata.name for one in fake.all(Pod)}


@pytest.mark.parametrize(("pod", "node", "expected"), [
    pytest.param({"going": True, "node": ""}, {}, FAILED_AND_DELETED, id="deleted before it had a node"),
    pytest.param({"node": ""}, {}, [], id="without a node, but wanted"),
    pytest.param({"going": True}, {}, [], id="deleted, its kubelet sees to it"),
    pytest.param({"going": True}, {"ready": "Unknown"}, [], id="deleted, its node is silent and may come back"),
    pytest.param({"going": True}, {"ready": "Unknown", "taints": [OUT_OF_SERVICE]}, FAILED_AND_DELETED, id="deleted, its node is out of service"),
    pytest.param({"going": True}, {"taints": [OUT_OF_SERVICE]}, [], id="deleted, its node is out of service but ready"),
    pytest.param({}, {"ready": "Unknown", "taints": [OUT_OF_SERVICE]}, [], id="not deleted from a node out of service"),
    pytest.param({"going": True, "phase": "Succeeded"}, {"ready": "False", "taints": [OUT_OF_SERVICE]}, [delete("pods")],
                 id="what has ended is not said to have failed"),
])
def test_pods_that_nobody_takes_away(pod: Document, node: Document, expected: list[Action]) -> None:
    fake, world = a_fake(a_node(**node), a_pod(**pod))
    steps(fake, world, (300, nothing))
    assert fake.actions[:2] == expected
    if expected:
        assert fake.writes[-1].body["gracePeriodSeconds"] == 0 and fake.writes[-1].body["preconditions"]["uid"]


def test_a_pod_said_to_have_failed() -> None:
    fake, world = a_fake(a_pod(finalizers=["test/keeps-it"]))
    steps(fake, world, (60, nothing))
    assert was_taken(fake)
    (pod,) = fake.all(Pod)
    assert pod.status.phase == "Failed"
    assert [(one.status, one.reason, one.message) for one in pod.status.conditions if one.type == "DisruptionTarget"] == [
        ("True", "DeletionByPodGC", "PodGC: node no longer exists")]
    assert {one.type for one in pod.status.conditions} == {"Ready", "DisruptionTarget"}


def test_pods_of_a_node_that_goes_are_given_forty_seconds() -> None:
    fake, world = a_fake(a_node(), a_node("n2"), a_pod(), a_pod("p2"), a_pod("stays", node="n2"))

    def is_there() -> None:
        assert names(fake) == {"p1", "p2", "stays"}

    steps(fake, world, (100, lambda: fake.remove(fake.all(Node)[0])), (39, is_there), (2, nothing))
    assert names(fake) == {"stays"}


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    fake, world = a_fake(a_pod())
    steps(fake, world, (30, lambda: fake.add(a_node())), (100, nothing))
    assert fake.actions == []


def test_a_node_is_asked_for_before_its_pods_go() -> None:
    fake, world = a_fake(a_pod())

    def mute_and_add() -> None:
        fake.server.is_mute = True
        fake.server.break_watches()
        fake.add(a_node())

    steps(fake, world, (30, mute_and_add), (200, nothing))
    assert fake.actions == []


@pytest.mark.parametrize("change_of", [
    pytest.param("taint", id="the taint comes after the deletion"),
    pytest.param("deletion", id="the deletion comes after the taint"),
])
def test_out_of_service_in_any_order(change_of: str) -> None:
    lost, out = a_node(ready="Unknown"), a_node(ready="Unknown", taints=[OUT_OF_SERVICE])
    fake, world = a_fake(lost if change_of == "taint" else out, a_pod(going=change_of == "taint"))
    steps(fake, world, (10, nothing), (0, lambda: change(fake, out) if change_of == "taint" else change(fake, a_pod(going=True))), (1, nothing))
    assert was_taken(fake)


def test_a_pod_deleted_before_it_was_scheduled_goes_at_once() -> None:
    fake, world = a_fake(a_pod(node=""))
    steps(fake, world, (10, lambda: change(fake, a_pod(node="", going=True))), (1, nothing))
    assert was_taken(fake)


# --- too many that have ended (here: more than three)

def ended(count: int, phase: str = "Succeeded") -> list[Pod]:
    return [a_pod(f"e{number}", phase=phase) for number in range(count)]


@pytest.mark.parametrize(("pods", "left"), [
    pytest.param(ended(3), {"e0", "e1", "e2"}, id="as many as may stay"),
    pytest.param(ended(5), {"e2", "e3", "e4"}, id="the oldest go"),
    pytest.param(ended(5, "Failed"), {"e2", "e3", "e4"}, id="failed ones, too"),
    pytest.param(ended(5, "Running"), {"e0", "e1", "e2", "e3", "e4"}, id="what runs does not count"),
])
def test_how_many_that_have_ended_stay(pods: list[Pod], left: set[str]) -> None:
    fake, world = a_fake(a_node(), *pods)
    steps(fake, world, (5, nothing))
    assert names(fake) == left
    assert set(fake.actions) <= {delete("pods")}


def test_each_one_more_takes_the_place_of_the_oldest() -> None:
    fake, world = a_fake(a_node(), *ended(3), a_pod("runs"))
    steps(fake, world, (5, lambda: change(fake, a_pod("runs", phase="Failed"))), (1, nothing))
    assert names(fake) == {"e1", "e2", "runs"}


def test_none_are_too_many_where_there_is_no_threshold() -> None:
    def without(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
        return [pod_garbage_collector(client, factory, 0, world)]

    fake, world = a_fake(a_node(), *ended(10))

    async def scenario() -> None:
        async with running(fake, world, without):
            await asyncio.sleep(10)

    run(scenario())
    assert fake.actions == []


def test_evicted_ones_go_first_and_then_the_oldest() -> None:
    def one(name: str, created: str, reason: str = "") -> Pod:
        return Pod.from_wire({"metadata": {"name": name, "creationTimestamp": created}, "spec": {}, "status": {"reason": reason}})

    pods = [one("b", "2026-01-01T00:00:01Z"), one("a", "2026-01-01T00:00:01Z"), one("old", "2026-01-01T00:00:00Z"),
            one("evicted", "2026-01-01T00:00:09Z", "Evicted")]
    assert [each.metadata.name for each in oldest(pods, 4)] == ["evicted", "old", "a", "b"]


def test_what_fails_is_tried_again_and_a_crash_is_made_good() -> None:
    fake, world = a_fake(a_pod(going=True, node=""))
    fake.server.fail("delete", "pods", *[errors.ServiceUnavailable("not now")] * 50)

    async def scenario() -> None:
        async with running(fake, world, make) as controllers:
            await asyncio.sleep(0.05)
            await controllers.kill()
            fake.server._failures.clear()
            controllers.start()
            await asyncio.sleep(5)

    run(scenario())
    assert was_taken(fake)
