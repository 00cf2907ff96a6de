"""NodeResourcesFit: what the pod requests must be left on the node, and there must be room for one more pod; the more is left, or the
less, by the scoring strategy, the better."""
from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from scheduler.allocation import Strategy, least_allocated, weighted
from scheduler.events import Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, NodeScore, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class NodeResourcesFit(NodeFilter, NodeScore):
    name: ClassVar[str] = "NodeResourcesFit"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.NODE_ALLOCATABLE | Happening.ASSIGNED_POD_DELETED

    def __init__(self, strategy: Strategy | None = None, ignored: Iterable[str] = (), ignored_groups: Iterable[str] = ()) -> None:
        """*ignored*: extended resources that are not looked at, by name and by what stands before the slash."""
        self._strategy = strategy or weighted(least_allocated)
        self._ignored, self._ignored_groups = frozenset(ignored), frozenset(ignored_groups)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        wanted, used, there = pod.requests, node.requested, node.allocatable
        if (len(node.pods) < node.allowed_pods and used.milli_cpu + wanted.milli_cpu <= there.milli_cpu
                and used.memory + wanted.memory <= there.memory and not wanted.ephemeral_storage and not wanted.others):
            return SUCCESS                      # nearly every call ends here
        return self._verdict(pod, node)

    def _verdict(self, pod: PodInfo, node: NodeInfo) -> Status:
        """Every resource that is short; unresolvable when an empty node would not do either."""
        wanted, used, there = pod.requests, node.requested, node.allocatable
        short = [] if len(node.pods) < node.allowed_pods else ["Too many pods"]
        impossible = False
        rows = [("cpu", wanted.milli_cpu, used.milli_cpu, there.milli_cpu), ("memory", wanted.memory, used.memory, there.memory),
                ("ephemeral-storage", wanted.ephemeral_storage, used.ephemeral_storage, there.ephemeral_storage)]
        rows += [(name, amount, used.others.get(name, 0), there.others.get(name, 0)) for name, amount in wanted.others.items()
                 if name not in self._ignored and name.partition("/")[0] not in self._ignored_groups]
        for name, amount, taken, has in rows:
            if amount and amount > has - taken:
                short.append(f"Insufficient {name}")
                impossible |= amount > has
        if not short:
            return SUCCESS
        return Status(Code.UNRESOLVABLE if impossible else Code.UNSCHEDULABLE, tuple(short), self.name)

    def score(self, prepared: None, pod: PodInfo, node: NodeInfo) -> int:
        return self._strategy(pod, node)
