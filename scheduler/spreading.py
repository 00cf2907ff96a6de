"""A pod's topology spread constraints, read: its own, or the cluster's defaults for pods of one Service or controller."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubeapi.generated.models.core_v1 import TopologySpreadConstraint
from kubeapi.labels import Selector
from scheduler.framework import SUCCESS, Cluster
from scheduler.matching import Matchers, PodMatcher
from scheduler.nodeinfo import NodeInfo
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.taint_toleration import TaintToleration
from scheduler.podinfo import PodInfo
from scheduler.selectors import selector_of, with_values

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
Defaults = tuple[TopologySpreadConstraint, ...]      # without selectors
SYSTEM_DEFAULTS: Defaults = tuple(TopologySpreadConstraint(topology_key=key, max_skew=skew, when_unsatisfiable="ScheduleAnyway")
                                  for key, skew in ((HOSTNAME, 3), (ZONE, 5)))


@dataclass(frozen=True, slots=True)
class Constraint:
    topology_key: str
    max_skew: int
    selector: Selector
    namespace: str
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False

    @property
    def counted(self) -> Matchers:
        return (PodMatcher(frozenset((self.namespace,)), self.selector, only_staying=True),)

    def counts_for(self, pod: PodInfo) -> bool:
        return self.counted[0].matches(pod) and not self.selector.selects_everything

    def includes(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether the node belongs to a domain at all, for this pod."""
        return ((not self.honors_affinity or NodeAffinity().filter(pod, node) is SUCCESS)
                and (not self.honors_taints or TaintToleration().filter(pod, node) is SUCCESS))

    def includes_all(self, pod: PodInfo) -> bool:
        """Nothing the pod says can leave a node out."""
        return not self.honors_taints and not (self.honors_affinity and (pod.node_selector or pod.affinity is not None))


def own_constraints(pod: PodInfo, when_unsatisfiable: str) -> list[Constraint]:
    return [_read(pod, one) for one in pod.spread if one.when_unsatisfiable == when_unsatisfiable]


def _read(pod: PodInfo, told: TopologySpreadConstraint) -> Constraint:
    return Constraint(told.topology_key, told.max_skew, with_values(selector_of(told.label_selector), pod.labels, told.match_label_keys),
                      pod.key.namespace, told.min_domains or 1, told.node_affinity_policy != "Ignore", told.node_taints_policy == "Honor")


def default_constraints(pod: PodInfo, cluster: Cluster, defaults: Defaults, when_unsatisfiable: str) -> list[Constraint]:
    told = [one for one in defaults if one.when_unsatisfiable == when_unsatisfiable]
    fellows = cluster.fellows(pod) if told else None
    if fellows is None:
        return []
    return [Constraint(one.topology_key, one.max_skew, fellows, pod.key.namespace) for one in told]


def keys_of(constraints: Iterable[Constraint]) -> frozenset[str]:
    return frozenset(constraint.topology_key for constraint in constraints)


def has_all(node: NodeInfo, keys: frozenset[str]) -> bool:
    return node.labels.keys() >= keys
