"""The extension points of scheduling, in the order a cycle calls them, and the slim views that plugins see.

A cycle is synchronous: nothing else runs between its first filter and the assumption of its result, so the cache is its own
snapshot. Plugins are stateless; what they compute once per pod they return from `look` or `prepare`.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from kubeapi.generated.models.core_v1 import Affinity, Node, Pod, Taint, Toleration, TopologySpreadConstraint
from kubeapi.labels import Selector
from kubeapi.meta import ObjectKey
from scheduler.ports import HostPort, host_ports
from scheduler.resources import Resources, pod_requests, pod_requests_for_scoring

if TYPE_CHECKING:
    from scheduler.matching import Matchers

MAX_SCORE = 100


class Code(Enum):
    """UNRESOLVABLE: not even evicting pods would help."""

    SUCCESS = 0
    UNSCHEDULABLE = 2
    UNRESOLVABLE = 3


@dataclass(frozen=True, slots=True)
class Status:
    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""


SUCCESS = Status(Code.SUCCESS)


class Happening(Flag):
    """What may make an unschedulable pod schedulable."""

    NODE_ADDED = auto()
    NODE_REMOVED = auto()
    NODE_ALLOCATABLE = auto()
    NODE_LABELS = auto()
    NODE_TAINTS = auto()              # and spec.unschedulable
    ASSIGNED_POD_ADDED = auto()
    ASSIGNED_POD_LABELS = auto()
    ASSIGNED_POD_DELETED = auto()     # or ended, or shrunk
    NOTHING = 0


@dataclass(frozen=True, slots=True)
class PodInfo:
    """What scheduling needs of a pod: a tenth of the whole."""

    key: ObjectKey
    uid: str
    resource_version: str
    node_name: str
    scheduler_name: str
    priority: int
    labels: Mapping[str, str]
    requests: Resources
    scoring_requests: Resources
    node_selector: Mapping[str, str]
    affinity: Affinity | None
    tolerations: tuple[Toleration, ...]
    is_terminal: bool
    is_terminating: bool
    gates: tuple[str, ...] = ()
    host_ports: frozenset[HostPort] = frozenset()
    spread: tuple[TopologySpreadConstraint, ...] = ()
    controller: tuple[str, str] | None = None       # kind and name
    images: tuple[str, ...] = ()       # of every container, as nodes name them
    told_unschedulable: str = ""       # the message of its PodScheduled condition, when False

    @classmethod
    def of(cls, pod: Pod) -> PodInfo:
        spec, status = pod.spec, pod.status
        owner = next((one for one in pod.metadata.owner_references if one.controller), None)
        condition = next((one for one in status.conditions if one.type == "PodScheduled"), None)
        return cls(
            key=ObjectKey(pod.metadata.namespace, pod.metadata.name), uid=pod.metadata.uid,
            resource_version=pod.metadata.resource_version, node_name=spec.node_name, scheduler_name=spec.scheduler_name,
            priority=spec.priority or 0, labels=pod.metadata.labels, requests=pod_requests(spec),
            scoring_requests=pod_requests_for_scoring(spec), node_selector=spec.node_selector, affinity=spec.affinity,
            tolerations=spec.tolerations, is_terminal=status.phase in ("Succeeded", "Failed"),
            is_terminating=pod.metadata.deletion_timestamp is not None,
            gates=tuple(gate.name for gate in spec.scheduling_gates), host_ports=host_ports(spec),
            spread=spec.topology_spread_constraints, controller=(owner.kind, owner.name) if owner is not None else None,
            images=tuple(image_name(one.image) for one in (*spec.init_containers, *spec.containers)),
            told_unschedulable=condition.message if condition is not None and condition.status == "False" else "")


def image_name(image: str) -> str:
    """With the tag that is meant when none is given."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; `pod` is the assigned pod it happened to."""

    happening: Happening
    pod: PodInfo | None = None


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

    def update(self, node: Node) -> Happening:
        """Takes over the node's facts; what of them changed."""
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

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.uid] = pod
        self.requested = self.requested + pod.requests
        self.scoring_requested = self.scoring_requested + pod.scoring_requests
        if pod.host_ports:
            self.ports.update(pod.host_ports)

    def remove(self, uid: str) -> None:
        pod = self.pods.pop(uid)
        self.requested = self.requested - pod.requests
        self.scoring_requested = self.scoring_requested - pod.scoring_requests
        if pod.host_ports:
            self.ports -= Counter(pod.host_ports)


class Cluster(Protocol):
    """What plugins may ask beyond one node."""

    @property
    def nodes(self) -> Sequence[NodeInfo]: ...
    def node(self, name: str) -> NodeInfo | None: ...
    def nodes_with_image(self, name: str) -> int: ...
    def count(self, matchers: Matchers) -> Mapping[str, int]: ...       # pods by node, where there are any
    def fellows(self, pod: PodInfo) -> Selector | None: ...


class GatePlugin(Protocol):
    """What a pod must pass to enter the queue; only a change of the pod itself can open it."""

    name: ClassVar[str]

    def admits(self, pod: PodInfo) -> bool: ...


class Check(Protocol):
    """A filter made for one pod."""

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status: ...


class FilterPlugin(Protocol):
    """`look` is called once per pod and cycle; None: no node can fail this pod. `helped_by` names what can turn a no into a yes."""

    name: ClassVar[str]
    helped_by: ClassVar[Happening]

    def look(self, pod: PodInfo, cluster: Cluster) -> Check | None: ...

    def helps(self, pod: PodInfo, event: Event) -> bool:
        """Whether an event of those kinds may really help this pod; when in doubt it may."""
        ...


class NodeFilter:
    """A FilterPlugin that judges each node by itself."""

    def look(self, pod: PodInfo, cluster: Cluster) -> Self | None:
        return self

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        raise NotImplementedError

    def helps(self, pod: PodInfo, event: Event) -> bool:
        return True


class ScorePlugin(Protocol):
    """From 0 to MAX_SCORE for each node; None: all nodes are equal to this pod."""

    name: ClassVar[str]
    weight: ClassVar[int]

    def scores(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> Sequence[int] | None: ...


class NodeScore:
    """A ScorePlugin that judges each node by itself: `score` per node, of what `prepare` made of the pod."""

    def prepare(self, pod: PodInfo) -> Any:
        return None

    def score(self, prepared: Any, pod: PodInfo, node: NodeInfo) -> int:
        raise NotImplementedError

    def normalize(self, scores: list[int]) -> list[int]:
        return scores

    def scores(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> Sequence[int] | None:
        prepared, score = self.prepare(pod), self.score
        return self.normalize([score(prepared, pod, node) for node in nodes])


def scaled_to_maximum(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scores relative to the largest; `reverse` makes the smallest the best."""
    largest = max(scores, default=0)
    if largest == 0:
        return [MAX_SCORE if reverse else 0] * len(scores)
    scaled = [score * MAX_SCORE // largest for score in scores]
    return [MAX_SCORE - score for score in scaled] if reverse else scaled
