"""What the plugins that judge each node by itself say of every node to pods of one shape.

Pods of one template ask the same of every node, and between two of them hardly a node has changed: only those that have are judged
anew. Plugins that look further than one node are asked in every cycle.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence

from scheduler.framework import SUCCESS, NodeFilter, NodeScore, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo
from scheduler.profile import Profile

MOST_SHAPES = 32
NOT_JUDGED = -1


class Judgements:
    def __init__(self, profile: Profile, pod: PodInfo, nodes: Sequence[NodeInfo]) -> None:
        self.nodes = nodes
        self._pod = pod
        self._filters = [plugin for plugin in profile.filters if isinstance(plugin, NodeFilter) and plugin.matters_to(pod)]
        self._scores = [(one.plugin, one.plugin.prepare(pod)) for one in profile.scores if isinstance(one.plugin, NodeScore)]
        self._versions = [NOT_JUDGED] * len(nodes)
        self._statuses = [SUCCESS] * len(nodes)
        self._raw: list[tuple[int, ...]] = [()] * len(nodes)        # of nodes that fit, by plugin

    def status(self, index: int) -> Status:
        if self._versions[index] != self.nodes[index].version:
            self._judge(index)
        return self._statuses[index]

    def _judge(self, index: int) -> None:
        pod, node = self._pod, self.nodes[index]
        self._versions[index] = node.version
        for plugin in self._filters:
            status = plugin.filter(pod, node)
            if status is not SUCCESS:
                self._statuses[index] = status
                return
        self._statuses[index] = SUCCESS
        self._raw[index] = tuple([plugin.score(prepared, pod, node) for plugin, prepared in self._scores])

    def raw_scores(self, indexes: Sequence[int]) -> Mapping[str, Sequence[int]]:
        """By plugin, of nodes that have been found to fit."""
        raw = self._raw
        columns = zip(*[raw[index] for index in indexes], strict=True)
        return {plugin.name: column for (plugin, _), column in zip(self._scores, columns, strict=True)}


class Search:
    """What one search leaves to the next: where it begins, so that all nodes get their turn where a share of them is enough, and what
    was thought of the nodes."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self._known: OrderedDict[Hashable, Judgements] = OrderedDict()

    def judgements(self, profile: Profile, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Judgements:
        key = profile.scheduler_name, pod.shape
        found = self._known.get(key)
        if found is None or found.nodes is not nodes:
            found = self._known[key] = Judgements(profile, pod, nodes)
        self._known.move_to_end(key)
        if len(self._known) > MOST_SHAPES:
            self._known.popitem(last=False)
        return found
