"""Events for users: what was done to an object, and what went wrong. Telling never blocks and never fails.

The same event again raises the count of the one that is there; many that differ only in their message become one; an object
that is told of without end falls silent for a while (client-go's EventCorrelator). The queue is bounded: in a storm the newest
are dropped.
"""
from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Event, EventSource, ObjectReference
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import Object
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client

logger = logging.getLogger(__name__)
QUEUE, REMEMBERED = 1000, 4096
# client-go's: of one source about one object 25 at once, then one in five minutes; ten alike in ten minutes become one.
BURST, SECONDS_PER_EVENT = 25, 300.0
ALIKE, ALIKE_SECONDS = 10, 600.0
TRIES, RETRY_SECONDS = 12, 10.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    source: EventSource
    about: ObjectReference
    type: str
    reason: str
    message: str
    at: datetime

    @property
    def object_key(self) -> tuple[str, ...]:
        about = self.about
        return self.source.component, self.source.host, about.kind, about.namespace, about.name, about.uid

    @property
    def kind_key(self) -> tuple[str, ...]:
        """What events have in common that differ only in their message."""
        return *self.object_key, self.about.field_path, self.type, self.reason


class EventRecorder:
    """What one component tells; those made by `of` share the queue and the one task that writes."""

    def __init__(self, client: Client, component: str, host: str = "", world: World = REAL_WORLD) -> None:
        self._source, self._broadcaster = EventSource(component=component, host=host), _Broadcaster(client, world)

    def of(self, component: str) -> EventRecorder:
        """The same for a part of the process with a name of its own: each controller is the source of its events."""
        other = object.__new__(EventRecorder)
        other._source, other._broadcaster = self._source.evolve(component=component), self._broadcaster
        return other

    def event(self, about: Object | ObjectReference, type: str, reason: str, message: str) -> None:
        self._broadcaster.put(self._source, _reference(about), type, reason, message)

    async def run(self) -> None:
        """Writes what was told, until cancelled."""
        await self._broadcaster.run()


class _Broadcaster:
    def __init__(self, client: Client, world: World) -> None:
        self._client, self._world = client, world
        self._queue: asyncio.Queue[Told] = asyncio.Queue(QUEUE)
        self._correlator = Correlator()
        self._newest_name = 0

    def put(self, source: EventSource, about: ObjectReference, type: str, reason: str, message: str) -> None:
        try:
            self._queue.put_nowait(Told(source, about, type, reason, message[:1024], self._world.now()))
        except asyncio.QueueFull:
            logger.warning("an event was dropped: %s %s", reason, message)

    async def run(self) -> None:
        while True:
            told = self._correlator.allowed(await self._queue.get())
            if told is not None:
                await self._deliver(told)

    async def _deliver(self, told: Told) -> None:
        """A server that cannot be reached is asked again; one that refuses is not."""
        for _ in range(TRIES):
            try:
                await self._write(told)
                return
            except ApiStatusError as error:
                logger.info("an event was not written: %s", error)
                return
            except (ConnectionError, TimeoutError) as error:
                logger.info("an event is not written yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS * (0.5 + self._world.random.random() / 2))

    async def _write(self, told: Told) -> None:
        namespace, now = told.about.namespace or "default", told.at.replace(microsecond=0)
        api = self._client.resource(Event, namespace)
        known = self._correlator.written(told)
        if known is not None:
            try:
                again = await api.patch(known.metadata.name, {"count": known.count + 1, "message": told.message,
                                                              "lastTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}, type="merge")
                self._correlator.remember(told, again)
                return
            except NotFound:                    # it has expired
                pass
        self._correlator.remember(told, await api.create(Event(
            metadata=ObjectMeta(name=self._name(told), namespace=namespace), involved_object=told.about, type=told.type,
            reason=told.reason, message=told.message, count=1, first_timestamp=now, last_timestamp=now, source=told.source,
            reporting_component=told.source.component, reporting_instance=told.source.host)))

    def _name(self, told: Told) -> str:
        """Names of one object's events follow each other as the events did: lists and `describe` show them in that order."""
        nanoseconds = int(told.at.timestamp() * 1e6) * 1000 + self._world.random.randrange(1000)
        self._newest_name = max(self._newest_name + 1, nanoseconds)
        return f"{told.about.name[:200].rstrip('-.')}.{self._newest_name:x}"


class Correlator:
    """Which events are worth a write, and which of those written says the same."""

    def __init__(self) -> None:
        self._buckets: _Newest[_Bucket] = _Newest(_Bucket)
        self._alike: _Newest[_Alike] = _Newest(_Alike)
        self._written: OrderedDict[Hashable, Event] = OrderedDict()

    def allowed(self, told: Told) -> Told | None:
        """The event, by a common name if there were many like it; None for one too many about its object."""
        seconds = told.at.timestamp()
        if self._alike.of(told.kind_key).has_many(told.message, seconds):
            told = replace(told, message=f"(combined from similar events): {told.message}"[:1024])
        return told if self._buckets.of(told.object_key).take(seconds) else None

    def written(self, told: Told) -> Event | None:
        return self._written.get(self._key(told))

    def remember(self, told: Told, event: Event) -> None:
        key = self._key(told)
        self._written[key] = event
        self._written.move_to_end(key)
        if len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    def _key(self, told: Told) -> Hashable:
        is_combined = self._alike.of(told.kind_key).are_combined
        return (told.kind_key, "" if is_combined else told.message)


@dataclass(slots=True)
class _Bucket:
    """Tokens that come back one by one."""
    tokens: float = BURST
    at: float | None = None

    def take(self, seconds: float) -> bool:
        passed = 0.0 if self.at is None else max(0.0, seconds - self.at)
        self.tokens, self.at = min(float(BURST), self.tokens + passed / SECONDS_PER_EVENT), seconds
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class _Alike:
    """The messages of events that have all else in common."""
    messages: set[str] = field(default_factory=set)
    at: float = 0.0

    @property
    def are_combined(self) -> bool:
        return len(self.messages) >= ALIKE

    def has_many(self, message: str, seconds: float) -> bool:
        if seconds - self.at > ALIKE_SECONDS:
            self.messages.clear()
        self.at = seconds
        if not self.are_combined:
            self.messages.add(message)
        return self.are_combined


class _Newest(Generic[T]):
    """One T per key, of the keys used last."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._known = make, OrderedDict[Hashable, T]()

    def of(self, key: Hashable) -> T:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make()
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return found


def _reference(about: Object | ObjectReference) -> ObjectReference:
    if isinstance(about, ObjectReference):
        return about
    metadata: Any = about.metadata  # type: ignore[attr-defined]
    return ObjectReference(api_version=about.api_version(), kind=about.kind(), namespace=metadata.namespace, name=metadata.name,
                           uid=metadata.uid, resource_version=metadata.resource_version)
