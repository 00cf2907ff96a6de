"""Pods that wait for a node on which others make room for them: nobody less important may take that room."""
from __future__ import annotations

from collections.abc import Sequence

from scheduler.podinfo import PodInfo


class Nominations:
    def __init__(self) -> None:
        self._where: dict[str, str] = {}                        # pod uid -> node
        self._pods: dict[str, dict[str, PodInfo]] = {}          # by node and uid

    def __bool__(self) -> bool:
        return bool(self._where)

    def set(self, pod: PodInfo, node: str) -> None:
        self.remove(pod.uid)
        self._where[pod.uid] = node
        self._pods.setdefault(node, {})[pod.uid] = pod

    def remove(self, uid: str) -> None:
        if (node := self._where.pop(uid, None)) is not None:
            del self._pods[node][uid]
            if not self._pods[node]:
                del self._pods[node]

    def node_of(self, uid: str) -> str | None:
        return self._where.get(uid)

    def on(self, node: str) -> Sequence[PodInfo]:
        return tuple(self._pods.get(node, {}).values())

    def expected(self, pod: PodInfo, node: str) -> Sequence[PodInfo]:
        """Those whose coming *pod* has to reckon with."""
        return [other for other in self.on(node) if other.priority >= pod.priority and other.uid != pod.uid]

    def have_terms(self) -> bool:
        """Whether any of them wants to be apart from others."""
        return any(pod.terms.apart for pods in self._pods.values() for pod in pods.values())
