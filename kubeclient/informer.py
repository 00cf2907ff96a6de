"""Reflector, cache and handlers of one resource: list, watch, tell; begin again where the watch can go on no more.

Promises (client-go's): handlers see each object's changes in order and never the same state twice; after a relist what is
gone is told as deleted with its last known state; a failed list is never an empty one; a broken watch goes on behind the last
version seen; an event that comes again, or of before what was seen, is not told. Handlers are synchronous and run in the event's causes.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from kubeapi.errors import ApiStatusError, Expired, Gone, Timeout
from kubeapi.labels import Selector
from kubeapi.meta import Object, ObjectKey
from kubeapi.resource import Resource
from kubeapi.world import REAL_WORLD, World
from kubeclient.causes import Cause, Causes, because_of
from kubeclient.client import Client, Document, ResourceClient
from kubeclient.indexer import EncodedShelf, Indexer, IndexFunction, PlainShelf, Shelf

logger = logging.getLogger(__name__)
PAGE = 500
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.2, 5.0
# A watch is asked for anew after 5 to 10 minutes: a server that vanished without a word is noticed then, at the latest.
WATCH_SECONDS, GRACE_SECONDS = 300, 30
T = TypeVar("T")
M = TypeVar("M", bound=Object)
Handler = tuple[Callable[[T], None] | None, Callable[[T, T], None] | None, Callable[[T], None] | None]


class Informer(Generic[T]):
    def __init__(self, api: ResourceClient[Document], resource: Resource, shelf: Shelf[T],
                 indexers: Mapping[str, IndexFunction[T]], label_selector: str, field_selector: str, world: World) -> None:
        self.resource = resource
        self._api, self._world = api, world
        self._label_selector, self._field_selector = label_selector, field_selector
        self._indexer: Indexer[T] = Indexer(indexers, shelf)
        self._versions: dict[ObjectKey, str] = {}
        self._handlers: list[Handler[T]] = []
        self._synced = asyncio.Event()
        self._version = ""

    # --- the lister

    def get(self, key: ObjectKey) -> T | None:
        return self._indexer.get(key)

    def list(self, namespace: str = "", selector: Selector | None = None) -> Sequence[T]:
        found = self._indexer.list(namespace)
        return found if selector is None else [one for one in found if selector.matches(cast(Any, one).metadata.labels)]

    def by_index(self, name: str, value: str) -> Sequence[T]:
        return self._indexer.by_index(name, value)

    def add_index(self, name: str, function: IndexFunction[T]) -> None:
        self._indexer.add_function(name, function)

    def add_handler(self, on_add: Callable[[T], None] | None = None, on_update: Callable[[T, T], None] | None = None,
                    on_delete: Callable[[T], None] | None = None) -> None:
        """What is already known is told as added."""
        self._handlers.append((on_add, on_update, on_delete))
        if on_add is not None:
            for obj in self._indexer.list():
                on_add(obj)

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    # --- the reflector

    async def run(self) -> None:
        """Runs until cancelled. Waits between tries, longer each time, unless the last one brought something."""
        loop = asyncio.get_running_loop()
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            version, began = self._version, loop.time()
            ended_well = await self._follow()
            if self._version != version or loop.time() - began > LONGEST_BACKOFF_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
                if ended_well:
                    continue
            await asyncio.sleep(min(backoff * (1 + self._world.random.random()), LONGEST_BACKOFF_SECONDS))
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)

    async def _follow(self) -> bool:
        """Lists where it must, then watches to the end; whether that was a clean one."""
        try:
            if not self._version:
                await self._list()
            await self._watch()
        except (Expired, Gone) as error:
            logger.info("%s: listing again: %s", self.resource.plural, error)
            self._version = ""
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("%s: %s", self.resource.plural, error)
            if isinstance(error, Timeout) and any(one.get("reason") == "ResourceVersionTooLarge" for one in error.causes):
                self._version = ""              # the server's past is another one now: it was restored, or began anew
        else:
            return True
        return False

    async def _list(self) -> None:
        """Page by page; what no page has is gone. A list that fails half-way has told only what is so."""
        found: set[ObjectKey] = set()
        continue_ = ""
        while True:
            page = await self._api.list_documents(label_selector=self._label_selector, field_selector=self._field_selector, limit=PAGE,
                                                  continue_=continue_)
            for document in page.items:
                found.add(key := _key(document))
                self._changed(key, document, "LISTED")
            if not (continue_ := page.continue_):
                break
        for key in [key for key in self._indexer if key not in found]:
            self._deleted(key)
        self._version = page.resource_version
        self._synced.set()

    async def _watch(self) -> None:
        seconds = int(WATCH_SECONDS * (1 + self._world.random.random()))
        async with (asyncio.timeout(seconds + GRACE_SECONDS),
                    self._api.watch(resource_version=self._version, label_selector=self._label_selector,
                                    field_selector=self._field_selector, timeout_seconds=seconds) as events):
            async for event in events:
                if _is_older(event.resource_version, self._version):
                    continue
                if event.type in ("ADDED", "MODIFIED"):
                    self._changed(_key(event.object), event.object, event.type)
                elif event.type == "DELETED":
                    self._deleted(_key(event.object), event.resource_version)
                self._version = event.resource_version

    def _changed(self, key: ObjectKey, document: Document, type: str) -> None:
        version = document["metadata"]["resourceVersion"]
        if self._versions.get(key) == version:
            return
        old, new = self._indexer.put(key, document)
        self._versions[key] = version
        with because_of(Causes.of(Cause(type, self.resource.plural, key, version))):
            for on_add, on_update, _ in self._handlers:
                if old is None:
                    if on_add is not None:
                        on_add(new)
                elif on_update is not None:
                    on_update(old, new)

    def _deleted(self, key: ObjectKey, version: str = "") -> None:
        self._versions.pop(key, None)
        old = self._indexer.remove(key)
        if old is None:
            return
        with because_of(Causes.of(Cause("DELETED", self.resource.plural, key, version))):
            for _, _, on_delete in self._handlers:
                if on_delete is not None:
                    on_delete(old)


def _is_older(version: str, than: str) -> bool:
    """Of one resource's versions, which are numbers that grow; what is no number proves nothing."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)


