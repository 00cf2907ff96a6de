"""One object as the cache keeps it (encoded bytes and what selectors need), and the index of a resource's objects.

The index keeps the order of the storage's keys, so that pages of a list read from the cache and from storage agree.
"""
from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator, Mapping

import orjson

from apiserver.cacher.document import ITEM_HEAD, Document, body_of, tail_of
from apiserver.storage.interface import Stored
from kubeapi.meta import ObjectKey


class CachedObject:
    """An object at one revision; immutable but for its forms, which are made when first asked for."""

    __slots__ = ("_forms", "body", "fields", "head", "labels", "name", "namespace", "revision", "storage_key")

    def __init__(self, storage_key: str, key: ObjectKey, head: bytes, body: bytes, revision: int,
                 labels: Mapping[str, str], fields: Mapping[str, str]) -> None:
        self.storage_key = storage_key
        self.namespace, self.name = key
        self.head = head
        self.body = body
        self.revision = revision
        self.labels = labels
        self.fields = fields
        self._forms: dict[Hashable, bytes] | None = None

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)

    @property
    def json(self) -> bytes:
        """The whole object in its storage version, resourceVersion included."""
        return self.head + self.body

    @property
    def item(self) -> bytes:
        """The object as an item of a typed list: without apiVersion and kind."""
        return ITEM_HEAD + self.body

    @property
    def stored(self) -> Stored:
        """What the storage holds: guaranteed_update starts from it."""
        return Stored(self.storage_key, self.head + tail_of(self.body), self.revision)

    def document(self) -> Document:
        """Decoded anew at every call: the caller owns it."""
        decoded: Document = orjson.loads(self.json)
        return decoded

    def at(self, revision: int) -> CachedObject:
        """The same state under another revision: how a deletion shows the last state."""
        return CachedObject(self.storage_key, self.key, self.head, body_of(tail_of(self.body), revision), revision,
                            self.labels, self.fields)

    def form(self, representation: Hashable, make: Callable[[CachedObject], bytes]) -> bytes:
        """Another representation of the object, made once per object and revision."""
        if self._forms is None:
            self._forms = {}
        made = self._forms.get(representation)
        if made is None:
            made = self._forms[representation] = make(self)
        return made


class ObjectIndex:
    """Objects by namespace and name."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, dict[str, CachedObject]] = {}
        self._names: dict[str, list[str]] = {}          # sorted
        self._namespaces: list[str] = []                # with a trailing slash, sorted, as the storage's keys sort
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def get(self, key: ObjectKey) -> CachedObject | None:
        within = self._by_namespace.get(key.namespace)
        return None if within is None else within.get(key.name)

    def put(self, new: CachedObject) -> CachedObject | None:
        """What was there before."""
        within = self._by_namespace.get(new.namespace)
        if within is None:
            within = self._by_namespace[new.namespace] = {}
            self._names[new.namespace] = []
            insort(self._namespaces, new.namespace + "/")
        old = within.get(new.name)
        within[new.name] = new
        if old is None:
            insort(self._names[new.namespace], new.name)
            self.size += 1
        return old

    def remove(self, key: ObjectKey) -> CachedObject | None:
        within = self._by_namespace.get(key.namespace, {})
        old = within.pop(key.name, None)
        if old is None:
            return None
        self.size -= 1
        names = self._names[key.namespace]
        del names[bisect_left(names, key.name)]
        if not names:
            del self._by_namespace[key.namespace], self._names[key.namespace]
            del self._namespaces[bisect_left(self._namespaces, key.namespace + "/")]
        return old

    def count(self, namespace: str = "", after: ObjectKey | None = None) -> int:
        """How many `in_order` would give, without looking at them."""
        spaces = [namespace] if namespace else [space[:-1] for space in self._namespaces]
        if after is None:
            return sum(len(self._names.get(space, ())) for space in spaces)
        found = 0
        for space in spaces:
            names = self._names.get(space, [])
            if space == after.namespace:
                start = bisect_left(names, after.name)
                found += len(names) - start - (names[start:start + 1] == [after.name])
            elif space + "/" > after.namespace + "/":
                found += len(names)
        return found

    def in_order(self, namespace: str = "", after: ObjectKey | None = None) -> Iterator[CachedObject]:
        """Objects in the order of the storage's keys, those behind `after` only."""
        first = 0 if after is None else bisect_left(self._namespaces, after.namespace + "/")
        spaces = [space[:-1] for space in self._namespaces[first:]] if not namespace else [namespace]
        for space in spaces:
            names = self._names.get(space, [])
            within = self._by_namespace.get(space, {})
            if after is not None and space == after.namespace:
                start = bisect_left(names, after.name)
                start += names[start:start + 1] == [after.name]
                names = names[start:]
            yield from map(within.__getitem__, names)
