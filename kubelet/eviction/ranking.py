"""Which pod has to go when a node is short of something: first who uses more than it asked for, then the less important, then who uses
most beyond what it asked for. And what is said to it. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.quantity import Quantity
from kubelet.eviction.thresholds import INODES, PROCESSES, STORAGE, Observations, Threshold
from kubelet.eviction.usage import ContainerUsage, PodUsage, as_text
from kubelet.resources import CRITICAL_PRIORITY, REQUESTS, of_pod

SOURCE, MIRROR = "kubernetes.io/config.source", "kubernetes.io/config.mirror"


def is_critical(pod: Pod) -> bool:
    """The node cannot do without it: static pods, and those of the highest priorities."""
    annotations = pod.metadata.annotations
    is_static = annotations.get(SOURCE, "api") != "api" or MIRROR in annotations
    return is_static or (pod.spec.priority or 0) >= CRITICAL_PRIORITY


def ranked(pods: Iterable[Pod], usage: Mapping[str, PodUsage], resource: str) -> list[Pod]:
    """The first to go first. `usage`: uid -> what is known; of whom nothing is known goes before all others."""
    def key(pod: Pod) -> tuple[Any, ...]:
        priority, used = pod.spec.priority or 0, usage.get(pod.metadata.uid)
        if used is None:
            return (False,)
        if resource == PROCESSES:
            return True, priority, -used.processes
        beyond = _used(used, resource) - _requested(pod, resource)
        return True, beyond <= 0, priority, -beyond
    return sorted(pods, key=key)


def _used(used: PodUsage, resource: str) -> int:
    return used.disk.bytes if resource == STORAGE else used.disk.inodes if resource == INODES else used.memory


def _requested(pod: Pod, resource: str) -> int:
    return 0 if resource == INODES else of_pod(pod, REQUESTS, resource)


def message(pod: Pod, used: PodUsage | None, resource: str, thresholds: Iterable[Threshold], seen: Observations) -> str:
    """In upstream's words."""
    text = f"The node was low on resource: {resource}. "
    for threshold in thresholds:
        if threshold.resource == resource and (observed := seen.get(threshold.signal)) is not None:
            text += f"Threshold quantity: {threshold.amount.of(observed.capacity)}, available: {observed.available}. "
            break
    if used is None:
        return text
    if resource == "memory" and pod.spec.resources is not None and resource in pod.spec.resources.requests:
        text += _consumption("Pod", pod.metadata.name, used.memory, pod.spec.resources.requests[resource], resource)
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        amount = _of_container(used.containers.get(container.name), resource)
        request = container.resources.requests.get(resource, "0")
        if amount is not None and Quantity.of(amount) > Quantity.parse(request):
            text += _consumption("Container", container.name, amount, request, resource)
    return text


def _consumption(kind: str, name: str, used: int, request: str, resource: str) -> str:
    return f"{kind} {name} was using {as_text(used)}, request is {Quantity.parse(request)}, has larger consumption of {resource}. "


def _of_container(used: ContainerUsage | None, resource: str) -> int | None:
    if used is None or resource not in ("memory", STORAGE):
        return None
    return used.memory if resource == "memory" else used.disk.bytes
