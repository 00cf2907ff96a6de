"""Pods leave nodes with NoExecute taints: which, when, and what is said of them."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.nodelifecycle.eviction import taint_eviction_controller, tolerated_seconds
from kubeapi import errors
from kubeapi.generated.models.core_v1 import Event, Node, Pod, Taint, Toleration
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient
from tests.unit.controllers.harness import running
from tests.unit.controllers.objects import Document, a_node, a_pod, change
from tests.virtualtime import VirtualWorld, run

UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [taint_eviction_controller(client, recorder, factory, world)]


def tolerating(seconds: int | None = None, key: str = "node.kubernetes.io/unreachable") -> Document:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", **({} if seconds is None else {"tolerationSeconds": seconds})}


def a_fake(*objects: Object) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


def names(fake: FakeClient) -> set[str]:
    return {one.metadata.name for one in fake.all(Pod)}


def events(fake: FakeClient) -> list[tuple[str, str]]:
    return [(one.reason, one.message) for one in fake.all(Event)]


def steps(fake: FakeClient, world: VirtualWorld, *changes: tuple[float, Any]) -> None:
    """Each change after so many seconds."""
    async def scenario() -> None:
        async with running(fake, world, make):
            for seconds, one in changes:
                await asyncio.sleep(seconds)
                one()

    run(scenario())


@pytest.mark.parametrize(("tolerations", "goes_after"), [
    pytest.param([], 0, id="no toleration"),
    pytest.param([tolerating(300)], 300, id="for some time"),
    pytest.param([tolerating()], None, id="for ever"),
    pytest.param([tolerating(0)], 0, id="for no time"),
    pytest.param([tolerating(-5)], 0, id="for less than that"),
    pytest.param([{"operator": "Exists"}], None, id="everything, for ever"),
    pytest.param([tolerating(None, "other")], 0, id="something else"),
    pytest.param([{"key": UNREACHABLE["key"], "operator": "Exists", "effect": "NoSchedule"}], 0, id="another effect"),
])
def test_when_a_pod_leaves(tolerations: list[Document], goes_after: float | None) -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(tolerations=tolerations), a_pod("elsewhere", node="n2"))

    def is_there() -> None:
        assert names(fake) == {"p1", "elsewhere"}

    if goes_after is None:
        steps(fake, world, (3600, is_there))
        return
    steps(fake, world, (max(goes_after - 1, 0), is_there), (2, lambda: None))
    assert names(fake) == {"elsewhere"}


@pytest.mark.parametrize(("taints", "tolerations", "expected"), [
    pytest.param([NOT_READY, UNREACHABLE], [tolerating(30, NOT_READY["key"]), tolerating(10)], 10, id="the shortest of several"),
    pytest.param([UNREACHABLE], [tolerating(30), tolerating(10)], 30, id="the first that matches a taint"),
    pytest.param([NOT_READY, UNREACHABLE], [tolerating(30)], 0, id="one taint is not tolerated"),
    pytest.param([], [], float("inf"), id="no taint"),
])
def test_how_long_taints_are_tolerated(taints: list[Document], tolerations: list[Document], expected: float) -> None:
    assert tolerated_seconds([Toleration.from_wire(one) for one in tolerations], [Taint.from_wire(one) for one in taints]) == expected


def test_a_pod_is_told_why_before_it_is_deleted() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(finalizers=["test/keeps-it"]))
    uid = fake.all(Pod)[0].metadata.uid
    steps(fake, world, (5, lambda: None))
    (pod,) = fake.all(Pod)
    assert [(one.type, one.status, one.reason, one.message) for one in pod.status.conditions if one.type == "DisruptionTarget"] == [
        ("DisruptionTarget", "True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")]
    assert pod.metadata.deletion_timestamp is not None
    assert [(one.action.verb, one.action.resource) for one in fake.writes if one.action.resource != "events"] == [
        ("patch", "pods/status"), ("delete", "pods")]
    assert fake.writes[-1].body["preconditions"] == {"uid": uid} or fake.writes[-2].body["preconditions"] == {"uid": uid}
    assert events(fake) == [("TaintManagerEviction", "Marking for deletion Pod default/p1")]


def test_a_node_that_recovers_in_time_keeps_its_pods() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(tolerations=[tolerating(300)]))
    steps(fake, world, (200, lambda: change(fake, a_node())), (1000, lambda: None))
    assert names(fake) == {"p1"}
    assert events(fake) == [("TaintManagerEviction", "Cancelling deletion of Pod default/p1")]


def test_the_wait_goes_on_when_one_taint_replaces_another() -> None:
    both = [tolerating(300), tolerating(300, NOT_READY["key"])]
    fake, world = a_fake(a_node(taints=[NOT_READY]), a_pod(tolerations=both))
    steps(fake, world, (200, lambda: change(fake, a_node(taints=[UNREACHABLE]))), (101, lambda: None))
    assert names(fake) == set()


def test_a_pod_that_comes_to_a_tainted_node_waits_from_then_on() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]))

    def is_there() -> None:
        assert names(fake) == {"late"}

    steps(fake, world, (100, lambda: fake.add(a_pod("late", tolerations=[tolerating(50)]))), (49, is_there), (2, lambda: None))
    assert names(fake) == set()


def test_a_pod_that_is_bound_to_a_tainted_node_leaves() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(node=""))
    steps(fake, world, (10, lambda: change(fake, a_pod())), (1, lambda: None))
    assert names(fake) == set()


@pytest.mark.parametrize("node", [
    pytest.param(a_node(), id="no taints"),
    pytest.param(a_node(taints=[{"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "PreferNoSchedule"}]), id="taints of other effects"),
    pytest.param(a_node("other", taints=[UNREACHABLE]), id="another node's taints"),
])
def test_what_drives_nobody_away(node: Node) -> None:
    fake, world = a_fake(node, a_pod())
    steps(fake, world, (100, lambda: None))
    assert fake.actions == []


def test_a_pod_that_is_going_is_left_alone() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(going=True))
    steps(fake, world, (100, lambda: None))
    assert fake.actions == []


def test_a_namesake_is_not_deleted_for_it() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod(tolerations=[tolerating(10)]))

    def anew() -> None:
        fake.remove(fake.all(Pod)[0])
        fake.add(a_pod(tolerations=[tolerating(10)]))

    def is_there() -> None:
        assert names(fake) == {"p1"}

    steps(fake, world, (9, anew), (9, is_there), (2, lambda: None))
    assert names(fake) == set()


def test_an_eviction_that_fails_is_tried_again() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod())
    fake.server.fail("patch", "pods/status", errors.InternalError("it broke"))
    fake.server.fail("delete", "pods", errors.ServiceUnavailable("not now"))
    steps(fake, world, (30, lambda: None))
    assert names(fake) == set()


def test_a_crash_between_condition_and_deletion_is_made_good() -> None:
    fake, world = a_fake(a_node(taints=[UNREACHABLE]), a_pod())
    fake.server.fail("delete", "pods", *[errors.ServiceUnavailable("not now")] * 100)

    async def scenario() -> None:
        async with running(fake, world, make) as controllers:
            await asyncio.sleep(1)
            await controllers.kill()
            fake.server._failures.clear()
            controllers.start()
            await asyncio.sleep(5)

    run(scenario())
    assert names(fake) == set()
    assert [one.action.verb for one in fake.writes if one.action.resource == "pods/status"] == ["patch"]
