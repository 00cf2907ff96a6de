"""Pods and nodes as the scheduler sees them, said in a line."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.labels import Selector
from scheduler.budgets import Budget
from scheduler.framework import ScorePlugin
from scheduler.matching import HeldTerms, Matchers, count_pods
from scheduler.nodeinfo import NodeInfo
from scheduler.nominations import Nominations
from scheduler.podinfo import PodInfo
from scheduler.workloads import Workloads


def a_pod(name: str = "p", *, cpu: str = "", memory: str = "", node: str = "", labels: dict[str, str] | None = None,
          metadata: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **spec: Any) -> PodInfo:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    document = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": "1",
                     "labels": labels or {}, **(metadata or {})},
        "spec": {"schedulerName": "default-scheduler", "nodeName": node,
                 "containers": [{"name": "c", "resources": {"requests": requests}}], **spec},
        "status": status or {},
    }
    return PodInfo.of(Pod.from_wire(document))


def a_node_object(name: str = "n", *, cpu: str = "4", memory: str = "8Gi", pods: int = 110, labels: dict[str, str] | None = None,
                  taints: list[dict[str, str]] | None = None, unschedulable: bool = False,
                  images: dict[str, int] | None = None) -> Node:
    return Node.from_wire({
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": taints or [], "unschedulable": unschedulable},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": str(pods)},
                   "images": [{"names": [name], "sizeBytes": size} for name, size in (images or {}).items()], "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
                   "nodeInfo": dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture"), "")},
    })


def a_node(name: str = "n", *, holding: tuple[PodInfo, ...] = (), **facts: Any) -> NodeInfo:
    node = NodeInfo(name)
    node.update(a_node_object(name, **facts))
    for pod in holding:
        node.add(pod)
    return node


@dataclass
class PlainCluster:
    """The cluster without any index: each question is answered by looking at every node and pod."""

    nodes: list[NodeInfo]
    workloads: Workloads = field(default_factory=Workloads)
    nominated: Nominations = field(default_factory=Nominations)
    budgets: list[Budget] = field(default_factory=list)
    namespaces: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def node(self, name: str) -> NodeInfo | None:
        return next((node for node in self.nodes if node.name == name), None)

    def count(self, matchers: Matchers) -> Mapping[str, int]:
        return count_pods(matchers, self.nodes)

    def fellows(self, pod: PodInfo) -> Selector | None:
        return self.workloads.fellows(pod)

    @property
    def held(self) -> HeldTerms:
        held = HeldTerms()
        for node in self.nodes:
            for pod in node.pods.values():
                held.shift(pod, node.name, 1)
        return held

    def nodes_with_image(self, name: str) -> int:
        return sum(name in node.images for node in self.nodes)


def a_cluster(*nodes: NodeInfo) -> PlainCluster:
    return PlainCluster(list(nodes))


def scores(plugin: ScorePlugin, pod: PodInfo, cluster: PlainCluster) -> list[int] | None:
    """What counts of a plugin, per node."""
    raw = plugin.raw(pod, cluster, cluster.nodes)
    return None if raw is None else list(plugin.normalized(raw))
