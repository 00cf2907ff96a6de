"""One decision: the node for a pod, or why there is none. Pure over the cache's NodeInfos."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubeapi.world import World
from scheduler.events import Event, Happening
from scheduler.filters import Filters
from scheduler.framework import SUCCESS, Cluster, FilterPlugin, Rescue, Status
from scheduler.judgements import Judgements, Search
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo
from scheduler.profile import Profile

# With many nodes the search stops at a share of them (upstream's adaptive figures).
ALL_NODES_UP_TO = 100
SHARE_FLOOR_PERCENT = 5


@dataclass(frozen=True, slots=True)
class PluginScores:
    """What a plugin said of each fitting node, in their order."""

    plugin: str
    weight: int
    raw: Sequence[int]
    normalized: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The node, and what it was compared with; a node that was the only one or was nominated is compared with nothing."""

    node: NodeInfo
    fitting: Sequence[NodeInfo] = ()
    scores: Sequence[PluginScores] = ()
    refusals: Mapping[str, Status] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why each node refused; `helped_by` is what can change that."""

    nodes: int
    refusals: dict[str, Status] = field(default_factory=dict)
    helped_by: Happening = Happening.NODE_ADDED
    refused_by: tuple[FilterPlugin, ...] = ()
    rescue: Rescue = Rescue("")

    def is_helped(self, pod: PodInfo, event: Event) -> bool:
        """`helped_by` more exactly: what the plugins that refused think of this very event."""
        return Happening.NODE_ADDED in event.happening or any(
            bool(plugin.helped_by & event.happening) and plugin.helps(pod, event) for plugin in self.refused_by)

    @property
    def message(self) -> str:
        """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
        if not self.refusals:
            return f"0/{self.nodes} nodes are available: no nodes available to schedule pods."
        counts = Counter(reason for status in self.refusals.values() for reason in status.reasons)
        told = sorted(f"{count} {reason}" for reason, count in counts.items())
        why = f"0/{self.nodes} nodes are available: {', '.join(told)}."
        return f"{why} {self.rescue.message}" if self.rescue.message else why


def enough_nodes(count: int, percentage: int = 0) -> int:
    """How many fitting nodes end the search."""
    if count <= ALL_NODES_UP_TO:
        return count
    percentage = percentage or max(SHARE_FLOOR_PERCENT, 50 - count // 125)
    return max(ALL_NODES_UP_TO, count * percentage // 100)


def choose(profile: Profile, pod: PodInfo, cluster: Cluster, search: Search, world: World) -> Chosen | Diagnosis:
    filters = Filters(profile.filters, pod, cluster)
    if (nominated := _nominated(filters, cluster)) is not None:
        return Chosen(nominated, (nominated,))
    judged = search.judgements(profile, pod, cluster.nodes)
    found, refusals = _filtered(filters, judged, search, enough_nodes(len(cluster.nodes), profile.percentage_of_nodes))
    if not found:
        return _diagnosed(profile, filters, cluster, refusals, world)
    fitting = [judged.nodes[index] for index in found]
    if len(fitting) == 1:
        return Chosen(fitting[0], fitting, (), refusals)
    scores = scores_of(profile, pod, cluster, fitting, judged.raw_scores(found))
    totals = total(scores, len(fitting))
    best = max(totals)
    winners = [node for node, score in zip(fitting, totals, strict=True) if score == best]
    return Chosen(winners[0] if len(winners) == 1 else world.random.choice(winners), fitting, scores, refusals)


def _nominated(filters: Filters, cluster: Cluster) -> NodeInfo | None:
    """Where others have made room for the pod, if it fits there now."""
    name = cluster.nominated.node_of(filters.pod.uid)
    node = cluster.node(name) if name is not None else None
    return node if node is not None and node.exists and filters.verdict(node) is SUCCESS else None


def _filtered(filters: Filters, judged: Judgements, search: Search, wanted: int) -> tuple[list[int], dict[str, Status]]:
    """The indexes of nodes that fit, and who refused which of the others."""
    count, fitting, refusals = len(judged.nodes), list[int](), dict[str, Status]()
    start, looked_at, look_further = search.start, 0, filters.look_further
    for index in (*range(start, count), *range(min(start, count))):
        looked_at += 1
        status = judged.status(index)
        if look_further and status is SUCCESS:
            status = filters.further_verdict(judged.nodes[index])
        if status is not SUCCESS:
            refusals[judged.nodes[index].name] = status
            continue
        fitting.append(index)
        if len(fitting) >= wanted:
            break
    search.start = (start + looked_at) % count if count else 0
    return fitting, refusals


def scores_of(profile: Profile, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo], known: Mapping[str, Sequence[int]]) -> list[PluginScores]:
    """*known*: raw scores of plugins that need not be asked again."""
    return [PluginScores(one.plugin.name, one.weight, raw, one.plugin.normalized(raw)) for one in profile.scores
            if (raw := known.get(one.plugin.name) or one.plugin.raw(pod, cluster, nodes)) is not None]


def total(scores: Iterable[PluginScores], nodes: int) -> list[int]:
    """The weighted sum of all plugins' normalized scores, per node."""
    totals = [0] * nodes
    for one in scores:
        weight = one.weight
        totals = [total + weight * score for total, score in zip(totals, one.normalized, strict=True)]
    return totals


def _diagnosed(profile: Profile, filters: Filters, cluster: Cluster, refusals: dict[str, Status], world: World) -> Diagnosis:
    helped_by = Happening.NODE_ADDED
    refusing = {status.plugin for status in refusals.values()}
    refused_by = tuple(plugin for plugin in profile.filters if plugin.name in refusing)
    for plugin in refused_by:
        helped_by |= plugin.helped_by
    rescue = Rescue("")
    for rescuer in profile.post_filters if refusals else ():
        rescue = rescuer.rescue(filters, cluster, refusals, world)
        if rescue.node:
            break
    return Diagnosis(len(cluster.nodes), refusals, helped_by, refused_by, rescue)
