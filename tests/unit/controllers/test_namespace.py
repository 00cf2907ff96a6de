"""A namespace that is deleted: what goes first, what is said meanwhile, and when it is gone."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.namespace import Remains, conditions, deletable, namespace_controller, ought_to_be_gone
from kubeapi import errors
from kubeapi.catalog import by_plural
from kubeapi.generated.models.core_v1 import ConfigMap, Namespace, Pod, Secret
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, FakeClient, delete_collection
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [namespace_controller(client, factory)]


def a_namespace(name: str = "going", *, going: bool = True, finalizers: tuple[str, ...] = ("kubernetes",)) -> Namespace:
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {}
    return Namespace.from_wire({"metadata": {"name": name, **deleted}, "spec": {"finalizers": [*finalizers]},
                                "status": {"phase": "Terminating" if going else "Active"}})


def inside(model: type[Any], name: str, *finalizers: str, namespace: str = "going") -> Object:
    found: Object = model.from_wire({"metadata": {"name": name, "namespace": namespace, "finalizers": [*finalizers]}})
    return found


def steps(fake: FakeClient, world: VirtualWorld, *changes: Any) -> None:
    async def scenario() -> None:
        async with running(fake, world, make):
            await asyncio.sleep(5)
            for one in changes:
                one()
                await asyncio.sleep(5)

    run(scenario())


def a_fake(*objects: Object) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


def told(fake: FakeClient) -> dict[str, tuple[str, str, str]]:
    found = fake.find(Namespace, "going")
    assert found is not None
    return {one.type: (one.status, one.reason, one.message) for one in found.status.conditions}


def test_its_contents_go_and_then_the_namespace() -> None:
    fake, world = a_fake(a_namespace(), inside(Pod, "p"), inside(ConfigMap, "c"), inside(ConfigMap, "c", namespace="other"))
    steps(fake, world)
    assert fake.find(Namespace, "going") is None
    assert fake.all(Pod) == [] and [one.metadata.namespace for one in fake.all(ConfigMap)] == ["other"]
    assert [one for one in fake.actions if one.verb == "deletecollection"] == [delete_collection("pods"), delete_collection("configmaps")]
    assert fake.actions[-1] == Action("update", "namespaces/finalize")


def test_a_namespace_that_is_not_deleted_is_left_alone() -> None:
    fake, world = a_fake(a_namespace(going=False), inside(Pod, "p"))
    steps(fake, world)
    assert fake.actions == []


def test_pods_go_before_what_they_may_need() -> None:
    fake, world = a_fake(a_namespace(), inside(Pod, "p", "test/keeps-it"), inside(Secret, "s"))

    def let_go() -> None:
        assert len(fake.all(Secret)) == 1
        fake.remove(fake.all(Pod)[0])

    steps(fake, world, let_go)
    assert fake.all(Secret) == [] and fake.find(Namespace, "going") is None


def test_what_remains_is_said_and_waited_for() -> None:
    fake, world = a_fake(a_namespace(), inside(ConfigMap, "a", "test/one"), inside(ConfigMap, "b", "test/one", "test/two"))
    steps(fake, world)
    assert told(fake)["NamespaceContentRemaining"] == (
        "True", "SomeResourcesRemain", "Some resources are remaining: configmaps. has 2 resource instances")
    assert told(fake)["NamespaceFinalizersRemaining"] == (
        "True", "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: test/one in 2 resource instances, test/two in 1 resource instances")
    for one in fake.all(ConfigMap):
        fake.remove(one)
    steps(fake, world)
    assert fake.find(Namespace, "going") is None


def test_a_failure_is_said_and_tried_again() -> None:
    fake, world = a_fake(a_namespace(), inside(ConfigMap, "c"))
    fake.server.fail("deletecollection", "configmaps", *[errors.InternalError("it broke")] * 8)
    seen: list[tuple[str, str, str]] = []
    steps(fake, world, lambda: seen.append(told(fake)["NamespaceDeletionContentFailure"]), lambda: None)
    assert seen == [("True", "ContentDeletionFailed", "Failed to delete all resource types, 1 remaining: it broke")]
    assert fake.find(Namespace, "going") is None


@pytest.mark.parametrize(("plural", "item", "since", "expected"), [
    pytest.param("configmaps", {}, 0, True, id="gone at once"), pytest.param("configmaps", {"metadata": {"finalizers": ["test/one"]}}, 60, False, id="held"),
    pytest.param("pods", {"spec": {"terminationGracePeriodSeconds": 30}}, 10, False, id="has time"),
    pytest.param("pods", {"spec": {"terminationGracePeriodSeconds": 30}}, 30, True, id="has had its time"),
    pytest.param("pods", {"spec": {"terminationGracePeriodSeconds": 30}, "status": {"phase": "Failed"}}, 1, True, id="has ended"),
])
def test_what_ought_to_be_gone(plural: str, item: dict[str, Any], since: float, expected: bool) -> None:
    assert ought_to_be_gone(by_plural("", plural), [{"metadata": {}, **item}], since) is expected


def test_conditions_are_written_when_they_change() -> None:
    fake, world = a_fake(a_namespace(), inside(ConfigMap, "a", "test/one"))
    steps(fake, world, lambda: None, lambda: None)
    assert [one for one in fake.actions if one.resource == "namespaces/status"] == [Action("update", "namespaces/status")]


def test_a_finalizer_of_others_keeps_it() -> None:
    fake, world = a_fake(a_namespace(finalizers=("kubernetes", "test/other")))
    steps(fake, world)
    found = fake.find(Namespace, "going")
    assert found is not None and found.spec.finalizers == ("test/other",)


def test_pods_come_first_and_events_count_once() -> None:
    found = [str(one.group_resource) for one in deletable()]
    assert found[0] == "pods"
    assert found.count("events") == 1 and "events.events.k8s.io" not in found
    assert {"configmaps", "secrets", "services", "deployments.apps", "leases.coordination.k8s.io"} <= set(found)


def test_when_nothing_is_left_every_condition_is_fine() -> None:
    assert {(one.type, one.status, one.reason) for one in conditions(Remains())} == {
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions"),
        ("NamespaceDeletionContentFailure", "False", "ContentDeleted"),
        ("NamespaceContentRemaining", "False", "ContentRemoved"),
        ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers")}
