"""What a pod uses of its node, and where that is more of the local disk than it was given. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import Pod, Volume
from kubeapi.quantity import Format, Quantity
from kubelet.eviction.thresholds import STORAGE
from kubelet.resources import LIMITS, of_pod

IN_MEMORY = ("Memory", "HugePages")


@dataclass(frozen=True, slots=True)
class DiskUsage:
    bytes: int = 0
    inodes: int = 0

    def __add__(self, other: DiskUsage) -> DiskUsage:
        return DiskUsage(self.bytes + other.bytes, self.inodes + other.inodes)


NO_DISK = DiskUsage()


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """`disk`: what it wrote into its root, and its logs."""

    disk: DiskUsage = NO_DISK
    memory: int = 0


@dataclass(frozen=True, slots=True)
class PodUsage:
    containers: Mapping[str, ContainerUsage] = field(default_factory=dict)
    volumes: Mapping[str, DiskUsage] = field(default_factory=dict)       # emptyDirs that lie on the disk
    processes: int = 0

    @property
    def memory(self) -> int:
        return sum(one.memory for one in self.containers.values())

    @property
    def disk(self) -> DiskUsage:
        return total([*(one.disk for one in self.containers.values()), *self.volumes.values()])


def total(usages: Iterable[DiskUsage]) -> DiskUsage:
    found = NO_DISK
    for one in usages:
        found += one
    return found


def is_on_disk(volume: Volume) -> bool:
    """An emptyDir that is neither memory nor huge pages."""
    return volume.empty_dir is not None and not (volume.empty_dir.medium or "").startswith(IN_MEMORY)


def is_limited(pod: Pod) -> bool:
    """Whether there is anything on the disk that it may have too much of."""
    return _limit(pod) is not None or any(is_on_disk(one) and _size_limit(one) for one in pod.spec.volumes)


def excess(pod: Pod, used: PodUsage) -> str:
    """What it has too much of, in upstream's words; "" where all is well."""
    for volume in pod.spec.volumes:
        size = _size_limit(volume)
        if size and Quantity.of(used.volumes.get(volume.name, NO_DISK).bytes) > size:
            return f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{size}". '
    limit = _limit(pod)
    if limit is not None and Quantity.of(used.disk.bytes) > limit:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
    for container in pod.spec.containers:
        own = Quantity.parse(container.resources.limits.get(STORAGE, "0"))
        if own and Quantity.of(used.containers.get(container.name, ContainerUsage()).disk.bytes) > own:
            return f'Container {container.name} exceeded its local ephemeral storage limit "{own}". '
    return ""


def _size_limit(volume: Volume) -> Quantity | None:
    """None for any size."""
    text = volume.empty_dir.size_limit if volume.empty_dir is not None else None
    return Quantity.parse(text) or None if text else None


def _limit(pod: Pod) -> Quantity | None:
    """Of all its containers together, as far as they have one."""
    given = [one.resources.limits[STORAGE] for one in (*pod.spec.containers, *pod.spec.init_containers) if STORAGE in one.resources.limits]
    return Quantity.of(of_pod(pod, LIMITS, STORAGE), Quantity.parse(given[0]).format) if given else None


def as_text(bytes: int) -> Quantity:
    return Quantity.of(bytes, Format.BINARY_SI)
