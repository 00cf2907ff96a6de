"""Keeps as many pods as spec.replicas says: ReplicaSets, and ReplicationControllers, which they descend from."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from controllers.adoption import claim
from controllers.expectations import Expectations
from controllers.pace import Pace
from controllers.podcontrol import PodControl
from controllers.pods import available_in, first_to_go, is_active, is_ready
from controllers.references import controller_key, controller_of, index_by_controller, key_of, selector_of
from kubeapi.errors import ApiStatusError
from kubeapi.generated.models.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from kubeapi.generated.models.core_v1 import (
    Pod,
    PodTemplateSpec,
    ReplicationController,
    ReplicationControllerCondition,
    ReplicationControllerStatus,
)
from kubeapi.labels import NOTHING, Selector, from_set
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

BURST_REPLICAS = 500
REST_SECONDS = 0.0001               # for each pod: a tenth of a second between two looks at a thousand
Replicated = ReplicaSet | ReplicationController
Status = ReplicaSetStatus | ReplicationControllerStatus
R = TypeVar("R", ReplicaSet, ReplicationController)
C = TypeVar("C", ReplicaSetCondition, ReplicationControllerCondition)


def selected_by(owner: Replicated) -> Selector:
    if isinstance(owner, ReplicaSet):
        return selector_of(owner.spec.selector)
    return from_set(owner.spec.selector) if owner.spec.selector else NOTHING


def template_of(owner: Replicated) -> PodTemplateSpec:
    return owner.spec.template or PodTemplateSpec()


class ReplicaReconciler(Generic[R]):
    def __init__(self, client: Client, recorder: EventRecorder, model: type[R], owners: Informer[R], pods: Informer[Pod],
                 world: World = REAL_WORLD) -> None:
        self._client, self._pods, self._world = client, pods, world
        self._model: type[R] = model
        self.pace = Pace(REST_SECONDS)
        self._owners: Informer[R] = owners
        self._expectations = Expectations()
        self._expectations.watch(pods, model.kind())
        self._pod_control = PodControl(client, recorder, self._expectations, world)

    async def reconcile(self, key: ObjectKey) -> Result:
        owner = self._owners.get(key)
        if owner is None:
            self._expectations.forget(key)
            return DONE
        can_act = self._expectations.are_satisfied(key)
        pods = [pod for pod in await claim(self._client, owner, selected_by(owner), self._pods, Pod) if is_active(pod)]
        self.pace.looked(key, len(pods))
        failure: Exception | None = None
        if can_act and owner.metadata.deletion_timestamp is None:
            failure = await self._scale(owner, pods)
        now = self._world.now()
        status = new_status(owner, pods, failure, now, has_settled=self._expectations.are_satisfied(key))
        if status != owner.status:
            await self._client.resource(self._model, key.namespace).update_status(owner.evolve(status=status))
        if failure is not None:
            raise failure
        return Result(requeue_after=earliest(next_available(pods, owner.spec.min_ready_seconds, now), self._expectations.seconds_left(key)))

    async def _scale(self, owner: Replicated, pods: Sequence[Pod]) -> Exception | None:
        missing = (owner.spec.replicas or 0) - len(pods)
        try:
            if missing > 0:
                await self._pod_control.create(owner, template_of(owner), min(missing, BURST_REPLICAS))
            elif missing < 0:
                await self._pod_control.delete(owner, first_to_go(pods, min(-missing, BURST_REPLICAS)))
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            return error
        return None


def new_status(owner: Replicated, pods: Sequence[Pod], failure: Exception | None, now: datetime, *, has_settled: bool = True) -> Status:
    """While writes of its own are not seen yet the counts are of before them: the generation does not count as observed."""
    labels = template_of(owner).metadata.labels.items()
    counts: dict[str, Any] = {
        "replicas": len(pods), "fully_labeled_replicas": sum(labels <= pod.metadata.labels.items() for pod in pods),
        "ready_replicas": sum(map(is_ready, pods)),
        "available_replicas": sum(available_in(pod, owner.spec.min_ready_seconds, now) == 0 for pod in pods),
        "observed_generation": owner.metadata.generation if has_settled or owner.status is None else owner.status.observed_generation}
    reason = None if failure is None else "FailedCreate" if len(pods) < (owner.spec.replicas or 0) else "FailedDelete"
    if isinstance(owner, ReplicaSet):
        before = owner.status.conditions if owner.status is not None else ()
        return ReplicaSetStatus(**counts, conditions=_conditions(ReplicaSetCondition, before, reason, failure, now))
    known = owner.status.conditions if owner.status is not None else ()
    return ReplicationControllerStatus(**counts, conditions=_conditions(ReplicationControllerCondition, known, reason, failure, now))


def _conditions(model: type[C], before: tuple[C, ...], reason: str | None, failure: Exception | None, now: datetime) -> tuple[C, ...]:
    """ReplicaFailure is there exactly while creating or deleting fails."""
    found = [one for one in before if one.type != "ReplicaFailure" or one.reason == reason]
    if reason is not None and not any(one.type == "ReplicaFailure" for one in found):
        found.append(model(type="ReplicaFailure", status="True", reason=reason, message=str(failure),
                           last_transition_time=now.replace(microsecond=0)))
    return tuple(found)


def next_available(pods: Sequence[Pod], min_ready_seconds: int, now: datetime) -> float | None:
    """When the next pod will have been ready for long enough; nothing else would wake us."""
    waits = [wait for pod in pods if (wait := available_in(pod, min_ready_seconds, now))]
    return min(waits, default=None)


def earliest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


def replica_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, model: type[R], world: World) -> Controller:
    owners: Informer[R] = factory.informer(model, indexers={"controller": index_by_controller})
    pods = factory.informer(Pod, indexers={"controller": index_by_controller})

    def owners_of(pod: Pod) -> list[ObjectKey]:
        """Its owner; an orphan may interest every owner of its namespace that selects it."""
        if controller_of(pod) is not None:
            key = controller_key(pod, model.kind())
            return [key] if key is not None else []
        return [key_of(owner) for owner in owners.list(pod.metadata.namespace) if selected_by(owner).matches(pod.metadata.labels)]

    reconciler = ReplicaReconciler(client, recorder, model, owners, pods, world)
    controller = Controller(model.kind().lower(), reconciler, workers=5)
    controller.watches(owners, lambda owner: [key_of(owner)])
    controller.watches(pods, owners_of, reconciler.pace.wait)
    return controller


def replica_set_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    return replica_controller(client, recorder.of("replicaset-controller"), factory, ReplicaSet, world)
