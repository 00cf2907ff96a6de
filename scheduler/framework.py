"""The extension points of scheduling, in the order a cycle calls them.

A cycle is synchronous: nothing else runs between its first filter and the assumption of its result, so the cache is its own
snapshot. Plugins are stateless; what they compute once per pod they return from `look` or `prepare`.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from kubeapi.labels import Selector
from kubeapi.world import World
from scheduler.budgets import Budget
from scheduler.events import Event, Happening
from scheduler.matching import HeldTerms, Matchers
from scheduler.nodeinfo import NodeInfo
from scheduler.nominations import Nominations
from scheduler.podaffinity import Namespaces
from scheduler.podinfo import PodInfo

if TYPE_CHECKING:
    from scheduler.filters import Filters

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


class Cluster(Protocol):
    """What plugins may ask beyond one node."""

    @property
    def nodes(self) -> Sequence[NodeInfo]: ...
    def node(self, name: str) -> NodeInfo | None: ...
    def nodes_with_image(self, name: str) -> int: ...
    def count(self, matchers: Matchers) -> Mapping[str, int]: ...       # pods by node, where there are any
    def fellows(self, pod: PodInfo) -> Selector | None: ...

    @property
    def held(self) -> HeldTerms: ...
    @property
    def namespaces(self) -> Namespaces: ...
    @property
    def nominated(self) -> Nominations: ...
    @property
    def budgets(self) -> Iterable[Budget]: ...


class GatePlugin(Protocol):
    """What a pod must pass to enter the queue; only a change of the pod itself can open it."""

    name: ClassVar[str]

    def admits(self, pod: PodInfo) -> bool: ...


class Check(Protocol):
    """A filter made for one pod."""

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status: ...

    def shift(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        """As if *other* had come to the node (1), or left it (-1); the NodeInfo itself is the caller's to change."""
        ...


class FilterPlugin(Protocol):
    """`look` is called once per pod and cycle; None: no node can fail this pod. `helped_by` names what can turn a no into a yes."""

    name: ClassVar[str]
    helped_by: ClassVar[Happening]

    def look(self, pod: PodInfo, cluster: Cluster) -> Check | None: ...

    def helps(self, pod: PodInfo, event: Event) -> bool:
        """Whether an event of those kinds may really help this pod; when in doubt it may."""
        ...


class NodeFilter(ABC):
    """A FilterPlugin that judges each node by itself: of the pod it sees no more than what is in its shape."""

    name: ClassVar[str]

    def matters_to(self, pod: PodInfo) -> bool:
        return True

    def look(self, pod: PodInfo, cluster: Cluster) -> Self | None:
        return self if self.matters_to(pod) else None

    @abstractmethod
    def filter(self, pod: PodInfo, node: NodeInfo) -> Status: ...

    def shift(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        return                      # the NodeInfo says it all

    def helps(self, pod: PodInfo, event: Event) -> bool:
        return True


class ScorePlugin(Protocol):
    """`raw` says in the plugin's own measure how good each node is; None: all nodes are equal to this pod. `normalized` makes of it
    scores from 0 to MAX_SCORE, which are weighted and added up."""

    name: ClassVar[str]

    def raw(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> Sequence[int] | None: ...
    def normalized(self, raw: Sequence[int]) -> Sequence[int]: ...


class NodeScore(ABC):
    """A ScorePlugin that judges each node by itself, too: `score` per node, of what `prepare` made of the pod."""

    name: ClassVar[str]

    def prepare(self, pod: PodInfo) -> Any:
        return None

    @abstractmethod
    def score(self, prepared: Any, pod: PodInfo, node: NodeInfo) -> int: ...

    def raw(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> Sequence[int] | None:
        prepared, score = self.prepare(pod), self.score
        return [score(prepared, pod, node) for node in nodes]

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        return raw


def scaled_to_maximum(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scores relative to the largest; `reverse` makes the smallest the best."""
    largest = max(scores, default=0)
    if largest == 0:
        return [MAX_SCORE if reverse else 0] * len(scores)
    scaled = [score * MAX_SCORE // largest for score in scores]
    return [MAX_SCORE - score for score in scaled] if reverse else scaled


@dataclass(frozen=True, slots=True)
class Rescue:
    """What a post-filter plugin found for a pod that fits nowhere: a node, and who has to go from it. An empty node: none will do, and
    where the pod hoped to come is void; None: it goes on hoping."""

    node: str | None
    victims: Sequence[PodInfo] = ()
    message: str = ""
    considered: Mapping[str, Sequence[PodInfo] | Status] = field(default_factory=dict)     # by node: victims, or why none


class PostFilterPlugin(Protocol):
    """Asked when no node has passed the filters."""

    name: ClassVar[str]

    def rescue(self, filters: Filters, cluster: Cluster, refusals: Mapping[str, Status], world: World) -> Rescue: ...
