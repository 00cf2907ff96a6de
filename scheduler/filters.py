"""A profile's filters, made for one pod in one cycle: whether it fits a node, as the node is or as it would be.

Pods that are nominated to a node, because others make room for them there, count like pods that run on it, unless the asking pod
is the more important one. It must fit without them, too: they may end up elsewhere.
"""
from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from scheduler.framework import SUCCESS, Cluster, FilterPlugin, NodeFilter, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class Filters:
    def __init__(self, plugins: Sequence[FilterPlugin], pod: PodInfo, cluster: Cluster) -> None:
        self.pod = pod
        self._nominated = cluster.nominated
        self._expects = bool(cluster.nominated)
        looked = [(plugin, check) for plugin in plugins if (check := plugin.look(pod, cluster)) is not None]
        self._of_node = [check for plugin, check in looked if isinstance(plugin, NodeFilter)]
        self._of_cluster = [check for plugin, check in looked if not isinstance(plugin, NodeFilter)]

    @property
    def look_further(self) -> bool:
        """Whether more is to be known than what judging the node by itself tells."""
        return bool(self._of_cluster) or self._expects

    def verdict(self, node: NodeInfo) -> Status:
        if self._expects and (expected := self._nominated.expected(self.pod, node.name)):
            with Trial(node, self) as crowded:
                for other in expected:
                    crowded.add(other)
                if (status := self._pass(crowded.node)) is not SUCCESS:
                    return status
        return self._pass(node)

    def _pass(self, node: NodeInfo) -> Status:
        for checks in (self._of_node, self._of_cluster):
            for check in checks:
                status = check.filter(self.pod, node)
                if status is not SUCCESS:
                    return status
        return SUCCESS

    def further_verdict(self, node: NodeInfo) -> Status:
        """Of a node that would do by itself."""
        if self._expects and self._nominated.expected(self.pod, node.name):
            return self.verdict(node)
        for check in self._of_cluster:
            status = check.filter(self.pod, node)
            if status is not SUCCESS:
                return status
        return SUCCESS

    def shift(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        for check in (*self._of_node, *self._of_cluster):
            check.shift(other, node, by)


class Trial:
    """A copy of a node to which pods come and from which they go in thought; at its end the filters know nothing of it."""

    def __init__(self, node: NodeInfo, filters: Filters) -> None:
        self.node = node.copy()
        self._filters = filters
        self._moved: dict[str, tuple[PodInfo, int]] = {}

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pod, by in self._moved.values():
            self._filters.shift(pod, self.node, -by)

    def add(self, pod: PodInfo) -> None:
        self.node.add(pod)
        self._shift(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        self.node.remove(pod.uid)
        self._shift(pod, -1)

    def _shift(self, pod: PodInfo, by: int) -> None:
        self._filters.shift(pod, self.node, by)
        if self._moved.pop(pod.uid, None) is None:      # else it is back where it was
            self._moved[pod.uid] = pod, by
