"""Events for users: what was done to an object, and what went wrong. Telling never blocks and never fails.

The same event again raises the count of the one that is there. The queue is bounded: in a storm the newest are dropped.
"""
from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Event, EventSource, ObjectReference
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import Object
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client

logger = logging.getLogger(__name__)
QUEUE, REMEMBERED = 1000, 4096
Told = tuple[ObjectReference, str, str, str]


class EventRecorder:
    def __init__(self, client: Client, component: str, host: str = "", world: World = REAL_WORLD) -> None:
        self._client, self._component, self._host, self._world = client, component, host, world
        self._queue: asyncio.Queue[Told] = asyncio.Queue(QUEUE)
        self._known: OrderedDict[tuple[str, ...], Event] = OrderedDict()

    def event(self, about: Object | ObjectReference, type: str, reason: str, message: str) -> None:
        try:
            self._queue.put_nowait((_reference(about), type, reason, message))
        except asyncio.QueueFull:
            logger.warning("an event was dropped: %s %s", reason, message)

    async def run(self) -> None:
        """Writes what was told, until cancelled."""
        while True:
            about, type, reason, message = await self._queue.get()
            try:
                await self._write(about, type, reason, message)
            except (ApiStatusError, ConnectionError, TimeoutError) as error:
                logger.info("an event was not written: %s", error)

    async def _write(self, about: ObjectReference, type: str, reason: str, message: str) -> None:
        key = (about.kind, about.namespace, about.name, about.uid, about.field_path, type, reason, message)
        now = self._world.now().replace(microsecond=0)
        known = self._known.get(key)
        namespace = about.namespace or "default"
        api = self._client.resource(Event, namespace)
        if known is not None:
            self._known.move_to_end(key)
            try:
                self._known[key] = await api.patch(known.metadata.name, {
                    "count": known.count + 1, "lastTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}, type="merge")
                return
            except NotFound:                    # it has expired
                del self._known[key]
        suffix = format(self._world.random.getrandbits(56) | 1 << 52, "x")
        self._known[key] = await api.create(Event(
            metadata=ObjectMeta(name=f"{about.name[:200].rstrip('-.')}.{suffix}", namespace=namespace), involved_object=about, type=type, reason=reason,
            message=message[:1024], count=1, first_timestamp=now, last_timestamp=now,
            source=EventSource(component=self._component, host=self._host), reporting_component=self._component, reporting_instance=self._host))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _reference(about: Object | ObjectReference) -> ObjectReference:
    if isinstance(about, ObjectReference):
        return about
    metadata: Any = about.metadata  # type: ignore[attr-defined]
    return ObjectReference(api_version=about.api_version(), kind=about.kind(), namespace=metadata.namespace, name=metadata.name,
                           uid=metadata.uid, resource_version=metadata.resource_version)
