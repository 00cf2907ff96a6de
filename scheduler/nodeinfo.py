"""A node as scheduling sees it, and what its pods hold of it."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from kubeapi.generated.models.core_v1 import Node, Taint
from scheduler.events import Happening
from scheduler.podinfo import PodInfo
from scheduler.ports import HostPort
from scheduler.resources import Resources


@dataclass(slots=True)
class NodeInfo:
    """A node and what its pods hold of it. Only the cache changes it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    is_unschedulable: bool = False
    allocatable: Resources = Resources()
    allowed_pods: int = 0
    images: Mapping[str, int] = field(default_factory=dict)         # name -> bytes
    exists: bool = False               # False: pods were seen before their node
    pods: dict[str, PodInfo] = field(default_factory=dict)         # by uid
    requested: Resources = Resources()
    scoring_requested: Resources = Resources()
    ports: Counter[HostPort] = field(default_factory=Counter)
    version: int = 0                   # another one after every change

    def update(self, node: Node) -> Happening:
        """Takes over the node's facts; what of them changed."""
        self.version += 1
        happened = Happening.NOTHING if self.exists else Happening.NODE_ADDED
        quantities = node.status.allocatable if node.status is not None else {}
        allocatable = Resources.parse(quantities)
        allowed_pods = int(quantities.get("pods", "0"))
        if (allocatable, allowed_pods) != (self.allocatable, self.allowed_pods):
            happened |= Happening.NODE_ALLOCATABLE
        if node.metadata.labels != self.labels:
            happened |= Happening.NODE_LABELS
        if (node.spec.taints, node.spec.unschedulable) != (self.taints, self.is_unschedulable):
            happened |= Happening.NODE_TAINTS
        images = node.status.images if node.status is not None else ()
        self.images = {name: image.size_bytes for image in images for name in image.names}
        self.exists, self.labels, self.taints = True, node.metadata.labels, node.spec.taints
        self.is_unschedulable, self.allocatable, self.allowed_pods = node.spec.unschedulable, allocatable, allowed_pods
        return happened

    def copy(self) -> Self:
        """One whose pods can come and go without any consequence."""
        return replace(self, pods=dict(self.pods), ports=Counter(self.ports))

    def add(self, pod: PodInfo) -> None:
        self.version += 1
        self.pods[pod.uid] = pod
        self.requested = self.requested + pod.requests
        self.scoring_requested = self.scoring_requested + pod.scoring_requests
        if pod.host_ports:
            self.ports.update(pod.host_ports)

    def remove(self, uid: str) -> None:
        self.version += 1
        pod = self.pods.pop(uid)
        self.requested = self.requested - pod.requests
        self.scoring_requested = self.scoring_requested - pod.scoring_requests
        if pod.host_ports:
            self.ports -= Counter(pod.host_ports)
