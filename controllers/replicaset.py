"""ReplicaSet: keep as many pods as spec.replicas says."""
from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime

from controllers.expectations import Expectations
from controllers.podcontrol import PodControl
from controllers.pods import available_in, first_to_go, is_active, is_ready
from controllers.references import (
    adoption_patch,
    claims,
    controller_of,
    index_by_controller,
    key_of,
    release_patch,
    selector_of,
)
from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

BURST_REPLICAS = 500


class ReplicaSetReconciler:
    def __init__(self, client: Client, recorder: EventRecorder, sets: Informer[ReplicaSet], pods: Informer[Pod],
                 world: World = REAL_WORLD) -> None:
        self._client, self._sets, self._pods, self._world = client, sets, pods, world
        self._expectations = Expectations()
        self._pod_control = PodControl(client, recorder, self._expectations, world)
        pods.add_handler(self._pod_came, self._pod_changed, self._pod_gone)

    async def reconcile(self, key: ObjectKey) -> Result:
        rs = self._sets.get(key)
        if rs is None:
            self._expectations.forget(key)
            return DONE
        can_act = self._expectations.are_satisfied(key)
        pods = [pod for pod in await self._claimed(rs) if is_active(pod)]
        failure: Exception | None = None
        if can_act and rs.metadata.deletion_timestamp is None:
            failure = await self._scale(rs, pods)
        now = self._world.now()
        await self._write_status(rs, new_status(rs, pods, failure, now, has_settled=self._expectations.are_satisfied(key)))
        if failure is not None:
            raise failure
        return Result(requeue_after=next_available(pods, rs.spec.min_ready_seconds, now))

    async def _claimed(self, rs: ReplicaSet) -> Sequence[Pod]:
        """The pods it controls, after adopting orphans it selects and releasing what it no longer selects."""
        found = claims(rs.metadata.uid, selector_of(rs.spec.selector), self._pods.by_index("controller", rs.metadata.uid),
                       self._pods.by_index("controller", f"orphans/{rs.metadata.namespace}"))
        if rs.metadata.deletion_timestamp is not None or not (found.adopt or found.release):
            return found.mine
        api = self._client.resource(Pod, rs.metadata.namespace)
        live = await self._client.resource(ReplicaSet, rs.metadata.namespace).get(rs.metadata.name)
        if live.metadata.uid != rs.metadata.uid or live.metadata.deletion_timestamp is not None:
            return found.mine                   # the cache is behind: nobody adopts for the dead
        for pod in found.release:
            await _unless_gone(api.patch(pod.metadata.name, release_patch(rs.metadata.uid, pod), type="strategic"))
        adopted = [await _unless_gone(api.patch(pod.metadata.name, adoption_patch(rs, pod), type="strategic")) for pod in found.adopt]
        return [*found.mine, *(pod for pod in adopted if pod is not None)]

    async def _scale(self, rs: ReplicaSet, pods: Sequence[Pod]) -> Exception | None:
        missing = (rs.spec.replicas or 0) - len(pods)
        try:
            if missing > 0:
                await self._pod_control.create(rs, rs.spec.template, min(missing, BURST_REPLICAS))
            elif missing < 0:
                await self._pod_control.delete(rs, first_to_go(pods, min(-missing, BURST_REPLICAS)))
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            return error
        return None

    async def _write_status(self, rs: ReplicaSet, status: ReplicaSetStatus) -> None:
        if status != rs.status:
            await self._client.resource(ReplicaSet, rs.metadata.namespace).update_status(rs.evolve(status=status))

    # --- what the watch shows of our own doings

    def _pod_came(self, pod: Pod) -> None:
        if (key := _owner_key(pod)) is not None:
            self._expectations.creation_observed(key)

    def _pod_changed(self, old: Pod, new: Pod) -> None:
        if new.metadata.deletion_timestamp is not None:
            self._pod_gone(new)

    def _pod_gone(self, pod: Pod) -> None:
        if (key := _owner_key(pod)) is not None:
            self._expectations.deletion_observed(key, pod.metadata.uid)


def new_status(rs: ReplicaSet, pods: Sequence[Pod], failure: Exception | None, now: datetime, *, has_settled: bool = True) -> ReplicaSetStatus:
    """While writes of its own are not seen yet the counts are of before them: the generation does not count as observed."""
    template_labels = rs.spec.template.metadata.labels.items()
    return ReplicaSetStatus(
        replicas=len(pods), fully_labeled_replicas=sum(template_labels <= pod.metadata.labels.items() for pod in pods),
        ready_replicas=sum(map(is_ready, pods)),
        available_replicas=sum(available_in(pod, rs.spec.min_ready_seconds, now) == 0 for pod in pods),
        observed_generation=rs.metadata.generation if has_settled or rs.status is None else rs.status.observed_generation, conditions=_conditions(rs, len(pods), failure, now))


def _conditions(rs: ReplicaSet, count: int, failure: Exception | None, now: datetime) -> tuple[ReplicaSetCondition, ...]:
    """ReplicaFailure is there exactly while creating or deleting fails."""
    before = rs.status.conditions if rs.status is not None else ()
    others = tuple(one for one in before if one.type != "ReplicaFailure")
    if failure is None:
        return others
    reason = "FailedCreate" if count < (rs.spec.replicas or 0) else "FailedDelete"
    known = next((one for one in before if one.type == "ReplicaFailure"), None)
    if known is not None and known.reason == reason:
        return (*others, known)
    return (*others, ReplicaSetCondition(type="ReplicaFailure", status="True", reason=reason, message=str(failure),
                                         last_transition_time=now.replace(microsecond=0)))


def next_available(pods: Sequence[Pod], min_ready_seconds: int, now: datetime) -> float | None:
    """When the next pod will have been ready for long enough; nothing else would wake us."""
    waits = [wait for pod in pods if (wait := available_in(pod, min_ready_seconds, now))]
    return min(waits, default=None)


async def _unless_gone(patch: Awaitable[Pod]) -> Pod | None:
    try:
        return await patch
    except NotFound:
        return None


def _owner_key(pod: Pod) -> ObjectKey | None:
    owner = controller_of(pod)
    return ObjectKey(pod.metadata.namespace, owner.name) if owner is not None and owner.kind == "ReplicaSet" else None


def replica_set_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    sets = factory.informer(ReplicaSet, indexers={"controller": index_by_controller})
    pods = factory.informer(Pod, indexers={"controller": index_by_controller})

    def sets_for(pod: Pod) -> list[ObjectKey]:
        """Its owner; an orphan may interest every set of its namespace that selects it."""
        if (key := _owner_key(pod)) is not None:
            return [key]
        if controller_of(pod) is not None:
            return []
        return [key_of(rs) for rs in sets.list(pod.metadata.namespace) if selector_of(rs.spec.selector).matches(pod.metadata.labels)]

    controller = Controller("replicaset", ReplicaSetReconciler(client, recorder.of("replicaset-controller"), sets, pods, world), workers=5)
    controller.watches(sets, lambda rs: [key_of(rs)])
    controller.watches(pods, sets_for)
    return controller
