"""All Stores of an API server, and other objects as admission plugins read them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from apiserver.cacher import WatchHub
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Document, Store
from apiserver.storage.interface import KeyNotFound, Storage
from kubeapi import errors
from kubeapi.catalog import RESOURCES
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource
from kubeapi.world import World

EVENT_SECONDS = 3600
Stores = Mapping[GroupResource, Store]


def make_stores(storage: Storage, hub: WatchHub, world: World) -> Stores:
    """One for every resource that is stored; reviews and bindings are answered, never stored."""
    return {one.group_resource: Store(one, storage, hub, world, ttl_seconds=EVENT_SECONDS if one.plural == "events" else 0)
            for one in RESOURCES if "get" in one.verbs and "create" in one.verbs}


class StoredObjects:
    """apiserver.admission's Objects over the stores."""

    def __init__(self, stores: Stores, storage: Storage) -> None:
        self._stores, self._storage = stores, storage

    def _store(self, group: str, plural: str) -> Store:
        return self._stores[GroupResource(group, plural)]

    async def get(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        found = self._store(group, plural).cacher.get(ObjectKey(namespace, name))
        return found.document() if found is not None else None

    async def get_live(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        store = self._store(group, plural)
        try:
            return store.cacher.made_of(await self._storage.get(store.key(namespace, name))).document()
        except KeyNotFound:
            return None

    async def list(self, group: str, plural: str, namespace: str = "") -> Sequence[Document]:
        snapshot = await self._store(group, plural).cacher.list(match="any")
        return [one.document() for one in snapshot.objects if namespace in ("", one.namespace)]

    async def create(self, group: str, plural: str, document: Document) -> Document:
        namespace = document["metadata"].get("namespace", "")
        return (await self._store(group, plural).create(namespace, document, Context(manager="kube-apiserver"))).document()

    async def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        try:
            await self._store(group, plural).delete(namespace, name, DeleteOptions(), Context(manager="kube-apiserver"))
        except errors.NotFound:
            return
