"""Sandboxes, or containers, by id, and those of one pod without looking at all the others. Safe in several threads."""
from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, ValuesView
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class ByPod(MutableMapping[str, T]):
    def __init__(self, uid_of: Callable[[T], str]) -> None:
        self._uid_of, self._lock = uid_of, Lock()
        self._all: dict[str, T] = {}
        self._of_pods: dict[str, dict[str, T]] = {}

    def of_pod(self, uid: str) -> list[T]:
        return list(self._of_pods.get(uid, {}).values())

    def __getitem__(self, id: str) -> T:
        return self._all[id]

    def __setitem__(self, id: str, value: T) -> None:
        with self._lock:
            self._all[id] = value
            self._of_pods.setdefault(self._uid_of(value), {})[id] = value

    def __delitem__(self, id: str) -> None:
        with self._lock:
            uid = self._uid_of(self._all.pop(id))
            of_pod = self._of_pods[uid]
            del of_pod[id]
            if not of_pod:
                del self._of_pods[uid]

    def values(self) -> ValuesView[T]:
        """As they are now, whatever comes and goes meanwhile."""
        return dict(self._all).values()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)
