"""What is remembered of the last attempts to place pods: what each plugin said of each node. `/debug/attempts` shows it.

Bounded three ways: by attempts of one pod, by attempts, and by nodes told of in all of them.
"""
from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeapi.times import format_time
from kubeapi.world import REAL_WORLD, World
from scheduler.algorithm import Chosen, Diagnosis
from scheduler.framework import Status
from scheduler.podinfo import PodInfo

OF_ONE_POD, ATTEMPTS, NODES = 5, 1000, 10_000        # all of it is 10 MB of JSON at most


@dataclass(frozen=True, slots=True)
class Attempt:
    pod: PodInfo
    number: int
    at: datetime
    result: Chosen | Diagnosis

    @property
    def nodes(self) -> int:
        return len(self.result.refusals) + (len(self.result.fitting) if isinstance(self.result, Chosen) else 0)

    def to_wire(self) -> dict[str, Any]:
        pod, result = self.pod, self.result
        told = {"pod": str(pod.key), "uid": pod.uid, "schedulerName": pod.scheduler_name, "priority": pod.priority, "attempt": self.number,
                "time": format_time(self.at)}
        refused: dict[str, Any] = {name: _status(status) for name, status in result.refusals.items()}
        if isinstance(result, Chosen):
            return {**told, "node": result.node.name, "nodes": {**_scored(result), **refused}}
        preemption = {name: _considered(one) for name, one in result.rescue.considered.items()}
        return {**told, "message": result.message, "nominatedNode": result.rescue.node or "", "nodes": refused,
                **({"preemption": preemption} if preemption else {})}


def _status(status: Status) -> dict[str, Any]:
    return {"refusedBy": status.plugin, "code": status.code.name.title(), "reasons": list(status.reasons)}


def _considered(one: Sequence[PodInfo] | Status) -> dict[str, Any]:
    if isinstance(one, Status):
        return {"reasons": list(one.reasons)}
    return {"victims": [{"pod": str(victim.key), "priority": victim.priority} for victim in one]}


def _scored(result: Chosen) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for index, node in enumerate(result.fitting):
        scores = {one.plugin: {"raw": one.raw[index], "normalized": one.normalized[index], "weight": one.weight,
                               "weighted": one.weight * one.normalized[index]} for one in result.scores}
        found[node.name] = {"total": sum(score["weighted"] for score in scores.values()), "scores": scores}
    return found


class Attempts:
    def __init__(self, world: World = REAL_WORLD) -> None:
        self._world = world
        self._by_pod: OrderedDict[str, deque[Attempt]] = OrderedDict()     # by uid; who was tried last comes last
        self._count = self._nodes = 0

    def __iter__(self) -> Iterator[Attempt]:
        return (one for attempts in self._by_pod.values() for one in attempts)

    def note(self, pod: PodInfo, number: int, result: Chosen | Diagnosis) -> None:
        attempt = Attempt(pod, number, self._world.now(), result)
        own = self._by_pod.setdefault(pod.uid, deque())
        self._by_pod.move_to_end(pod.uid)
        own.append(attempt)
        self._count, self._nodes = self._count + 1, self._nodes + attempt.nodes
        if len(own) > OF_ONE_POD:
            self._drop(pod.uid)
        while self._count > 1 and (self._count > ATTEMPTS or self._nodes > NODES):
            self._drop(next(iter(self._by_pod)))

    def _drop(self, uid: str) -> None:
        """The oldest of a pod."""
        attempts = self._by_pod[uid]
        self._count, self._nodes = self._count - 1, self._nodes - attempts.popleft().nodes
        if not attempts:
            del self._by_pod[uid]

    def to_wire(self, pod: str = "") -> dict[str, Any]:
        """Of one pod (`NAMESPACE/NAME`) or all, the last tried first."""
        return {"attempts": [one.to_wire() for attempts in reversed(self._by_pod.values()) for one in reversed(attempts)
                             if pod in ("", str(one.pod.key))]}