def _key(document: Document) -> ObjectKey:
    metadata = document["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


class InformerFactory:
    """One informer for each thing watched, however many ask for it; all run while `run` does."""

    def __init__(self, client: Client, world: World = REAL_WORLD) -> None:
        self._client, self._world = client, world
        self._informers: dict[tuple[object, ...], Informer[Any]] = {}
        self._group: asyncio.TaskGroup | None = None

    def informer(self, model: type[M], namespace: str = "", *, indexers: Mapping[str, IndexFunction[Any]] | None = None,
                 transform: Callable[[Document], Any] | None = None, field_selector: str = "", label_selector: str = "") -> Informer[Any]:
        """Of typed views, or of what *transform* makes of a document. More indexes are added to an informer that is there."""
        api = self._client.resource(model)
        documents = self._client.documents(api._resource, model.VERSION, namespace)
        key = (model, namespace, transform, field_selector, label_selector)
        shelf: Shelf[Any] = PlainShelf(transform) if transform is not None else EncodedShelf(model.from_wire)
        return self._shared(key, documents, api._resource, shelf, indexers or {}, label_selector, field_selector)

    def document_informer(self, resource: Resource, version: str = "", namespace: str = "") -> Informer[Document]:
        key = (resource.group_resource, version, namespace)
        return self._shared(key, self._client.documents(resource, version, namespace), resource, PlainShelf(_metadata_of), {}, "", "")

    def _shared(self, key: tuple[object, ...], api: ResourceClient[Document], resource: Resource, shelf: Shelf[Any],
                indexers: Mapping[str, IndexFunction[Any]], label_selector: str, field_selector: str) -> Informer[Any]:
        if key not in self._informers:
            informer = Informer(api, resource, shelf, indexers, label_selector, field_selector, self._world)
            self._informers[key] = informer
            if self._group is not None:
                self._group.create_task(informer.run(), name=f"informer-{resource.plural}")
        for name, function in (indexers or {}).items():
            self._informers[key].add_index(name, function)
        return self._informers[key]

    async def run(self) -> None:
        """Runs every informer, those asked for later too, until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            for informer in self._informers.values():
                self._group.create_task(informer.run(), name=f"informer-{informer.resource.plural}")
            await asyncio.get_running_loop().create_future()


def _metadata_of(document: Document) -> Document:
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}      # the bulk of it
    return {"apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": metadata}
