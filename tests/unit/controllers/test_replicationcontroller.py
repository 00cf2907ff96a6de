"""ReplicationController: as a ReplicaSet, by a plain map of labels."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.replicationcontroller import replication_controller
from kubeapi import errors
from kubeapi.generated.models.core_v1 import Pod, ReplicationController
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, FakeClient, create, delete, patch, update_status
from tests.unit.controllers.harness import Document, a_template, make_ready, pods, running
from tests.virtualtime import VirtualWorld, run

STATUS = update_status("replicationcontrollers")


def controllers(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [replication_controller(client, recorder, factory, world)]


def a_controller(replicas: int = 2, **spec: Any) -> ReplicationController:
    return ReplicationController.from_wire({"metadata": {"name": "rc", "namespace": "default", "generation": 1}, "spec": {
        "replicas": replicas, "selector": {"app": "a"}, "template": a_template(), **spec}, "status": {"replicas": 0}})


def a_pod(name: str, owner: ReplicationController | None = None, **labels: str) -> Pod:
    owners = [{"apiVersion": "v1", "kind": "ReplicationController", "name": "rc", "uid": owner.metadata.uid, "controller": True}] if owner else []
    return Pod.from_wire({"metadata": {"name": name, "namespace": "default", "labels": {"app": "a", **labels}, "ownerReferences": owners},
                          "spec": {"containers": []}, "status": {"phase": "Running"}})


def played(fake: FakeClient, world: VirtualWorld, seconds: float = 30) -> list[Action]:
    async def scenario() -> None:
        async with running(fake, world, controllers):
            await asyncio.sleep(seconds)

    run(scenario())
    return [write.action for write in fake.writes if write.action.resource in ("pods", *(STATUS.resource,))]


def a_fake() -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(world=world), world


def status_of(fake: FakeClient) -> Document:
    status = fake.all(ReplicationController)[0].status
    assert status is not None
    return status.to_wire()


def test_missing_pods_are_made() -> None:
    fake, world = a_fake()
    owner = fake.add(a_controller(2))
    assert played(fake, world).count(create("pods")) == 2
    assert pods(fake)[0]["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "ReplicationController", "name": "rc",
                                                             "uid": owner.metadata.uid, "controller": True, "blockOwnerDeletion": True}]
    assert status_of(fake) == {"replicas": 2, "fullyLabeledReplicas": 2, "observedGeneration": 1}


@pytest.mark.parametrize(("replicas", "mine", "orphans", "expected"), [
    pytest.param(1, ["a", "b"], [], [delete("pods")], id="too many"),
    pytest.param(1, [], ["a"], [patch("pods")], id="an orphan is adopted"),
    pytest.param(2, ["a"], ["b", "c"], [patch("pods"), patch("pods"), delete("pods")], id="adopted, and one too many"),
    pytest.param(0, [], [], [], id="none"),
])
def test_its_writes(replicas: int, mine: list[str], orphans: list[str], expected: list[Action]) -> None:
    fake, world = a_fake()
    owner = fake.add(a_controller(replicas))
    for name in mine:
        fake.add(a_pod(name, owner))
    for name in orphans:
        fake.add(a_pod(name))
    assert [action for action in played(fake, world) if action.resource == "pods"] == expected


def test_a_pod_it_selects_no_more_is_released_and_replaced() -> None:
    fake, world = a_fake()
    owner = fake.add(a_controller(1, selector={"app": "a", "tier": "x"}, template=a_template(tier="x")))
    fake.add(a_pod("p", owner))
    assert [action for action in played(fake, world) if action.resource == "pods"] == [patch("pods"), create("pods")]


def test_without_a_selector_it_selects_nothing() -> None:
    fake, world = a_fake()
    fake.add(a_controller(0, selector={}))
    fake.add(a_pod("p"))
    assert [action for action in played(fake, world) if action.resource == "pods"] == []


def test_while_creating_fails_a_condition_says_so() -> None:
    fake, world = a_fake()
    fake.add(a_controller(1))
    fake.server.fail("create", "pods", *[errors.forbidden("pods", "", "", "exceeded quota")] * 3)

    async def scenario() -> None:
        async with running(fake, world, controllers):
            await asyncio.sleep(0.005)
            condition, = status_of(fake)["conditions"]
            assert (condition["type"], condition["status"], condition["reason"]) == ("ReplicaFailure", "True", "FailedCreate")
            assert condition["message"] == "pods is forbidden: exceeded quota"
            await asyncio.sleep(30)

    run(scenario())
    assert "conditions" not in status_of(fake)


def test_pods_are_available_after_min_ready_seconds() -> None:
    fake, world = a_fake()
    fake.add(a_controller(1, minReadySeconds=10))

    async def scenario() -> None:
        async with running(fake, world, controllers):
            await asyncio.sleep(5)
            make_ready(fake, world, pods(fake)[0]["metadata"]["name"])
            await asyncio.sleep(9)
            assert (status_of(fake)["readyReplicas"], "availableReplicas" in status_of(fake)) == (1, False)
            await asyncio.sleep(2)
            assert status_of(fake)["availableReplicas"] == 1

    run(scenario())
