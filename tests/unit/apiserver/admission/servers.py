"""API servers without HTTP: stores, admission and repair over one storage, each with a watch of its own."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from apiserver.admission.address_repair import AddressRepair
from apiserver.admission.node_ports import NodePorts
from apiserver.admission.plugins import chain
from apiserver.admission.port_claims import PREFIX, PortClaims
from apiserver.cacher import WatchHub
from apiserver.registry.attributes import Document
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Store
from apiserver.registry.stores import StoredObjects, make_stores
from apiserver.storage.memory import MemoryStorage
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource
from tests.virtualtime import VirtualWorld

CONTEXT = Context(manager="test")


class Slow(MemoryStorage):
    """Every write takes its time, so that others come in between; `chance` is the writers' own."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = VirtualWorld(5).random

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        await asyncio.sleep(self.chance.random())
        return await super().create(key, value, ttl_seconds=ttl_seconds)


class Server:
    def __init__(self, storage: MemoryStorage, seed: int = 1, cidr: str = "10.96.0.0/16") -> None:
        world = VirtualWorld(seed)
        self.storage, self.hub = storage, WatchHub(storage)
        self.stores = make_stores(storage, self.hub, world)
        objects = StoredObjects(self.stores, storage)
        self.claims = PortClaims(storage, objects, world)
        admission = chain(objects, cidr, more=[NodePorts(objects, self.claims, world)])
        for store in self.stores.values():
            store.admission = admission
        self.services, self.addresses = self._store("", "services"), self._store("networking.k8s.io", "ipaddresses")
        self.repair = AddressRepair(self.stores, self.claims)

    def _store(self, group: str, plural: str) -> Store:
        return self.stores[GroupResource(group, plural)]

    @asynccontextmanager
    async def running(self, *, repairs: bool = False) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.hub.run())]
            await self.hub.wait_for_revision(1)
            if self._store("", "namespaces").cacher.get(ObjectKey("", "default")) is None:
                await self._store("", "namespaces").create("", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}, CONTEXT)
            await self.hub.wait_until_current()
            if repairs:
                tasks.append(group.create_task(self.repair.run()))
            yield
            for task in tasks:
                task.cancel()

    async def make(self, name: str, kind: str = "NodePort", *, dry_run: bool = False, **spec: Any) -> Document:
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}], **spec}}
        return (await self.services.create("default", service, Context(manager="test", dry_run=dry_run))).document()

    async def change(self, name: str, **spec: Any) -> Document:
        return (await self.services.update("default", name, lambda old: {**old, "spec": {**old["spec"], **spec}}, CONTEXT)).document()

    async def delete(self, name: str) -> None:
        await self.services.delete("default", name, DeleteOptions(), CONTEXT)

    async def claimed(self) -> list[int]:
        return [int(item.key.removeprefix(PREFIX)) for item in (await self.storage.list(PREFIX)).items]

    async def addresses_there(self) -> dict[str, str]:
        """By address, the Service that it names."""
        await self.hub.wait_until_current()
        return {one.name: one.document()["spec"]["parentRef"]["name"] for one in self.addresses.cacher.objects()}
