"""What a pod asks for and what a node has: cpu in millicores, memory and ephemeral storage in bytes, others as they count.

Source: KEP-753 (sidecars), KEP-2837 (pod-level resources), KEP-688 (overhead) for the sum over a pod's containers.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kubeapi.generated.models.core_v1 import Container, PodSpec
from kubeapi.quantity import Quantity

# What scoring assumes of a container that asks for nothing, so that such pods spread too (upstream's figures).
ASSUMED_MILLI_CPU = 100
ASSUMED_MEMORY = 200 * 1024 * 1024
NO_OTHERS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Resources:
    milli_cpu: int = 0
    memory: int = 0
    ephemeral_storage: int = 0
    others: Mapping[str, int] = field(default_factory=lambda: NO_OTHERS)

    @classmethod
    def parse(cls, quantities: Mapping[str, str]) -> Resources:
        others = {name: Quantity.parse(text).value() for name, text in quantities.items()
                  if name not in ("cpu", "memory", "ephemeral-storage", "pods")}
        return cls(
            Quantity.parse(quantities.get("cpu", "0")).milli_value(), Quantity.parse(quantities.get("memory", "0")).value(),
            Quantity.parse(quantities.get("ephemeral-storage", "0")).value(), others or NO_OTHERS)

    @property
    def parts(self) -> tuple[int, int, int, frozenset[tuple[str, int]]]:
        return self.milli_cpu, self.memory, self.ephemeral_storage, frozenset(self.others.items())

    def amount(self, name: str) -> int:
        match name:
            case "cpu":
                return self.milli_cpu
            case "memory":
                return self.memory
            case "ephemeral-storage":
                return self.ephemeral_storage
        return self.others.get(name, 0)

    def __add__(self, more: Resources) -> Resources:
        return self._combined(more, lambda mine, other: mine + other)

    def __sub__(self, less: Resources) -> Resources:
        return self._combined(less, lambda mine, other: mine - other)

    def at_least(self, other: Resources) -> Resources:
        """The larger of each."""
        return self._combined(other, max)

    def _combined(self, other: Resources, of: Callable[[int, int], int]) -> Resources:
        names = self.others.keys() | other.others.keys()
        others = {name: of(self.others.get(name, 0), other.others.get(name, 0)) for name in names} if names else NO_OTHERS
        return Resources(of(self.milli_cpu, other.milli_cpu), of(self.memory, other.memory),
                         of(self.ephemeral_storage, other.ephemeral_storage), others)


def pod_requests(spec: PodSpec) -> Resources:
    """The most the pod holds at any moment of its life: init containers run one by one beside the sidecars before them."""
    return _over_life(spec, {name: Resources.parse(requests) for name, requests in _requests_of(spec)})


def pod_requests_for_scoring(spec: PodSpec) -> Resources:
    """The same, but a container that asks for no cpu or memory counts with a small assumed amount."""
    return _over_life(spec, {name: _with_assumed(requests) for name, requests in _requests_of(spec)})


def _requests_of(spec: PodSpec) -> Iterable[tuple[str, Mapping[str, str]]]:
    return ((container.name, container.resources.requests) for container in (*spec.init_containers, *spec.containers))


def _with_assumed(requests: Mapping[str, str]) -> Resources:
    told = Resources.parse(requests)
    return Resources(told.milli_cpu if "cpu" in requests else ASSUMED_MILLI_CPU, told.memory if "memory" in requests else ASSUMED_MEMORY,
                     told.ephemeral_storage, told.others)


def _over_life(spec: PodSpec, requests: Mapping[str, Resources]) -> Resources:
    running = Resources()
    for container in spec.containers:
        running = running + requests[container.name]
    sidecars, initializing = Resources(), Resources()
    for container in spec.init_containers:
        if is_sidecar(container):
            sidecars = sidecars + requests[container.name]
            initializing = initializing.at_least(sidecars)
        else:
            initializing = initializing.at_least(sidecars + requests[container.name])
    total = (running + sidecars).at_least(initializing)
    if spec.resources is not None and spec.resources.requests:
        told = Resources.parse(spec.resources.requests)
        total = Resources(told.milli_cpu if "cpu" in spec.resources.requests else total.milli_cpu,
                          told.memory if "memory" in spec.resources.requests else total.memory,
                          total.ephemeral_storage, total.others)
    return total + Resources.parse(spec.overhead) if spec.overhead else total


def is_sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"
