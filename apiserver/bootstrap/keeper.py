"""Makes what every cluster must have: at start, and again whenever one of these objects is lost or changed."""
from __future__ import annotations

import asyncio
import logging

from apiserver.auth.access import MASTERS
from apiserver.bootstrap import policy, wanted
from apiserver.cacher import Selection
from apiserver.options import Options
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Document, Store
from apiserver.registry.stores import Stores
from apiserver.storage.interface import StorageError
from kubeapi.errors import AlreadyExists, ApiStatusError, Expired
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource

logger = logging.getLogger(__name__)
AGAIN_SECONDS = 1.0
CONTEXT = Context("system:apiserver", (MASTERS,), "kube-apiserver")


class Keeper:
    def __init__(self, stores: Stores, options: Options) -> None:
        self._stores, self._options = stores, options
        self._is_ready = asyncio.Event()
        self._wanted = self._objects()
        self._policy = self._roles_and_bindings() if "RBAC" in options.authorization_mode else []

    @property
    def is_ready(self) -> bool:
        return self._is_ready.is_set()

    async def wait_ready(self) -> None:
        await self._is_ready.wait()

    def _objects(self) -> list[tuple[Store, Document]]:
        options = self._options
        found = [(self._store("", "namespaces"), one) for one in wanted.namespaces()]
        found += [(self._store("scheduling.k8s.io", "priorityclasses"), one) for one in wanted.priority_classes()]
        found.append((self._store("", "services"), wanted.kubernetes_service(options.service_cluster_ip_range, options.secure_port)))
        address = wanted.advertised(options.advertise_address, "127.0.0.1")
        if address:
            found.append((self._store("", "endpoints"), wanted.kubernetes_endpoints([address], options.secure_port)))
            found.append((self._store("discovery.k8s.io", "endpointslices"),
                          wanted.kubernetes_endpoint_slice([address], options.secure_port)))
        return found

    def _roles_and_bindings(self) -> list[tuple[Store, Document]]:
        made = {"clusterroles": policy.cluster_roles, "roles": policy.roles, "clusterrolebindings": policy.cluster_role_bindings,
                "rolebindings": policy.role_bindings}
        return [(self._store(policy.GROUP, plural), one) for plural, make in made.items() for one in make()]

    def _store(self, group: str, plural: str) -> Store:
        return self._stores[GroupResource(group, plural)]

    async def run(self) -> None:
        """Runs until cancelled."""
        await self._make_everything()
        async with asyncio.TaskGroup() as group:
            for store in {id(store): store for store, _ in (*self._wanted, *self._policy)}.values():
                group.create_task(self._keep(store))

    async def _make_everything(self) -> None:
        """In order: what lives in a namespace comes after it. Roles and bindings are many, and do not wait for each other."""
        while not self.is_ready:
            try:
                await self._wanted[0][0].cacher.wait_until_current()
                for store, document in self._wanted:
                    await self._ensure(store, document)
                async with asyncio.TaskGroup() as group:
                    for store, document in self._policy:
                        group.create_task(self._ensure(store, document))
            except* (ApiStatusError, StorageError) as errors:
                logger.warning("the system's objects could not be made: %s", "; ".join(map(str, errors.exceptions)))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._is_ready.set()

    async def _keep(self, store: Store) -> None:
        """Looks once, then whenever one of its objects changes."""
        documents = [one for mine, one in (*self._wanted, *self._policy) if mine is store]
        names = {_key(one) for one in documents}
        while True:
            try:
                snapshot = await store.cacher.list(match="consistent")
                for document in documents:
                    await self._ensure(store, document)
                selection = Selection(matches=lambda labels, fields: ObjectKey(
                    fields["metadata.namespace"], fields["metadata.name"]) in names)
                async for _ in store.cacher.watch(selection, since=snapshot.revision):
                    for document in documents:
                        await self._ensure(store, document)
            except Expired:
                continue
            except (ApiStatusError, StorageError) as error:
                logger.warning("the system's %s could not be looked after: %s", store.resource.plural, error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _ensure(self, store: Store, document: Document) -> None:
        key = _key(document)
        found = store.cacher.get(key)
        if found is None:
            try:
                await store.create(key.namespace, _copy(document), CONTEXT)
            except AlreadyExists:
                return
        elif store.resource.group == policy.GROUP:
            await self._reconcile(store, key, found.document(), document)
        elif not _includes(found.document(), document):
            await store.update(key.namespace, key.name, lambda there: {**there, **{
                name: value for name, value in _copy(document).items() if name not in ("metadata", "spec")},
                **({"spec": {**there.get("spec", {}), **document["spec"]}} if "spec" in document else {})}, CONTEXT)


    async def _reconcile(self, store: Store, key: ObjectKey, there: Document, document: Document) -> None:
        if policy.is_for_another_role(there, document):
            await store.delete(key.namespace, key.name, DeleteOptions(), CONTEXT)
            await store.create(key.namespace, _copy(document), CONTEXT)
        elif policy.reconciled(there, document) is not None:
            await store.update(key.namespace, key.name, lambda live: policy.reconciled(live, document) or live, CONTEXT)


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"].get("namespace", ""), document["metadata"]["name"])


def _copy(document: Document) -> Document:
    return {**document, "metadata": dict(document["metadata"]), **({"spec": dict(document["spec"])} if "spec" in document else {})}


def _includes(there: Document, document: Document) -> bool:
    """Everything the document says beyond metadata is said there."""
    def same(has: object, wants: object) -> bool:
        if isinstance(wants, dict):
            return isinstance(has, dict) and all(same(has.get(name), value) for name, value in wants.items())
        if isinstance(wants, list):
            return isinstance(has, list) and len(has) == len(wants) and all(map(same, has, wants))
        return has == wants
    return all(same(there.get(name), value) for name, value in document.items() if name not in ("metadata", "apiVersion", "kind"))
