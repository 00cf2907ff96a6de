"""A Deployment's status from its ReplicaSets, pure; reasons and messages are upstream's."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controllers.deployment.rolling import available_of, max_unavailable, total
from kubeapi.generated.models.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet

Conditions = dict[str, DeploymentCondition]
NEW_AVAILABLE, TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"


def new_status(deployment: Deployment, new: ReplicaSet | None, sets: Sequence[ReplicaSet], conditions: Conditions,
               collisions: int | None, now: datetime) -> DeploymentStatus:
    """`conditions` are those of before plus what this reconcile found."""
    available = sum(map(available_of, sets))
    counted = DeploymentStatus(
        replicas=sum(rs.status.replicas for rs in sets if rs.status is not None),
        updated_replicas=new.status.replicas if new is not None and new.status is not None else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in sets if rs.status is not None),
        available_replicas=available, unavailable_replicas=max(0, total(sets) - available),
        observed_generation=deployment.metadata.generation, collision_count=collisions)
    conditions = {**conditions, **_available(deployment, available, conditions, now)}
    conditions = _progressing(deployment, counted, new, conditions, now)
    conditions = _failing(new, sets, conditions, now)
    return counted.evolve(conditions=tuple(conditions.values()))


def set_condition(conditions: Conditions, type: str, status: str, reason: str, message: str, now: datetime) -> Conditions:
    """With this condition; the same status and reason leave it as it is, the same status keeps its transition time."""
    known, now = conditions.get(type), now.replace(microsecond=0)
    if known is not None and (known.status, known.reason) == (status, reason):
        return conditions
    since = known.last_transition_time if known is not None and known.status == status else now
    condition = DeploymentCondition(type=type, status=status, reason=reason, message=message, last_update_time=now,
                                    last_transition_time=since)
    return {**conditions, type: condition}


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    wanted = deployment.spec.replicas or 0
    return (status.updated_replicas == status.replicas == status.available_replicas == wanted
            and status.observed_generation >= deployment.metadata.generation)


def timed_out_in(deployment: Deployment, status: DeploymentStatus, now: datetime) -> float | None:
    """Seconds until the rollout that is under way counts as stuck; None where none is."""
    condition = next((one for one in status.conditions if one.type == "Progressing"), None)
    deadline = deployment.spec.progress_deadline_seconds
    if condition is None or condition.reason in (NEW_AVAILABLE, TIMED_OUT) or condition.last_update_time is None \
            or deadline is None or deployment.spec.paused or is_complete(deployment, status):
        return None
    return max(1.0, deadline - (now - condition.last_update_time).total_seconds() + 1)


def _available(deployment: Deployment, available: int, conditions: Conditions, now: datetime) -> Conditions:
    if available >= (deployment.spec.replicas or 0) - max_unavailable(deployment):
        return set_condition(conditions, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    return set_condition(conditions, "Available", "False", "MinimumReplicasUnavailable",
                         "Deployment does not have minimum availability.", now)


def _progressing(deployment: Deployment, status: DeploymentStatus, new: ReplicaSet | None, conditions: Conditions,
                 now: datetime) -> Conditions:
    if deployment.spec.progress_deadline_seconds is None:
        return {type: one for type, one in conditions.items() if type != "Progressing"}
    known = conditions.get("Progressing")
    if known is not None and known.reason == NEW_AVAILABLE and status.replicas == status.updated_replicas:
        return conditions                       # complete before, and only scaled since
    subject = f'ReplicaSet "{new.metadata.name}"' if new is not None else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, status):
        return set_condition(conditions, "Progressing", "True", NEW_AVAILABLE, f"{subject} has successfully progressed.", now)
    if _has_progressed(deployment.status, status):
        without = {type: one for type, one in conditions.items() if type != "Progressing"}
        condition = DeploymentCondition(
            type="Progressing", status="True", reason="ReplicaSetUpdated", message=f"{subject} is progressing.",
            last_update_time=now.replace(microsecond=0),
            last_transition_time=known.last_transition_time if known is not None and known.status == "True" else now.replace(microsecond=0))
        return {**without, "Progressing": condition}
    if known is not None and known.reason != TIMED_OUT and known.last_update_time is not None \
            and (now - known.last_update_time).total_seconds() > deployment.spec.progress_deadline_seconds:
        return set_condition(conditions, "Progressing", "False", TIMED_OUT, f"{subject} has timed out progressing.", now)
    return conditions


def _has_progressed(before: DeploymentStatus, after: DeploymentStatus) -> bool:
    return (after.updated_replicas > before.updated_replicas or after.ready_replicas > before.ready_replicas
            or after.available_replicas > before.available_replicas
            or after.replicas - after.updated_replicas < before.replicas - before.updated_replicas)


def _failing(new: ReplicaSet | None, sets: Sequence[ReplicaSet], conditions: Conditions, now: datetime) -> Conditions:
    """ReplicaFailure is passed on from the new ReplicaSet, else from any."""
    candidates = [new] if new is not None else list(sets)
    failure = next((one for rs in candidates if rs.status is not None for one in rs.status.conditions if one.type == "ReplicaFailure"),
                   None)
    if failure is None:
        return {type: one for type, one in conditions.items() if type != "ReplicaFailure"}
    return set_condition(conditions, "ReplicaFailure", failure.status, failure.reason, failure.message, now)
