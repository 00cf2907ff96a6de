"""Objects of one resource by key and by index; what is kept of each is the informer's choice (bytes or a slim view)."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from kubeapi.meta import ObjectKey

T = TypeVar("T")
IndexFunction = Callable[[T], Sequence[str]]


class Indexer(Generic[T]):
    def __init__(self, functions: Mapping[str, IndexFunction[T]]) -> None:
        self._functions = dict(functions)
        self._objects: dict[ObjectKey, T] = {}
        self._by_namespace: dict[str, set[ObjectKey]] = {}
        self._indexes: dict[str, dict[str, dict[ObjectKey, None]]] = {name: {} for name in functions}

    def add_function(self, name: str, function: IndexFunction[T]) -> None:
        """Also for what is already there. The same name twice is the same index."""
        if name not in self._functions:
            self._functions[name] = function
            self._indexes[name] = {}
            for key, obj in self._objects.items():
                self._link(name, key, obj)

    def get(self, key: ObjectKey) -> T | None:
        return self._objects.get(key)

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(self._objects)

    def list(self, namespace: str = "") -> Sequence[T]:
        if not namespace:
            return [*self._objects.values()]
        return [self._objects[key] for key in self._by_namespace.get(namespace, ())]

    def by_index(self, name: str, value: str) -> Sequence[T]:
        return [self._objects[key] for key in self._indexes[name].get(value, ())]

    def put(self, key: ObjectKey, obj: T) -> T | None:
        """What was there before."""
        old = self.remove(key)
        self._objects[key] = obj
        self._by_namespace.setdefault(key.namespace, set()).add(key)
        for name in self._functions:
            self._link(name, key, obj)
        return old

    def remove(self, key: ObjectKey) -> T | None:
        old = self._objects.pop(key, None)
        if old is None:
            return None
        self._by_namespace[key.namespace].discard(key)
        for name, function in self._functions.items():
            index = self._indexes[name]
            for value in function(old):
                index.get(value, {}).pop(key, None)
                if value in index and not index[value]:
                    del index[value]
        return old

    def _link(self, name: str, key: ObjectKey, obj: T) -> None:
        for value in self._functions[name](obj):
            self._indexes[name].setdefault(value, {})[key] = None
