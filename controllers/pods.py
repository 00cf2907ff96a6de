"""Pods as controllers see them: active, ready, available; and which of them go first."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from kubeapi.generated.models.core_v1 import Pod, PodTemplateSpec
from kubeapi.generated.models.meta_v1 import ObjectMeta, OwnerReference

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def is_active(pod: Pod) -> bool:
    """It runs or will run: neither ended nor being deleted."""
    return pod.status.phase not in ("Succeeded", "Failed") and pod.metadata.deletion_timestamp is None


def index_by_node(pod: Pod) -> list[str]:
    """For an informer's index."""
    return [pod.spec.node_name] if pod.spec.node_name else []


def ready_since(pod: Pod) -> datetime | None:
    """When it became ready; None while it is not."""
    condition = next((one for one in pod.status.conditions if one.type == "Ready"), None)
    return condition.last_transition_time if condition is not None and condition.status == "True" else None


def is_ready(pod: Pod) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def available_in(pod: Pod, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until it counts as available (0: it does); None while it is not ready."""
    if not is_ready(pod):
        return None
    since = ready_since(pod)
    if min_ready_seconds == 0 or since is None:
        return 0.0
    return max(0.0, min_ready_seconds - (now - since).total_seconds())


def from_template(template: PodTemplateSpec, owner: OwnerReference, owner_name: str, namespace: str) -> Pod:
    meta = template.metadata
    return Pod(metadata=ObjectMeta(generate_name=f"{owner_name}-", namespace=namespace, labels=meta.labels, annotations=meta.annotations,
                                   finalizers=meta.finalizers, owner_references=(owner,)),
               spec=template.spec)


def first_to_go(pods: Sequence[Pod], count: int) -> Sequence[Pod]:
    """Those whose loss costs least, in upstream's order: without a node, not running, not ready, of low deletion cost,
    crowded on their node, ready for the shortest time, often restarted, youngest."""
    crowd = Counter(pod.spec.node_name for pod in pods)

    def cost(pod: Pod) -> tuple[object, ...]:
        since = ready_since(pod)
        created = pod.metadata.creation_timestamp
        return (bool(pod.spec.node_name), PHASE_RANK.get(pod.status.phase, 0), is_ready(pod), _deletion_cost(pod),
                -crowd[pod.spec.node_name], -(since.timestamp() if since else 0.0),
                -max((one.restart_count for one in pod.status.container_statuses), default=0),
                -(created.timestamp() if created else 0.0))

    return sorted(pods, key=cost)[:count]


def _deletion_cost(pod: Pod) -> int:
    try:
        return int(pod.metadata.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0
