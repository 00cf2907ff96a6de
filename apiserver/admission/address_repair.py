"""Repairs what a crash between two writes leaves: each address of a Service has an IPAddress that names it, and no other has one.

An IPAddress that no Service has had for longer than a write can be under way is deleted; one that is missing, or names another
than the Service that has the address, is made anew. Every API server does this, by its watches: nothing polls. What somebody else
made for something else is left alone. Upstream: pkg/registry/core/service/ipallocator/controller/repairip.go.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import orjson

from apiserver.admission.cluster_ips import GROUP, MANAGED_BY, MANAGER, addresses_of, claim, labels_of
from apiserver.admission.port_claims import UNDER_WAY_SECONDS, PortClaims
from apiserver.auth.access import MASTERS
from apiserver.registry.attributes import Document
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.store import Context, Store
from apiserver.registry.stores import Stores
from apiserver.storage.interface import StorageError
from kubeapi.errors import AlreadyExists, ApiStatusError, Conflict, Expired, NotFound
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource

logger = logging.getLogger(__name__)
AGAIN_SECONDS = 1.0
CONTEXT = Context("system:apiserver", (MASTERS,), "kube-apiserver")


class AddressRepair:
    def __init__(self, stores: Stores, ports: PortClaims) -> None:
        self._services, self._addresses = stores[GroupResource("", "services")], stores[GroupResource(GROUP, "ipaddresses")]
        self._ports = ports
        self._has: dict[ObjectKey, list[str]] = {}          # a Service's addresses, as last seen
        self._of: dict[str, set[ObjectKey]] = {}            # the Services of an address: one, if all is well
        self._due: dict[str, None] = {}                     # addresses to look at, in order
        self._is_due = asyncio.Event()
        self._unowned: dict[str, asyncio.TimerHandle] = {}
        self._abandoned: set[str] = set()                   # unowned for too long

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(self._services, self._service_seen))
            group.create_task(self._follow(self._addresses, lambda name, _: self._look_at(name.name)))
            group.create_task(self._work())

    # --- what is seen

    async def _follow(self, store: Store, seen: Callable[[ObjectKey, Document | None], None]) -> None:
        """Tells of everything that is there, then of every change; None: it is gone."""
        while True:
            try:
                snapshot = await store.cacher.list(match="consistent")
                there = {one.key: one.document() for one in snapshot.objects}
                if store is self._services:
                    await self._ports.add_missing(there.values())
                for key in self._has.keys() - there.keys() if store is self._services else ():
                    seen(key, None)
                for key, document in there.items():
                    seen(key, document)
                del there
                async for lines in store.cacher.watch(since=snapshot.revision):
                    for event in map(orjson.loads, lines.splitlines()):
                        metadata = event["object"]["metadata"]
                        seen(ObjectKey(metadata.get("namespace", ""), metadata["name"]), None if event["type"] == "DELETED" else event["object"])
            except Expired:
                continue
            except (ApiStatusError, StorageError) as error:
                logger.warning("%s could not be looked after: %s", store.resource.plural, error)
                await asyncio.sleep(AGAIN_SECONDS)

    def _service_seen(self, key: ObjectKey, service: Document | None) -> None:
        had, has = self._has.pop(key, []), addresses_of(service) if service is not None else []
        if has:
            self._has[key] = has
        for address in had:
            self._of[address].discard(key)
            if not self._of[address]:
                del self._of[address]
        for address in has:
            self._of.setdefault(address, set()).add(key)
        for address in {*had, *has}:
            self._look_at(address)

    def _look_at(self, address: str) -> None:
        self._due[address] = None
        self._is_due.set()

    # --- what is done about it

    async def _work(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            while self._due:
                address = next(iter(self._due))
                del self._due[address]
                try:
                    await self._repair(address)
                except (ApiStatusError, StorageError) as error:
                    logger.warning("the address %s could not be looked after: %s", address, error)
                    asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._look_at, address)
                await asyncio.sleep(0)                  # thousands may be due at the start

    async def _repair(self, address: str) -> None:
        there = self._there(address)
        owners = self._owners(address, there)
        if there is None or owners or not _is_ours(there):
            self._is_in_order(address)
        if not owners:
            if there is not None and _is_ours(there):
                await self._repair_unowned(address)
            return
        parent = _parent(there) if there is not None else None
        owner = parent if parent in owners else min(owners)
        if len(owners) > 1:
            logger.error("the ClusterIP %s was assigned to %d Services; recreate all but %s/%s", address, len(owners), *owner)
        if there is None:
            logger.warning("the ClusterIP %s of Service %s/%s is not allocated; repairing", address, *owner)
            await self._make(address, owners[owner])
        elif parent != owner or not labels_of(address).items() <= (there["metadata"].get("labels") or {}).items():
            logger.warning("the ClusterIP %s of Service %s/%s has a wrong reference; repairing", address, *owner)
            await self._delete(there)
            await self._make(address, owners[owner])

    async def _repair_unowned(self, address: str) -> None:
        """Its Service may be about to be written."""
        if address not in self._abandoned:
            if address not in self._unowned:
                self._unowned[address] = asyncio.get_running_loop().call_later(UNDER_WAY_SECONDS, self._give_up, address)
            return
        await self._addresses.cacher.wait_until_current()
        there = self._there(address)
        if there is not None and _is_ours(there) and not self._owners(address, there):
            logger.warning("IPAddress %s appears to have leaked: cleaning up", address)
            await self._delete(there)
        self._is_in_order(address)

    def _give_up(self, address: str) -> None:
        self._unowned.pop(address, None)
        self._abandoned.add(address)
        self._look_at(address)

    def _is_in_order(self, address: str) -> None:
        self._abandoned.discard(address)
        if (timer := self._unowned.pop(address, None)) is not None:
            timer.cancel()

    def _there(self, address: str) -> Document | None:
        found = self._addresses.cacher.get(ObjectKey("", address))
        return found.document() if found is not None else None

    def _owners(self, address: str, there: Document | None) -> dict[ObjectKey, Document]:
        """The Services that have the address now: the cache is asked, what was seen may be older."""
        found: dict[ObjectKey, Document] = {}
        for key in {*self._of.get(address, ()), *filter(None, [_parent(there) if there is not None else None])}:
            service = self._services.cacher.get(key)
            if service is not None and address in addresses_of(document := service.document()):
                found[key] = document
        return found

    async def _make(self, address: str, service: Document) -> None:
        try:
            await self._addresses.create("", claim(address, service), CONTEXT)
        except AlreadyExists:
            return                                      # another server was faster

    async def _delete(self, there: Document) -> None:
        metadata = there["metadata"]
        try:
            await self._addresses.delete("", metadata["name"], DeleteOptions(uid=metadata["uid"]), CONTEXT)
        except (NotFound, Conflict):
            return


def _is_ours(address: Document) -> bool:
    return bool((address["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER)


def _parent(address: Document) -> ObjectKey | None:
    """The Service it names."""
    parent = (address.get("spec") or {}).get("parentRef") or {}
    if parent.get("group", "") or parent.get("resource") != "services":
        return None
    return ObjectKey(parent.get("namespace", ""), parent.get("name", ""))
