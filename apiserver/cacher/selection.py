"""Which objects a list or a watch is about."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apiserver.cacher.objects import CachedObject

Matches = Callable[[Mapping[str, str], Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """Objects of a namespace (empty: all), of a name (empty: any), for which `matches(labels, fields)` holds.

    `exact` names a field that `matches` requires to have one value, such as ("spec.nodeName", "n1"). Where the cacher
    has an index for that field, a watcher sleeps through all changes that do not concern it.
    """

    namespace: str = ""
    name: str = ""
    matches: Matches | None = None
    exact: tuple[str, str] | None = None

    def selects(self, found: CachedObject) -> bool:
        return ((not self.namespace or found.namespace == self.namespace)
                and (not self.name or found.name == self.name)
                and (self.matches is None or self.matches(found.labels, found.fields)))


EVERYTHING = Selection()
