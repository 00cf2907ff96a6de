"""Who waits for which change. Watchers of one field value, one object or one namespace wait apart, so that a change wakes
those it concerns: a thousand kubelets watching their own pods cost one wake-up per pod, not a thousand."""
from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apiserver.cacher.objects import CachedObject
from apiserver.cacher.selection import Selection

Place = tuple[str, str]
ANYWHERE: Place = ("", "")
NAMESPACE = "metadata.namespace"
NAME = "metadata.name"


@dataclass(frozen=True, slots=True)
class Wake:
    """Why a sleeper wakes: everything before `index` in the log is known not to concern it."""

    index: int
    is_bookmark: bool = False


class Sleepers:
    def __init__(self, indexed_fields: Sequence[str]) -> None:
        self._indexed_fields = indexed_fields
        self._by_place: dict[Place, set[asyncio.Future[Wake]]] = {}

    async def sleep(self, selection: Selection) -> Wake:
        """Until a change concerns *selection*, or all are woken."""
        place = self._place_of(selection)
        waiter: asyncio.Future[Wake] = asyncio.get_running_loop().create_future()
        self._by_place.setdefault(place, set()).add(waiter)
        try:
            return await waiter
        finally:
            if waiter.cancelled() and (waiters := self._by_place.get(place)) is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._by_place[place]

    def wake(self, old: CachedObject | None, new: CachedObject | None, index: int) -> None:
        if not self._by_place:
            return
        for place in {place for state in (old, new) if state is not None for place in self._places_of(state)}:
            self._wake_place(place, Wake(index))

    def wake_all(self, wake: Wake) -> None:
        for place in list(self._by_place):
            self._wake_place(place, wake)

    def _wake_place(self, place: Place, wake: Wake) -> None:
        for waiter in self._by_place.pop(place, ()):
            if not waiter.done():
                waiter.set_result(wake)

    def _place_of(self, selection: Selection) -> Place:
        if selection.exact is not None and selection.exact[0] in self._indexed_fields:
            return selection.exact
        if selection.name:
            return NAME, selection.name
        return (NAMESPACE, selection.namespace) if selection.namespace else ANYWHERE

    def _places_of(self, state: CachedObject) -> Iterator[Place]:
        yield ANYWHERE
        yield NAMESPACE, state.namespace
        yield NAME, state.name
        for field in self._indexed_fields:
            yield field, state.fields.get(field, "")
