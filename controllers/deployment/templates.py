"""Which ReplicaSet carries the Deployment's template, and in which revision. Names and annotations are upstream's."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet
from kubeapi.generated.models.core_v1 import PodTemplateSpec
from kubeapi.world import NAME_ALPHABET

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MAXIMUM,
              "deprecated.deployment.rollback.to"}


def template_hash(template: PodTemplateSpec, collisions: int | None) -> str:
    """Ten characters that name a template; `collisions` makes another name for the same template."""
    text = json.dumps([_wire(template), collisions or 0], sort_keys=True).encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    digits = []
    for _ in range(10):
        number, digit = divmod(number, len(NAME_ALPHABET))
        digits.append(NAME_ALPHABET[digit])
    return "".join(digits)


def _wire(template: PodTemplateSpec) -> dict[str, Any]:
    document = template.to_wire()
    document.get("metadata", {}).get("labels", {}).pop(HASH_LABEL, None)
    return document


def same_template(left: PodTemplateSpec, right: PodTemplateSpec) -> bool:
    return _wire(left) == _wire(right)


def created(rs: ReplicaSet) -> tuple[float, str]:
    moment = rs.metadata.creation_timestamp
    return (moment.timestamp() if moment is not None else 0.0, rs.metadata.name)


def new_replica_set(deployment: Deployment, sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The oldest that carries the Deployment's template: later twins are old ones."""
    return next((rs for rs in sorted(sets, key=created) if same_template(rs.spec.template, deployment.spec.template)), None)


def revision_of(obj: ReplicaSet | Deployment) -> int:
    try:
        return int(obj.metadata.annotations.get(REVISION, "0"))
    except ValueError:
        return 0


def with_annotations(deployment: Deployment, rs: ReplicaSet, revision: int, told: tuple[int, int] | None = None) -> ReplicaSet:
    """The ReplicaSet with what it must say of the Deployment; its revision only grows. `told` are the desired and the greatest
    number of pods: only who gives it its size tells them, for shares are measured by what it was told last."""
    annotations = dict(rs.metadata.annotations)
    annotations.update({name: value for name, value in deployment.metadata.annotations.items() if name not in NOT_COPIED})
    before = revision_of(rs)
    if before < revision:
        annotations[REVISION] = str(revision)
        if before:
            history = [*filter(None, annotations.get(REVISION_HISTORY, "").split(",")), str(before)]
            annotations[REVISION_HISTORY] = ",".join(history[-10:])
    if told is not None:
        annotations[DESIRED], annotations[MAXIMUM] = map(str, told)
    return rs.evolve(metadata=rs.metadata.evolve(annotations=annotations))
