"""A Client for tests: the real one over a server in memory, so that informers, queues and controllers run unchanged.

`fake.actions` are the writes in order: `assert fake.actions == [create("pods"), update_status("replicasets")]`;
`fake.writes` holds them with their keys, bodies and headers.
"""
from __future__ import annotations

from typing import TypeVar

from kubeapi.catalog import resource_of
from kubeapi.meta import Object, ObjectKey
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.fakeserver import Action, AnswerLost, FakeServer, Hangs, Write, key_of

__all__ = ["Action", "AnswerLost", "FakeClient", "FakeServer", "Hangs", "Write", "create", "delete", "delete_collection", "patch", "update", "update_status"]
M = TypeVar("M", bound=Object)


def create(resource: str) -> Action:
    return Action("create", resource)


def update(resource: str) -> Action:
    return Action("update", resource)


def update_status(resource: str) -> Action:
    return Action("update", f"{resource}/status")


def patch(resource: str) -> Action:
    return Action("patch", resource)


def delete(resource: str) -> Action:
    return Action("delete", resource)


def delete_collection(resource: str) -> Action:
    return Action("deletecollection", resource)


class FakeClient(Client):
    def __init__(self, *objects: Object, world: World) -> None:
        self.server = FakeServer(world)
        super().__init__(self.server, "test")
        for obj in objects:
            self.add(obj)

    @property
    def writes(self) -> list[Write]:
        return self.server.writes

    @property
    def actions(self) -> list[Action]:
        return [write.action for write in self.server.writes]

    def add(self, obj: M) -> M:
        """Stores it, new or changed, as somebody else would: no action is recorded."""
        return type(obj).from_wire(self.server.put(resource_of(type(obj)), obj.to_wire()))

    def remove(self, obj: Object) -> None:
        """It is gone at once, finalizers or not; no action is recorded."""
        self.server.remove(resource_of(type(obj)), key_of(obj.to_wire()))

    def find(self, model: type[M], name: str, namespace: str = "") -> M | None:
        document = self.server.find(resource_of(model), ObjectKey(namespace, name))
        return None if document is None else model.from_wire(document)

    def all(self, model: type[M]) -> list[M]:
        return [model.from_wire(document) for document in self.server.all(resource_of(model))]
