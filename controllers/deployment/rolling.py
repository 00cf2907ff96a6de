"""The arithmetic of a rolling update, pure: how large each ReplicaSet should be now.

Source: upstream's deployment controller and its documented guarantees: never more than replicas + maxSurge pods, never
fewer than replicas - maxUnavailable available ones. Stricter than upstream, which counts what is desired alone: a pod that a
ReplicaSet no longer wants is a pod as long as it is not told to go.
"""
from __future__ import annotations

from collections.abc import Sequence

from controllers.deployment.templates import DESIRED, MAXIMUM, created
from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet
from kubeapi.intorstring import scaled

Sizes = dict[str, int]      # ReplicaSet name -> replicas


def replicas_of(rs: ReplicaSet) -> int:
    return rs.spec.replicas or 0


def available_of(rs: ReplicaSet) -> int:
    return rs.status.available_replicas if rs.status is not None else 0


def staying(rs: ReplicaSet) -> int:
    """Of its available pods those that it keeps: the others are about to go."""
    return min(available_of(rs), replicas_of(rs))


def total(sets: Sequence[ReplicaSet]) -> int:
    return sum(map(replicas_of, sets))


def living(sets: Sequence[ReplicaSet]) -> int:
    """How many pods there may be now: the desired ones, and those its ReplicaSet has not yet got rid of."""
    return sum(max(replicas_of(rs), rs.status.replicas if rs.status is not None else 0) for rs in sets)


def has_settled(rs: ReplicaSet) -> bool:
    """Its controller has seen its size: until then it may still make pods for the size it had."""
    return rs.status is not None and rs.status.observed_generation >= rs.metadata.generation


def max_surge(deployment: Deployment) -> int:
    rolling = deployment.spec.strategy.rolling_update
    if deployment.spec.strategy.type == "Recreate" or rolling is None:
        return 0
    return scaled(rolling.max_surge if rolling.max_surge is not None else 0, deployment.spec.replicas or 0, round_up=True)


def max_unavailable(deployment: Deployment) -> int:
    """Never both zero: a rollout could not move."""
    rolling, replicas = deployment.spec.strategy.rolling_update, deployment.spec.replicas or 0
    if deployment.spec.strategy.type == "Recreate" or rolling is None or replicas == 0:
        return 0
    allowed = scaled(rolling.max_unavailable if rolling.max_unavailable is not None else 0, replicas, round_up=False)
    if allowed == 0 and max_surge(deployment) == 0:
        allowed = 1
    return min(allowed, replicas)


def new_size(deployment: Deployment, new: ReplicaSet | None, sets: Sequence[ReplicaSet]) -> int:
    """How large the new ReplicaSet may be, given all (itself included)."""
    wanted, now = deployment.spec.replicas or 0, replicas_of(new) if new is not None else 0
    if deployment.spec.strategy.type == "Recreate" or now > wanted:
        return wanted
    if not all(has_settled(rs) for rs in sets if new is None or rs.metadata.uid != new.metadata.uid):
        return now
    room = wanted + max_surge(deployment) - living(sets)
    return now + max(0, min(room, wanted - now))


def old_sizes(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """The smaller sizes of old ReplicaSets: first what never became available goes, then what can be spared."""
    everything = [new, *old]
    least_available = (deployment.spec.replicas or 0) - max_unavailable(deployment)
    spare = total(everything) - least_available - (replicas_of(new) - staying(new))
    if spare <= 0:
        return {}
    by_age = sorted((rs for rs in old if replicas_of(rs)), key=created)
    sizes = {rs.metadata.name: replicas_of(rs) for rs in by_age}
    for rs in by_age:
        gone = min(spare, max(0, replicas_of(rs) - available_of(rs)))
        sizes[rs.metadata.name] -= gone
        spare -= gone
    spare = min(spare, sum(map(staying, everything)) - least_available)
    for rs in by_age:
        gone = max(0, min(spare, sizes[rs.metadata.name]))
        sizes[rs.metadata.name] -= gone
        spare -= gone
    return {rs.metadata.name: sizes[rs.metadata.name] for rs in by_age if sizes[rs.metadata.name] != replicas_of(rs)}


def is_scaling_event(deployment: Deployment, sets: Sequence[ReplicaSet]) -> bool:
    """spec.replicas changed since a ReplicaSet with pods was told of it."""
    return any(_annotated(rs, DESIRED, -1) not in (-1, deployment.spec.replicas or 0) for rs in sets if replicas_of(rs))


def proportional_sizes(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Sizes:
    """Sizes after spec.replicas changed: in the middle of a rollout every ReplicaSet takes its share."""
    wanted = deployment.spec.replicas or 0
    sets = [*([new] if new is not None else []), *old]
    active = [rs for rs in sets if replicas_of(rs)]
    if len(active) <= 1 and (target := active[0] if active else new) is not None:
        return {target.metadata.name: wanted}
    if new is not None and replicas_of(new) == wanted and available_of(new) == wanted:
        return {rs.metadata.name: 0 for rs in old if replicas_of(rs)}
    allowed = wanted + max_surge(deployment) if wanted else 0
    to_add = allowed - total(active)
    ordered = sorted(active, key=lambda rs: (-replicas_of(rs), -created(rs)[0] if to_add > 0 else created(rs)[0]))
    sizes, added = {}, 0
    for rs in ordered:
        share = _share(deployment, rs)
        share = min(share, to_add - added) if to_add > 0 else max(share, to_add - added)
        if (to_add > 0 and share < 0) or (to_add < 0 and share > 0) or to_add == 0:
            share = 0
        sizes[rs.metadata.name] = replicas_of(rs) + share
        added += share
    if ordered:                                  # what rounding left over goes to the largest
        first = ordered[0].metadata.name
        sizes[first] = max(0, sizes[first] + to_add - added)
    return sizes


def _share(deployment: Deployment, rs: ReplicaSet) -> int:
    """How much larger this ReplicaSet is in a Deployment of the new size."""
    wanted = deployment.spec.replicas or 0
    if wanted == 0:
        return -replicas_of(rs)
    before = _annotated(rs, MAXIMUM, deployment.status.replicas)
    if before <= 0:
        return 0
    return round(replicas_of(rs) * (wanted + max_surge(deployment)) / before) - replicas_of(rs)


def _annotated(rs: ReplicaSet, name: str, otherwise: int) -> int:
    try:
        return int(rs.metadata.annotations[name])
    except (KeyError, ValueError):
        return otherwise
