"""What is said of a silent node, and the taints that a node's conditions ask for. Pure."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kubeapi.generated.models.core_v1 import Node, NodeCondition, NodeStatus, Taint

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
BY_READY = {"False": NOT_READY, "Unknown": UNREACHABLE}
PRESSURE = {"MemoryPressure": "node.kubernetes.io/memory-pressure", "DiskPressure": "node.kubernetes.io/disk-pressure",
            "PIDPressure": "node.kubernetes.io/pid-pressure", "NetworkUnavailable": "node.kubernetes.io/network-unavailable"}
MANAGED = {NOT_READY, UNREACHABLE, UNSCHEDULABLE, *PRESSURE.values()}
# NetworkUnavailable is not the kubelet's to say, so its silence tells nothing of it.
KUBELET_SAYS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def condition(node: Node, type: str) -> NodeCondition | None:
    return next((one for one in node.status.conditions if one.type == type), None) if node.status is not None else None


def readiness(node: Node) -> str:
    """True, False or Unknown; "" while nothing has been said of it."""
    ready = condition(node, "Ready")
    return ready.status if ready is not None else ""


def declared_unknown(node: Node, now: datetime) -> Node:
    """The node as it is to be once its kubelet has been silent for too long."""
    now = now.replace(microsecond=0)
    status = node.status or NodeStatus()
    told = {one.type: one for one in status.conditions}
    for type in KUBELET_SAYS:
        if type not in told:
            told[type] = NodeCondition(type=type, status="Unknown", reason="NodeStatusNeverUpdated", message="Kubelet never posted node status.",
                                       last_heartbeat_time=node.metadata.creation_timestamp, last_transition_time=now)
        elif told[type].status != "Unknown":
            told[type] = told[type].evolve(status="Unknown", reason="NodeStatusUnknown", last_transition_time=now,
                                           message="Kubelet stopped posting node status.")
    return node.evolve(status=status.evolve(conditions=tuple(told.values())))


def no_schedule(node: Node) -> set[str]:
    """The keys of the taints that keep new pods away. A node that has not said that it is ready is not."""
    ready = readiness(node) or "False"
    found = {key for type, key in PRESSURE.items() if (one := condition(node, type)) is not None and one.status == "True"}
    if ready in BY_READY:
        found.add(BY_READY[ready])
    if node.spec.unschedulable:
        found.add(UNSCHEDULABLE)
    return found


def with_taints(node: Node, effect: str, wanted: Iterable[str], managed: Iterable[str], now: datetime) -> Node:
    """Of the managed keys the wanted ones, with this effect; all other taints stay as they are."""
    wanted, managed = set(wanted), set(managed)
    kept = [one for one in node.spec.taints if one.effect != effect or one.key not in managed or one.key in wanted]
    there = {one.key for one in kept if one.effect == effect}
    added = [Taint(key=key, effect=effect, time_added=now.replace(microsecond=0)) for key in sorted(wanted - there)]
    return node.evolve(spec=node.spec.evolve(taints=(*kept, *added)))


def has_taint(node: Node, key: str, effect: str = "") -> bool:
    return any(one.key == key and effect in ("", one.effect) for one in node.spec.taints)


def with_old_labels(node: Node) -> Node:
    """The labels of old for operating system and architecture say what today's say."""
    labels = node.metadata.labels
    old = {f"beta.{key}": labels[key] for key in ("kubernetes.io/os", "kubernetes.io/arch") if key in labels}
    return node if old.items() <= labels.items() else node.evolve(metadata=node.metadata.evolve(labels={**labels, **old}))
