"""What the scheduler believes: every node and the pods on it, those it has just decided on (assumed) included.

An assumed pod counts until a watch shows it bound (confirmed), shows it gone, or binding fails (forgotten).
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kubeapi.generated.models.core_v1 import Node
from kubeapi.labels import Selector
from kubeapi.meta import ObjectKey
from scheduler.budgets import Budget
from scheduler.events import Happening
from scheduler.matching import HeldTerms, Matchers, Tallies
from scheduler.nodeinfo import NodeInfo
from scheduler.nominations import Nominations
from scheduler.podinfo import PodInfo
from scheduler.workloads import Workloads


class Cache:
    def __init__(self) -> None:
        self.workloads = Workloads()
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.held = HeldTerms()
        self.nominated = Nominations()
        self._budgets: dict[ObjectKey, Budget] = {}
        self._tallies = Tallies()
        self._nodes: dict[str, NodeInfo] = {}
        self._where: dict[str, str] = {}        # pod uid -> node
        self._assumed: set[str] = set()
        self._listed: list[NodeInfo] | None = None
        self._images: Counter[str] = Counter()  # on how many nodes

    @property
    def nodes(self) -> list[NodeInfo]:
        """The nodes that exist; the same list until a node comes or goes."""
        if self._listed is None:
            self._listed = [node for node in self._nodes.values() if node.exists]
        return self._listed

    def node(self, name: str) -> NodeInfo | None:
        return self._nodes.get(name)

    def nodes_with_image(self, name: str) -> int:
        return self._images[name]

    @property
    def budgets(self) -> Iterable[Budget]:
        return self._budgets.values()

    def count(self, matchers: Matchers) -> Mapping[str, int]:
        return self._tallies.count(matchers, self._nodes.values())

    def fellows(self, pod: PodInfo) -> Selector | None:
        return self.workloads.fellows(pod)

    def update_node(self, node: Node) -> Happening:
        known = self._node(node.metadata.name)
        before = known.images
        happened = known.update(node)
        if known.images.keys() != before.keys():
            self._images.subtract(before.keys())
            self._images.update(known.images.keys())
        if Happening.NODE_ADDED in happened:
            self._listed = None
        return happened

    def remove_node(self, name: str) -> Happening:
        """Its pods may still be watched for a while: they stay with a node that does not exist."""
        node = self._nodes[name]
        node.exists, self._listed = False, None
        self._images.subtract(node.images.keys())
        node.images = {}
        self._drop_if_empty(node)
        return Happening.NODE_REMOVED

    def update_namespace(self, name: str, labels: Mapping[str, str]) -> Happening:
        happened = Happening.NOTHING if self.namespaces.get(name) == labels else Happening.NAMESPACE_LABELS
        self.namespaces[name] = labels
        return happened

    def remove_namespace(self, name: str) -> None:
        self.namespaces.pop(name, None)

    def update_budget(self, budget: Budget) -> None:
        self._budgets[budget.key] = budget

    def remove_budget(self, key: ObjectKey) -> None:
        self._budgets.pop(key, None)

    def assume(self, pod: PodInfo, node: str) -> None:
        self._place(pod, node)
        self._assumed.add(pod.uid)

    def forget(self, pod: PodInfo) -> None:
        """Takes an assumption back; a pod that has been confirmed meanwhile stays."""
        if pod.uid in self._assumed:
            self._assumed.discard(pod.uid)
            self._displace(pod.uid)

    def is_assumed(self, uid: str) -> bool:
        return uid in self._assumed

    def update_pod(self, pod: PodInfo) -> Happening:
        """A pod that has a node, as the API shows it."""
        if pod.is_terminal:
            return self.remove_pod(pod.uid)
        where = self._where.get(pod.uid)
        before = self._nodes[where].pods[pod.uid] if where is not None else None
        is_new = before is None or pod.uid in self._assumed
        self._assumed.discard(pod.uid)
        self._place(pod, pod.node_name)
        happened = Happening.ASSIGNED_POD_ADDED if is_new else Happening.NOTHING
        if before is not None and before.requests != pod.requests:
            happened |= Happening.ASSIGNED_POD_DELETED
        if before is not None and (before.labels, before.is_terminating) != (pod.labels, pod.is_terminating):
            happened |= Happening.ASSIGNED_POD_LABELS
        return happened

    def remove_pod(self, uid: str) -> Happening:
        self._assumed.discard(uid)
        if uid not in self._where:
            return Happening.NOTHING
        self._displace(uid)
        return Happening.ASSIGNED_POD_DELETED

    def _node(self, name: str) -> NodeInfo:
        if name not in self._nodes:
            self._nodes[name] = NodeInfo(name)
        return self._nodes[name]

    def _place(self, pod: PodInfo, node: str) -> None:
        if pod.uid in self._where:
            self._displace(pod.uid)
        self._node(node).add(pod)
        self._tallies.shift(pod, node, 1)
        self.held.shift(pod, node, 1)
        self._where[pod.uid] = node

    def _displace(self, uid: str) -> None:
        node = self._nodes[self._where.pop(uid)]
        pod = node.pods[uid]
        self._tallies.shift(pod, node.name, -1)
        self.held.shift(pod, node.name, -1)
        node.remove(uid)
        self._drop_if_empty(node)

    def _drop_if_empty(self, node: NodeInfo) -> None:
        if not node.exists and not node.pods:
            self._nodes.pop(node.name, None)
