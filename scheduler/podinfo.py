"""What scheduling needs of a pod: a tenth of the whole."""
from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import inf

from kubeapi.generated.models.core_v1 import Affinity, Pod, Toleration, TopologySpreadConstraint
from kubeapi.meta import ObjectKey
from scheduler.podaffinity import NO_TERMS, PodTerms, terms_of
from scheduler.ports import HostPort, host_ports
from scheduler.resources import Resources, pod_requests, pod_requests_for_scoring


@dataclass(frozen=True, slots=True)
class PodInfo:
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
    terms: PodTerms = NO_TERMS
    shape: Hashable = ()               # equal for pods to which each node by itself is the same, whatever other pods there are
    controller: tuple[str, str] | None = None       # kind and name
    images: tuple[str, ...] = ()       # of every container, as nodes name them
    started: float = inf               # seconds since the epoch
    never_preempts: bool = False
    is_preempted: bool = False         # it has to go for another pod
    nominated_node: str = ""           # where others make room for it
    told_unschedulable: str = ""       # the message of its PodScheduled condition, when False

    @classmethod
    def of(cls, pod: Pod) -> PodInfo:
        spec, status = pod.spec, pod.status
        owner = next((one for one in pod.metadata.owner_references if one.controller), None)
        condition = next((one for one in status.conditions if one.type == "PodScheduled"), None)
        requests, scoring_requests, ports = pod_requests(spec), pod_requests_for_scoring(spec), host_ports(spec)
        node_affinity = spec.affinity.node_affinity if spec.affinity is not None else None
        return cls(
            shape=(requests.parts, scoring_requests.parts, frozenset(spec.node_selector.items()), node_affinity, spec.tolerations, spec.node_name,
                   ports),
            key=ObjectKey(pod.metadata.namespace, pod.metadata.name), uid=pod.metadata.uid,
            resource_version=pod.metadata.resource_version, node_name=spec.node_name, scheduler_name=spec.scheduler_name,
            priority=spec.priority or 0, labels=pod.metadata.labels, requests=requests,
            scoring_requests=scoring_requests, node_selector=spec.node_selector, affinity=spec.affinity,
            tolerations=spec.tolerations, is_terminal=status.phase in ("Succeeded", "Failed"),
            is_terminating=pod.metadata.deletion_timestamp is not None,
            gates=tuple(gate.name for gate in spec.scheduling_gates), host_ports=ports,
            spread=spec.topology_spread_constraints, terms=terms_of(pod), controller=(owner.kind, owner.name) if owner is not None else None,
            images=tuple(image_name(one.image) for one in (*spec.init_containers, *spec.containers)),
            started=status.start_time.timestamp() if status.start_time is not None else inf,
            never_preempts=spec.preemption_policy == "Never", nominated_node=status.nominated_node_name,
            is_preempted=any(one.type == "DisruptionTarget" and one.status == "True" and one.reason == "PreemptionByScheduler"
                             for one in status.conditions),
            told_unschedulable=condition.message if condition is not None and condition.status == "False" else "")


def image_name(image: str) -> str:
    """With the tag that is meant when none is given."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
