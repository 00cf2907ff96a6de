"""All Stores of an API server, and other objects as admission plugins read them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from apiserver.cacher import CachedObject, Selection, WatchHub
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Document, Store
from apiserver.storage.interface import KeyNotFound, Storage
from kubeapi import errors
from kubeapi.catalog import RESOURCES, by_plural
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource
from kubeapi.world import World

EVENT_SECONDS = 3600
MAX_DECODED = 1024
Stores = Mapping[GroupResource, Store]


def make_stores(storage: Storage, hub: WatchHub, world: World) -> Stores:
    """One for every resource that is stored; reviews and bindings are answered, never stored."""
    return {one.group_resource: Store(one, storage, hub, world, stored_as=by_plural("", "events") if one.plural == "events" else None,
                                      ttl_seconds=EVENT_SECONDS if one.plural == "events" else 0)
            for one in RESOURCES if "get" in one.verbs and "create" in one.verbs}


class StoredObjects:
    """apiserver.admission's Objects over the stores."""

    def __init__(self, stores: Stores, storage: Storage) -> None:
        self._stores, self._storage = stores, storage
        self._decoded: dict[tuple[str, str, ObjectKey], tuple[int, Document]] = {}
        self._lists: dict[tuple[str, str, str], tuple[int, Sequence[Document]]] = {}

    def _store(self, group: str, plural: str) -> Store:
        return self._stores[GroupResource(group, plural)]

    async def get(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        found = self._store(group, plural).cacher.get(ObjectKey(namespace, name))
        return self._document(group, plural, found) if found is not None else None

    async def get_live(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        store = self._store(group, plural)
        try:
            return store.cacher.made_of(await self._storage.get(store.key(namespace, name))).document()
        except KeyNotFound:
            return None

    async def list(self, group: str, plural: str, namespace: str = "") -> Sequence[Document]:
        """Made once per change of the resource: every pod's admission asks for the priority classes."""
        cacher, key = self._store(group, plural).cacher, (group, plural, namespace)
        known = self._lists.get(key)
        if known is None or known[0] != cacher.log.end:
            snapshot = await cacher.list(Selection(namespace), match="any")
            if len(self._lists) >= MAX_DECODED:
                self._lists.clear()
            known = self._lists[key] = cacher.log.end, [self._document(group, plural, one) for one in snapshot.objects]
        return known[1]

    def _document(self, group: str, plural: str, one: CachedObject) -> Document:
        """Decoded once per revision: every pod's admission asks for its namespace, its account and the default class."""
        key = (group, plural, one.key)
        known = self._decoded.get(key)
        if known is None or known[0] != one.revision:
            if len(self._decoded) >= MAX_DECODED:
                self._decoded.clear()
            known = self._decoded[key] = (one.revision, one.document())
        return known[1]

    async def create(self, group: str, plural: str, document: Document) -> Document:
        namespace = document["metadata"].get("namespace", "")
        return (await self._store(group, plural).create(namespace, document, Context(manager="kube-apiserver"))).document()

    async def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        try:
            await self._store(group, plural).delete(namespace, name, DeleteOptions(), Context(manager="kube-apiserver"))
        except errors.NotFound:
            return
