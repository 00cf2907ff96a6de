"""The garbage collector: who goes when an owner goes, and who must not."""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from controllers.garbagecollector.graph import Graph, Node
from controllers.garbagecollector.reconciler import GarbageCollector, garbage_collector
from kubeapi.catalog import by_plural
from kubeapi.generated.models.core_v1 import ConfigMap, Event, Namespace, Secret
from kubeapi.meta import Object, ObjectKey
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, delete, patch
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run

CONFIG_MAPS = by_plural("", "configmaps")


def collecting(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [garbage_collector(client, recorder, factory)]


def reference(owner: Object, **changes: Any) -> dict[str, Any]:
    metadata = owner.to_wire()["metadata"]
    return {"apiVersion": "v1", "kind": type(owner).kind(), "name": metadata["name"], "uid": metadata["uid"], **changes}


class Scene:
    def __init__(self) -> None:
        self.world = VirtualWorld()
        self.fake = FakeClient(world=self.world)

    def owner(self, name: str = "owner", namespace: str = "default", **metadata: Any) -> ConfigMap:
        return self.fake.add(ConfigMap.from_wire({"metadata": {"name": name, "namespace": namespace, **metadata}}))

    def dependent(self, *owners: dict[str, Any], name: str = "dependent", **metadata: Any) -> Secret:
        return self.fake.add(Secret.from_wire({"metadata": {"name": name, "namespace": "default", "ownerReferences": list(owners), **metadata}}))

    def play(self, act: Callable[[], Any] = lambda: None) -> None:
        async def scenario() -> None:
            async with running(self.fake, self.world, collecting):
                await asyncio.sleep(30)
                act()
                await asyncio.sleep(60)

        run(scenario())

    def secret(self, name: str = "dependent") -> Secret | None:
        return self.fake.find(Secret, name, "default")


def test_a_dependent_goes_after_its_owner() -> None:
    scene = Scene()
    owner = scene.owner()
    scene.dependent(reference(owner))
    scene.play(lambda: scene.fake.remove(owner))
    assert scene.secret() is None
    gone = scene.fake.writes[-1]
    assert gone.action == delete("secrets")
    assert set(gone.body["preconditions"]) == {"uid", "resourceVersion"}
    assert gone.body["propagationPolicy"] == "Background"


def test_a_dependent_whose_owner_never_was_goes_too() -> None:
    scene = Scene()
    scene.dependent({"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "never"})
    scene.play()
    assert scene.secret() is None


def test_a_namesake_of_the_owner_is_no_owner() -> None:
    scene = Scene()
    scene.dependent(reference(scene.owner(), uid="another"))
    scene.play()
    assert scene.secret() is None


def test_an_owner_recreated_while_the_watch_was_away_is_no_owner() -> None:
    scene = Scene()
    first = scene.owner()
    scene.dependent(reference(first))

    def recreate() -> None:
        scene.fake.server.is_mute = True
        scene.fake.server.break_watches()
        scene.fake.remove(first)
        scene.owner()
        scene.fake.server.is_mute = False
        scene.fake.server.expire_watches()

    scene.play(recreate)
    assert scene.secret() is None


@pytest.mark.parametrize("custom", [set(), {"secrets"}], ids=["built in", "custom"])
def test_with_one_of_two_owners_left_it_stays_and_forgets_the_dead(custom: set[str]) -> None:
    scene = Scene()
    scene.fake.server.custom = custom
    first, second = scene.owner("first"), scene.owner("second")
    scene.dependent(reference(first), reference(second))
    scene.play(lambda: scene.fake.remove(first))
    left = scene.secret()
    assert left is not None and [owner.name for owner in left.metadata.owner_references] == ["second"]
    assert [write.action for write in scene.fake.writes] == [patch("secrets")] * (2 if custom else 1)      # the refused one, too


def test_an_owner_of_a_kind_that_is_not_served_keeps_its_dependents() -> None:
    scene = Scene()
    scene.dependent({"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "t"})
    scene.play()
    assert scene.secret() is not None and not scene.fake.writes


def test_a_cluster_wide_owner_counts_in_every_namespace() -> None:
    scene = Scene()
    owner = scene.fake.add(Namespace.from_wire({"metadata": {"name": "n"}}))
    scene.dependent(reference(owner))
    scene.play()
    assert scene.secret() is not None


def test_an_owner_in_another_namespace_is_none_and_that_is_told() -> None:
    scene = Scene()
    scene.dependent(reference(scene.owner(namespace="elsewhere")))
    scene.play()
    assert scene.secret() is None
    assert [(one.type, one.reason) for one in scene.fake.all(Event)] == [("Warning", "OwnerRefInvalidNamespace")]


def test_an_orphaning_deletion_frees_the_dependents() -> None:
    scene = Scene()
    owner = scene.owner(finalizers=["orphan"], deletionTimestamp="2026-01-01T00:00:00Z")
    scene.dependent(reference(owner))
    scene.play()
    left = scene.secret()
    assert left is not None and not left.metadata.owner_references
    assert scene.fake.find(ConfigMap, "owner", "default") is None


def test_a_foreground_deletion_waits_for_those_that_block() -> None:
    scene = Scene()
    owner = scene.owner(finalizers=["foregroundDeletion"], deletionTimestamp="2026-01-01T00:00:00Z")
    scene.dependent(reference(owner, blockOwnerDeletion=True), finalizers=["example.com/wait"])

    def let_go() -> None:
        assert scene.fake.find(ConfigMap, "owner", "default") is not None
        waiting = scene.secret()
        assert waiting is not None and waiting.metadata.deletion_timestamp is not None
        scene.fake.remove(waiting)

    scene.play(let_go)
    assert scene.fake.find(ConfigMap, "owner", "default") is None


def deleted(scene: Scene) -> list[str]:
    """Names, in the order in which they were gone."""
    changes = [change for plural in ("configmaps", "secrets") for change in scene.fake.server._shelf(by_plural("", plural)).log]
    return [change.after["metadata"]["name"] for change in sorted(changes, key=lambda one: one.revision) if change.type == "DELETED"]


def policies(scene: Scene) -> list[str]:
    return [write.body["propagationPolicy"] for write in scene.fake.writes if write.action.verb == "delete"]


GOING: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
FOREGROUND: dict[str, Any] = {**GOING, "finalizers": ["foregroundDeletion"]}
WAITS: dict[str, Any] = {"blockOwnerDeletion": True}


def test_in_the_foreground_the_last_of_a_chain_goes_first() -> None:
    scene = Scene()
    owner = scene.owner(**FOREGROUND)
    child = scene.dependent(reference(owner, **WAITS), name="child")
    scene.dependent(reference(child, **WAITS), name="grandchild")
    scene.play()
    assert deleted(scene) == ["grandchild", "child", "owner"]
    assert list(dict.fromkeys(policies(scene))) == ["Foreground", "Background"]


def test_in_the_foreground_one_that_does_not_block_is_deleted_but_not_waited_for() -> None:
    scene = Scene()
    scene.dependent(reference(scene.owner(**FOREGROUND)), finalizers=["example.com/wait"])
    scene.play()
    held = scene.secret()
    assert deleted(scene) == ["owner"]
    assert held is not None and held.metadata.deletion_timestamp is not None


def test_in_the_foreground_a_dependent_with_another_owner_stays_and_the_owner_goes() -> None:
    scene = Scene()
    scene.dependent(reference(scene.owner(**FOREGROUND), **WAITS), reference(scene.owner("other"), **WAITS))
    scene.play()
    left = scene.secret()
    assert left is not None and [one.name for one in left.metadata.owner_references] == ["other"]
    assert deleted(scene) == ["owner"]


def test_in_the_foreground_those_that_own_each_other_go_too() -> None:
    scene = Scene()
    second = scene.dependent(name="second")
    first = scene.owner("first", ownerReferences=[reference(second, **WAITS)], **FOREGROUND)
    scene.fake.add(second.evolve(metadata=type(second.metadata).from_wire({**second.metadata.to_wire(), "ownerReferences": [reference(first, **WAITS)]})))
    scene.play()
    assert sorted(deleted(scene)) == ["first", "second"]


def test_in_the_foreground_an_owner_of_nobody_goes_at_once() -> None:
    scene = Scene()
    scene.owner(**FOREGROUND)
    scene.play()
    assert deleted(scene) == ["owner"]


def test_an_owner_that_is_going_in_the_background_is_an_owner_until_it_is_gone() -> None:
    scene = Scene()
    owner = scene.owner(finalizers=["example.com/wait"], **GOING)
    scene.dependent(reference(owner, **WAITS))

    def let_go() -> None:
        assert scene.secret() is not None
        scene.fake.remove(owner)

    scene.play(let_go)
    assert scene.secret() is None


@pytest.mark.parametrize(("finalizer", "policy"), [("orphan", "Orphan"), ("foregroundDeletion", "Foreground"), ("example.com/wait", "Background")])
def test_a_dependent_is_deleted_as_its_own_finalizers_ask(finalizer: str, policy: str) -> None:
    scene = Scene()
    owner = scene.owner()
    scene.dependent(reference(owner), finalizers=[finalizer])
    scene.play(lambda: scene.fake.remove(owner))
    assert policies(scene) == [policy]


def test_an_orphaning_deletion_takes_away_only_its_own_reference() -> None:
    scene = Scene()
    owner, other = scene.owner(finalizers=["orphan"], **GOING), scene.owner("other")
    scene.dependent(reference(owner), reference(other))
    scene.play()
    left = scene.secret()
    assert left is not None and [one.name for one in left.metadata.owner_references] == ["other"]
    assert deleted(scene) == ["owner"]


@pytest.mark.parametrize("is_known", [True, False], ids=["of an owner that is there", "of one that is not"])
def test_a_cluster_wide_dependent_of_a_namespaced_owner_is_left_alone_and_told(is_known: bool) -> None:
    scene = Scene()
    owner = reference(scene.owner()) if is_known else {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "never"}
    scene.fake.add(Namespace.from_wire({"metadata": {"name": "n", "ownerReferences": [owner]}}))
    scene.play()
    assert scene.fake.find(Namespace, "n") is not None
    assert [one.reason for one in scene.fake.all(Event)] == ["OwnerRefInvalidNamespace"]


def test_dependents_of_a_cluster_wide_owner_go_in_every_namespace() -> None:
    scene = Scene()
    owner = scene.fake.add(Namespace.from_wire({"metadata": {"name": "n"}}))
    for namespace in ("a", "b"):
        scene.dependent(reference(owner), name=f"in-{namespace}", namespace=namespace)
    scene.play(lambda: scene.fake.remove(owner))
    assert sorted(deleted(scene)) == ["in-a", "in-b"]


def test_the_graph_follows_references_that_change() -> None:
    scene = Scene()
    first, second = scene.owner("first"), scene.owner("second")
    dependent = scene.dependent(reference(first))

    async def scenario() -> None:
        async with running(scene.fake, scene.world, collecting):
            await asyncio.sleep(30)
            moved = {**dependent.metadata.to_wire(), "ownerReferences": [reference(second)]}
            scene.fake.add(dependent.evolve(metadata=type(dependent.metadata).from_wire(moved)))
            await asyncio.sleep(30)
            scene.fake.remove(first)
            await asyncio.sleep(30)
            assert scene.secret() is not None
            scene.fake.remove(second)
            await asyncio.sleep(30)
            assert scene.secret() is None
            scene.dependent(reference(second), name="late")
            await asyncio.sleep(30)

    run(scenario())
    assert deleted(scene) == ["first", "second", "dependent", "late"]


@pytest.mark.parametrize(("live_owner", "is_deleted"), [("old", True), ("new", False)])
def test_what_is_deleted_is_what_was_looked_at(live_owner: str, is_deleted: bool) -> None:
    """The graph is behind: the dependent has got another owner meanwhile."""
    scene = Scene()
    new = scene.owner("new")
    owners = {"old": {"apiVersion": "v1", "kind": "ConfigMap", "name": "old", "uid": "old"}, "new": reference(new)}
    dependent = scene.dependent(owners[live_owner])
    graph = Graph()
    behind = {**dependent.to_wire(), "metadata": {**dependent.to_wire()["metadata"], "ownerReferences": [owners["old"]]}}
    graph.update(Node.of(by_plural("", "secrets"), behind))

    async def look() -> None:
        await GarbageCollector(scene.fake, graph, EventRecorder(scene.fake, "test")).reconcile(ObjectKey("", dependent.metadata.uid))

    run(look())
    assert (scene.secret() is None) is is_deleted


def test_a_dropped_reference_makes_the_owner_look_again() -> None:
    graph = Graph()
    owner = {"metadata": {"uid": "O", "name": "o", "namespace": "d", "deletionTimestamp": "x", "finalizers": ["foregroundDeletion"]}}
    dependent = {"metadata": {"uid": "D", "name": "d", "namespace": "d", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "O"}]}}
    graph.update(Node.of(CONFIG_MAPS, owner))
    graph.update(Node.of(CONFIG_MAPS, dependent))
    assert "O" in graph.update(Node.of(CONFIG_MAPS, {"metadata": {"uid": "D", "name": "d", "namespace": "d"}}))
