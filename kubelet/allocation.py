"""What of the node its pods were granted. A pod runs on what it was granted, whatever its spec asks for since: a resize is granted
when it fits beside the others, is deferred until it does, and is refused for good where the node is too small.

What a running container was granted is written beside it (GRANT, an annotation): a successor finds it there.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from kubeapi.generated.models.core_v1 import Container, Pod, ResourceRequirements
from kubelet.admission import Refusal
from kubelet.hugepages import PREFIX
from kubelet.podruntime import PodRuntime
from kubelet.resources import BURSTABLE, REQUESTS, amount, of_pod, qos_class

GRANT = "io.picokube.container.resources"
DEFERRED, INFEASIBLE = "Deferred", "Infeasible"
COUNTED = ("cpu", "memory", "ephemeral-storage")
RESIZABLE = ("cpu", "memory")
Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Wish:
    """A resize that was not granted, and why."""

    reason: str
    message: str


def grant_text(resources: ResourceRequirements) -> str:
    return orjson.dumps({"limits": resources.limits, "requests": resources.requests}, option=orjson.OPT_SORT_KEYS).decode()


def granted_in(annotations: Mapping[str, str]) -> ResourceRequirements | None:
    """What a container runs on, by what is written beside it."""
    text = annotations.get(GRANT)
    return ResourceRequirements.from_wire(text) if text else None


def differing(one: ResourceRequirements, other: ResourceRequirements) -> list[str]:
    """Which resources the two give in different amounts."""
    return [name for name in RESIZABLE if (amount(one.limits, name), amount(one.requests, name)) != (
        amount(other.limits, name), amount(other.requests, name))]


def needs_restart(container: Container, changed: list[str]) -> bool:
    return any(one.resource_name in changed and one.restart_policy == "RestartContainer" for one in container.resize_policy)


@dataclass(slots=True)
class _Grant:
    containers: dict[str, ResourceRequirements]
    requests: Amounts
    qos: str
    wish: Wish | None = None


class Allocations:
    """Of one node. `wake`: a pod that waits may be granted its wish now; `changed`: the sum of what is granted has."""

    def __init__(self, allocatable: Mapping[str, str], wake: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._counted = (*COUNTED, *(name for name in allocatable if name.startswith(PREFIX)))
        self._room = {name: amount(allocatable, name) for name in self._counted if name in allocatable}
        self._pods = amount(allocatable, "pods")
        self._grants: dict[str, _Grant] = {}
        self._used = dict.fromkeys(self._counted, 0)
        self._wake, self._changed = wake, changed

    def admit(self, pod: Pod, runtime: PodRuntime) -> Refusal | None:
        """At first sight: takes what it asks for, or what it runs on already. Refuses what does not fit beside the others."""
        uid = pod.metadata.uid
        if uid in self._grants:
            return None
        known = {one.name: found for one in _containers(pod) if (newest := runtime.newest(one.name)) and (found := granted_in(newest.annotations))}
        granted = _with(pod, known)
        requests = self._requests(granted)
        if runtime.is_empty and (refused := self._lack(requests)):
            return refused
        self._grants[uid] = _Grant({one.name: one.resources for one in _containers(granted)}, requests, qos_class(pod))
        self._add(requests, 1)
        return None

    def _lack(self, requests: Amounts) -> Refusal | None:
        if self._pods and len(self._grants) >= self._pods:
            return Refusal("OutOfpods", f"Node didn't have enough resource: pods, requested: 1, used: {len(self._grants)}, capacity: {self._pods}")
        for name in self._counted:
            if lack := self._lack_of(name, requests, {}):
                return Refusal(f"OutOf{name}", lack)
        return None

    def _lack_of(self, name: str, requests: Amounts, own: Amounts) -> str:
        used, room = self._used[name] - own.get(name, 0), self._room.get(name)
        if room is None or not requests[name] or requests[name] + used <= room:
            return ""
        return f"Node didn't have enough resource: {name}, requested: {requests[name]}, used: {used}, capacity: {room}"

    def _requests(self, pod: Pod) -> Amounts:
        return {name: of_pod(pod, REQUESTS, name) for name in self._counted}

    def resize(self, pod: Pod) -> None:
        """Grants what the spec asks for now, or notes why not."""
        grant = self._grants.get(pod.metadata.uid)
        if grant is None:
            return
        wanted = {one.name: one.resources for one in _containers(pod)}
        if wanted == grant.containers:
            grant.wish = None
            return
        requests = self._requests(pod)
        grant.wish = self._judge(requests, grant.requests)
        if grant.wish is None:
            self._add(grant.requests, -1)
            self._add(requests, 1)
            grant.containers, grant.requests = wanted, requests
            self._wake_waiting()

    def _judge(self, requests: Amounts, own: Amounts) -> Wish | None:
        for name in RESIZABLE:
            room = self._room.get(name)
            if room is not None and requests[name] > room:
                return Wish(INFEASIBLE, f"Node didn't have enough capacity: {name}, requested: {requests[name]}, capacity: {room}")
        for name in RESIZABLE:
            if requests[name] > own[name] and (lack := self._lack_of(name, requests, own)):
                return Wish(DEFERRED, lack)
        return None

    def granted(self, pod: Pod) -> Pod:
        """The pod as it may run."""
        grant = self._grants.get(pod.metadata.uid)
        return _with(pod, grant.containers) if grant is not None else pod

    def wish(self, uid: str) -> Wish | None:
        grant = self._grants.get(uid)
        return grant.wish if grant else None

    def release(self, uid: str) -> None:
        """Nothing of it runs any more, or ever will."""
        if grant := self._grants.pop(uid, None):
            self._add(grant.requests, -1)
            self._wake_waiting()

    def burstable_cpu(self) -> int:
        return sum(one.requests["cpu"] for one in self._grants.values() if one.qos == BURSTABLE)

    def _add(self, requests: Amounts, sign: int) -> None:
        for name in self._counted:
            self._used[name] += sign * requests[name]
        self._changed()

    def _wake_waiting(self) -> None:
        for uid, grant in self._grants.items():
            if grant.wish is not None and grant.wish.reason == DEFERRED:
                self._wake(uid)


def _containers(pod: Pod) -> tuple[Container, ...]:
    return (*pod.spec.init_containers, *pod.spec.containers)


def _with(pod: Pod, resources: Mapping[str, ResourceRequirements]) -> Pod:
    """The pod with other resources for some of its containers; itself where nothing differs."""
    if all(resources.get(one.name, one.resources) == one.resources for one in _containers(pod)):
        return pod

    def changed(containers: tuple[Container, ...]) -> tuple[Container, ...]:
        return tuple(one.evolve(resources=resources.get(one.name, one.resources)) for one in containers)
    return pod.evolve(spec=pod.spec.evolve(init_containers=changed(pod.spec.init_containers), containers=changed(pod.spec.containers)))
