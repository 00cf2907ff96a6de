"""A write whose answer from the store was lost: nobody is invited to send it twice, and what it took stays taken."""
from __future__ import annotations

import asyncio

import pytest

from apiserver.admission.plugins import chain
from apiserver.cacher import WatchHub
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Store
from apiserver.registry.stores import StoredObjects, make_stores
from apiserver.storage.interface import StorageUnavailable
from apiserver.storage.memory import MemoryStorage
from kubeapi.errors import ServiceUnavailable
from kubeapi.resource import GroupResource
from tests.virtualtime import VirtualWorld, run

CONTEXT = Context(manager="test")
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}


class LosesAnswers(MemoryStorage):
    """Writes of Services happen, and are not answered, once `is_losing` is set."""

    is_losing = False

    def _lose(self, key: str) -> None:
        if self.is_losing and "/services/" in key:
            raise StorageUnavailable("etcd does not answer")

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        revision = await super().create(key, value, ttl_seconds=ttl_seconds)
        self._lose(key)
        return revision

    async def put_if(self, key: str, value: bytes, *, revision: int, ttl_seconds: int = 0) -> int:
        written = await super().put_if(key, value, revision=revision, ttl_seconds=ttl_seconds)
        self._lose(key)
        return written

    async def delete_if(self, key: str, *, revision: int) -> int:
        deleted = await super().delete_if(key, revision=revision)
        self._lose(key)
        return deleted


class Registry:
    def __init__(self) -> None:
        self.storage = LosesAnswers()
        self.hub = WatchHub(self.storage)
        stores = make_stores(self.storage, self.hub, VirtualWorld())
        admission = chain(StoredObjects(stores, self.storage), "10.96.0.0/16", (), ())
        for store in stores.values():
            store.admission = admission
        self.services: Store = stores[GroupResource("", "services")]
        self.addresses: Store = stores[GroupResource("networking.k8s.io", "ipaddresses")]
        self._namespaces: Store = stores[GroupResource("", "namespaces")]

    async def prepare(self) -> None:
        await self.hub.wait_for_revision(1)
        await self._namespaces.create("", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}, CONTEXT)
        await self.hub.wait_until_current()


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_no_time_to_try_again_is_named(verb: str) -> None:
    async def scenario() -> None:
        registry = Registry()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(registry.hub.run())
            await registry.prepare()
            if verb != "create":
                await registry.services.create("default", {**SERVICE, "metadata": {"name": "s"}}, CONTEXT)
                await registry.hub.wait_until_current()
            registry.storage.is_losing = True
            with pytest.raises(ServiceUnavailable) as told:
                if verb == "create":
                    await registry.services.create("default", {**SERVICE, "metadata": {"name": "s"}}, CONTEXT)
                elif verb == "update":
                    await registry.services.update("default", "s", lambda old: {**old, "spec": {**old["spec"], "selector": {"a": "b"}}},
                                                   CONTEXT)
                else:
                    await registry.services.delete("default", "s", DeleteOptions(), CONTEXT)
            assert "details" not in told.value.status
            running.cancel()
    run(scenario())


def test_the_address_of_a_service_that_may_be_there_is_not_given_back() -> None:
    async def scenario() -> None:
        registry = Registry()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(registry.hub.run())
            await registry.prepare()
            registry.storage.is_losing = True
            with pytest.raises(ServiceUnavailable):
                await registry.services.create("default", {**SERVICE, "metadata": {"name": "s"}}, CONTEXT)
            made = await registry.services.get("default", "s")
            await registry.addresses.get("", made.document()["spec"]["clusterIP"])
            running.cancel()
    run(scenario())
