"""DefaultPreemption: where no node has room, less important pods of one node go; the pod is nominated to it and waits for their end."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from kubeapi.world import World
from scheduler.filters import Filters
from scheduler.framework import Cluster, Code, Rescue, Status
from scheduler.podinfo import PodInfo
from scheduler.victims import Candidate, cheapest, find_victims

# Enough candidates to choose from, in a large cluster (upstream's figures).
PERCENT_OF_NODES, AT_LEAST = 10, 100
NOT_HELPFUL = "Preemption is not helpful for scheduling"


class DefaultPreemption:
    name: ClassVar[str] = "DefaultPreemption"

    def __init__(self, percent_of_nodes: int = PERCENT_OF_NODES, at_least: int = AT_LEAST) -> None:
        self._percent, self._at_least = percent_of_nodes, at_least

    def rescue(self, filters: Filters, cluster: Cluster, refusals: Mapping[str, Status], world: World) -> Rescue:
        if (why := _why_not(filters.pod, cluster, refusals)):
            return Rescue(None, message=f"preemption: {why}")
        found = self._considered(filters, cluster, refusals, world)
        candidates = [one for one in found.values() if isinstance(one, Candidate)]
        if not candidates:
            statuses = {name: one for name, one in found.items() if isinstance(one, Status)}
            return Rescue("", message=f"preemption: {_told(statuses, len(cluster.nodes))}", considered=statuses)
        chosen = cheapest(candidates)
        return Rescue(chosen.node, chosen.victims, considered={
            name: one.victims if isinstance(one, Candidate) else one for name, one in found.items()})

    def _considered(self, filters: Filters, cluster: Cluster, refusals: Mapping[str, Status], world: World) -> dict[str, Candidate | Status]:
        """By node, those where it may help; it begins anywhere and ends when there is choice enough."""
        nodes = [node for node in cluster.nodes if (status := refusals.get(node.name)) is not None and status.code is Code.UNSCHEDULABLE]
        wanted = max(self._at_least, len(nodes) * self._percent // 100)
        start = world.random.randrange(len(nodes)) if len(nodes) > wanted else 0
        found: dict[str, Candidate | Status] = {}
        candidates, harmless = 0, 0
        for node in (*nodes[start:], *nodes[:start]):
            one = found[node.name] = find_victims(filters, node, cluster.budgets)
            if isinstance(one, Candidate):
                candidates, harmless = candidates + 1, harmless + (one.violations == 0)
            if harmless and candidates >= wanted:
                break
        return found


def _why_not(pod: PodInfo, cluster: Cluster, refusals: Mapping[str, Status]) -> str:
    """Empty if the pod may preempt others (again)."""
    if pod.never_preempts:
        return "not eligible due to preemptionPolicy=Never."
    where = cluster.nominated.node_of(pod.uid)
    if where is None or ((status := refusals.get(where)) is not None and status.code is Code.UNRESOLVABLE):
        return ""
    node = cluster.node(where)
    if node is not None and any(other.is_preempted and other.is_terminating and other.priority < pod.priority for other in node.pods.values()):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _told(found: Mapping[str, Status], nodes: int) -> str:
    counts = Counter(reason for status in found.values() for reason in status.reasons)
    if nodes > len(found):
        counts[NOT_HELPFUL] += nodes - len(found)
    return f"0/{nodes} nodes are available: {', '.join(sorted(f'{count} {reason}' for reason, count in counts.items()))}."
