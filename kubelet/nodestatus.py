"""The Node this kubelet is: its object at registration and its status later. Pure."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubeapi.generated.models.core_v1 import (
    ContainerImage,
    DaemonEndpoint,
    Node,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeRuntimeHandler,
    NodeSpec,
    NodeStatus,
    Taint,
)
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubelet.cri import Image
from kubelet.eviction.thresholds import DISK_PRESSURE, MEMORY_PRESSURE, PID_PRESSURE
from kubelet.nodeinfo import Machine

MOST_IMAGES, MOST_NAMES = 50, 5
NOT_READY = "node.kubernetes.io/not-ready"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    name: str
    hostname: str
    ip: str
    port: int
    runtime_handlers: tuple[str, ...] = ()      # those of RuntimeClasses that it has; "" is what runs pods without one


def new_node(identity: NodeIdentity, machine: Machine) -> Node:
    """Nothing is scheduled here before the node is Ready: the taint is taken away then."""
    system, arch = machine.info.operating_system, machine.info.architecture
    labels = {"kubernetes.io/hostname": identity.hostname, "kubernetes.io/os": system, "kubernetes.io/arch": arch,
              "beta.kubernetes.io/os": system, "beta.kubernetes.io/arch": arch}
    return Node(metadata=ObjectMeta(name=identity.name, labels=labels),
                spec=NodeSpec(taints=(Taint(key=NOT_READY, effect="NoSchedule"),)))


def node_status(node: Node, identity: NodeIdentity, machine: Machine, images: Sequence[Image], fault: str, now: datetime,
                pressure: Collection[str] = ()) -> NodeStatus:
    """`fault`: why pods cannot run here, or ""; `pressure`: the conditions that say what there is too little of."""
    before = node.status or NodeStatus()
    return before.evolve(
        addresses=(NodeAddress(type="InternalIP", address=identity.ip), NodeAddress(type="Hostname", address=identity.hostname)),
        capacity=dict(machine.capacity), allocatable=dict(machine.allocatable), node_info=machine.info,
        conditions=_conditions(before, fault, pressure, now), images=_images(images),
        runtime_handlers=tuple(NodeRuntimeHandler(name=one) for one in identity.runtime_handlers),
        daemon_endpoints=NodeDaemonEndpoints(kubelet_endpoint=DaemonEndpoint(Port=identity.port)))


# condition -> reason and message where it is so, and where it is not
PRESSURES = {
    MEMORY_PRESSURE: (("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
                      ("KubeletHasSufficientMemory", "kubelet has sufficient memory available")),
    DISK_PRESSURE: (("KubeletHasDiskPressure", "kubelet has disk pressure"), ("KubeletHasNoDiskPressure", "kubelet has no disk pressure")),
    PID_PRESSURE: (("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
                   ("KubeletHasSufficientPID", "kubelet has sufficient PID available"))}


def _conditions(before: NodeStatus, fault: str, pressure: Collection[str], now: datetime) -> tuple[NodeCondition, ...]:
    wanted = [
        *((type, type in pressure, *(is_so if type in pressure else is_not)) for type, (is_so, is_not) in PRESSURES.items()),
        ("Ready", not fault, "KubeletNotReady" if fault else "KubeletReady", fault or "kubelet is posting ready status"),
    ]
    known = {one.type: one for one in before.conditions}
    own = [_condition(known.get(type), type, "True" if is_true else "False", reason, message, now)
           for type, is_true, reason, message in wanted]
    return (*(one for one in before.conditions if one.type not in {mine.type for mine in own}), *own)


def _condition(old: NodeCondition | None, type: str, status: str, reason: str, message: str, now: datetime) -> NodeCondition:
    now = now.replace(microsecond=0)
    since = old.last_transition_time if old is not None and old.status == status and old.last_transition_time else now
    return NodeCondition(type=type, status=status, reason=reason, message=message, last_heartbeat_time=now, last_transition_time=since)


def _images(images: Sequence[Image]) -> tuple[ContainerImage, ...]:
    largest = sorted(images, key=lambda one: (-one.size, one.id))[:MOST_IMAGES]
    return tuple(ContainerImage(names=(*one.repo_digests, *one.repo_tags)[:MOST_NAMES], size_bytes=one.size) for one in largest)


def differs(old: NodeStatus | None, new: NodeStatus) -> bool:
    """In more than the times of heartbeats."""
    return old is None or _timeless(old) != _timeless(new)


def pressure_events(old: NodeStatus | None, new: NodeStatus) -> list[str]:
    """What changed of what the node has too little of: reasons of events (NodeHasDiskPressure)."""
    before = {one.type: one.status for one in old.conditions} if old is not None else {}
    return [one.reason.replace("Kubelet", "Node", 1) for one in new.conditions if one.type in PRESSURES and before.get(one.type) != one.status]


def is_declared_unknown(node: Node) -> bool:
    """The controllers took this kubelet for lost: it has to say that it is not."""
    return node.status is not None and any(one.type == "Ready" and one.status == "Unknown" for one in node.status.conditions)


def _timeless(status: NodeStatus) -> NodeStatus:
    return status.evolve(conditions=tuple(one.evolve(last_heartbeat_time=None) for one in status.conditions))
