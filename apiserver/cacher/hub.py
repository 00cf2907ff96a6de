"""The one watch over all of /registry, routed to the Cachers; it knows which revision they all have seen.

Every revision is a write below /registry, so the events themselves prove how far the Cachers are. A lost connection is taken
up again behind the last revision seen; everything is read anew after a compaction, and where the store itself went back in
time (it was restored from a backup). A quiet watch is asked to say something, so that a dead one is noticed.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing

from apiserver.cacher.cacher import Attributes, Cacher
from apiserver.cacher.document import Document
from apiserver.cacher.revisions import RevisionClock, RevisionReader
from apiserver.storage.interface import Batch, Compacted, FutureRevision, Progress, Storage, StorageError, Stored
from kubeapi.errors import ServiceUnavailable, Timeout
from kubeapi.resource import Resource

logger = logging.getLogger(__name__)
ROOT = "/registry/"
RETRY_SECONDS = 0.2
BOOKMARK_SECONDS = 60.0
PROGRESS_SECONDS = 5.0              # a third of the patience the store has with a quiet watch
# By these watchers sleep apart: each kubelet is woken by its own pods only.
INDEXED_FIELDS: Mapping[str, tuple[str, ...]] = {"/registry/core/pods/": ("spec.nodeName",)}


class WatchHub:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = RevisionClock()
        self.is_connected = False
        self._reader = RevisionReader(storage.current_revision)
        self._cachers: dict[str, Cacher] = {}
        self._selectable: dict[str, dict[str, Callable[..., str]]] = {}

    def cacher(self, resource: Resource) -> Cacher:
        """The resource's Cacher; both groups' events share one. All are asked for before `run`."""
        prefix = resource.storage_prefix
        if prefix not in self._cachers:
            api_version = resource.gvk(resource.storage_version).api_version
            head = b'{"apiVersion":"%b","kind":"%b","metadata":{' % (api_version.encode(), resource.kind.encode())
            self._selectable[prefix] = {}
            self._cachers[prefix] = Cacher(self, prefix, _attributes_of(self._selectable[prefix]), head=head,
                                           indexed_fields=INDEXED_FIELDS.get(prefix, ()))
        self._selectable[prefix].update(resource.selectable_fields)
        return self._cachers[prefix]

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reader.run(), name="revisions")
            group.create_task(self._follow(), name="watch")
            group.create_task(self._bookmark_regularly(), name="bookmarks")
            group.create_task(self._request_progress_regularly(), name="progress")

    async def wait_until_current(self) -> int:
        """Returns when the Cachers have seen all that was acknowledged before this call. Raises what the storage raises."""
        revision = await self._reader.current()
        await self.wait_for_revision(revision)
        return revision

    async def wait_for_revision(self, revision: int, timeout_seconds: float = 3.0) -> None:
        if revision <= self.clock.revision:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.clock.reached(revision)
        except TimeoutError:
            if not self.clock.revision:
                raise ServiceUnavailable("the watch cache is not filled yet", details={"retryAfterSeconds": 1}) from None
            raise Timeout(f"Too large resource version: {revision}, current: {self.clock.revision}", details={
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1}) from None

    async def _follow(self) -> None:
        revision = 0
        while True:
            try:
                if not revision:
                    revision = await self._read_everything()
                async with aclosing(self.storage.watch(ROOT, since=revision)) as changes:
                    async for batch in changes:
                        self.is_connected = True
                        revision = self._apply(batch, revision)
            except Compacted:
                logger.warning("what was not yet seen is compacted: reading everything again")
                revision = 0
            except FutureRevision as error:
                logger.warning("the store may have gone back: %s", error)
                revision = await self._revision_after(revision)
            except StorageError as error:
                self.is_connected = False
                logger.warning("the watch of the store broke after revision %d: %s", revision, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _revision_after(self, seen: int) -> int:
        """0 where the store really has gone back; it may only have been a member that lags behind the others."""
        await asyncio.sleep(RETRY_SECONDS)
        try:
            return seen if await self.storage.current_revision() >= seen else 0
        except StorageError:
            return seen

    async def _read_everything(self) -> int:
        listed = await self.storage.list(ROOT)
        found: dict[str, list[Stored]] = {prefix: [] for prefix in self._cachers}
        for item in listed.items:
            if (prefix := _prefix_of(item.key)) in found:
                found[prefix].append(item)
        for prefix, cacher in self._cachers.items():
            cacher.replace(found[prefix], listed.revision)
        self.clock.rewind(listed.revision)
        self.is_connected = True
        return listed.revision

    def _apply(self, batch: Batch | Progress, revision: int) -> int:
        """Only events prove progress: some etcds send progress notifications too early."""
        if isinstance(batch, Progress):
            return revision
        for event in batch:
            if (cacher := self._cachers.get(_prefix_of(event.key))) is not None:
                cacher.apply(event)
        revision = max(revision, batch[-1].revision)
        self.clock.advance(revision)
        return revision

    async def _request_progress_regularly(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            await self.storage.request_progress()

    async def _bookmark_regularly(self) -> None:
        while True:
            await asyncio.sleep(BOOKMARK_SECONDS)
            for cacher in self._cachers.values():
                cacher.bookmark()


def _prefix_of(key: str) -> str:
    """`/registry/apps/deployments/`: the first three parts of a key."""
    end = key.find("/", key.find("/", len(ROOT)) + 1)
    return key[:end + 1]


def _attributes_of(selectable: Mapping[str, Callable[..., str]]) -> Attributes:
    def attributes(document: Document) -> tuple[Mapping[str, str], Mapping[str, str]]:
        metadata = document["metadata"]
        fields = {path: of(document) for path, of in selectable.items()}
        fields["metadata.name"], fields["metadata.namespace"] = metadata["name"], metadata.get("namespace", "")
        return metadata.get("labels") or {}, fields

    return attributes
