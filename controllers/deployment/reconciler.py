"""The algorithm: find or make the ReplicaSet of the template, then move pods to it step by step."""
from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from controllers.deployment.rolling import (
    Sizes,
    has_settled,
    is_scaling_event,
    max_surge,
    new_size,
    old_sizes,
    proportional_sizes,
    replicas_of,
)
from controllers.deployment.status import Conditions, is_complete, new_status, set_condition, timed_out_in
from controllers.deployment.templates import (
    HASH_LABEL,
    REVISION,
    created,
    new_replica_set,
    revision_of,
    same_template,
    template_hash,
    with_annotations,
)
from controllers.pods import is_active
from controllers.references import (
    adoption_patch,
    claims,
    controller_of,
    controller_reference,
    index_by_controller,
    key_of,
    release_patch,
    selector_of,
)
from kubeapi.errors import AlreadyExists, ApiStatusError, NotFound
from kubeapi.generated.models.apps_v1 import Deployment, ReplicaSet, ReplicaSetSpec
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

WriteStatus = Callable[[Deployment, ReplicaSet | None, Sequence[ReplicaSet], Conditions, int | None], Awaitable[Result]]


class DeploymentReconciler:
    def __init__(self, client: Client, recorder: EventRecorder, deployments: Informer[Deployment], sets: Informer[ReplicaSet],
                 pods: Informer[Pod], world: World = REAL_WORLD) -> None:
        self._client, self._recorder, self._world = client, recorder, world
        self._deployments, self._sets, self._pods = deployments, sets, pods
        self._written: dict[str, ReplicaSet] = {}      # by uid, until the watch shows them: sizes must not be counted twice

    async def reconcile(self, key: ObjectKey) -> Result:
        deployment = self._deployments.get(key)
        if deployment is None:
            return DONE
        sets = [self._newest(rs) for rs in await self._claimed(deployment)]
        sets += await self._unseen(deployment, {rs.metadata.uid for rs in sets})
        if deployment.metadata.deletion_timestamp is not None:
            return await self._write_status(deployment, new_replica_set(deployment, sets), sets, _conditions(deployment))
        rollout = Rollout(self._client, self._recorder, self._world, deployment, sets, self._running_pods)
        try:
            return await rollout.step(self._write_status)
        finally:
            self._written |= {rs.metadata.uid: rs for rs in rollout.written}

    def _newest(self, rs: ReplicaSet) -> ReplicaSet:
        """What this controller wrote, as long as the cache is behind it."""
        written = self._written.get(rs.metadata.uid)
        if written is None:
            return rs
        if int(written.metadata.resource_version) > int(rs.metadata.resource_version):
            return written
        del self._written[rs.metadata.uid]
        return rs

    async def _unseen(self, deployment: Deployment, seen: set[str]) -> list[ReplicaSet]:
        """ReplicaSets it made that the cache does not show yet, as they are now."""
        found = []
        for uid, rs in list(self._written.items()):
            owner = controller_of(rs)
            if uid in seen or owner is None or owner.uid != deployment.metadata.uid:
                continue
            try:
                live = await self._client.resource(ReplicaSet, rs.metadata.namespace).get(rs.metadata.name)
            except NotFound:
                live = None
            if live is None or live.metadata.uid != uid:
                self._written.pop(uid, None)
            else:
                found.append(live)
        return found

    def forget(self, rs: ReplicaSet) -> None:
        """It is gone."""
        self._written.pop(rs.metadata.uid, None)

    async def _claimed(self, deployment: Deployment) -> Sequence[ReplicaSet]:
        found = claims(deployment.metadata.uid, selector_of(deployment.spec.selector),
                       self._sets.by_index("controller", deployment.metadata.uid),
                       self._sets.by_index("controller", f"orphans/{deployment.metadata.namespace}"))
        if deployment.metadata.deletion_timestamp is not None or not (found.adopt or found.release):
            return found.mine
        live = await self._client.resource(Deployment, deployment.metadata.namespace).get(deployment.metadata.name)
        if live.metadata.uid != deployment.metadata.uid or live.metadata.deletion_timestamp is not None:
            return found.mine
        api = self._client.resource(ReplicaSet, deployment.metadata.namespace)
        mine = list(found.mine)
        try:
            for rs in found.release:
                await api.patch(rs.metadata.name, release_patch(deployment.metadata.uid, rs), type="strategic")
            for rs in found.adopt:
                mine += [await api.patch(rs.metadata.name, adoption_patch(deployment, rs), type="strategic")]
        except NotFound:
            pass                                # gone meanwhile; its deletion wakes us
        return mine

    def _running_pods(self, sets: Sequence[ReplicaSet]) -> int:
        return sum(is_active(pod) for rs in sets for pod in self._pods.by_index("controller", rs.metadata.uid))

    async def _write_status(self, deployment: Deployment, new: ReplicaSet | None, sets: Sequence[ReplicaSet],
                            conditions: Conditions, collisions: int | None = None) -> Result:
        now = self._world.now()
        collisions = deployment.status.collision_count if collisions is None else collisions
        status = new_status(deployment, new, sets, conditions, collisions, now)
        if status != deployment.status:
            await self._client.resource(Deployment, deployment.metadata.namespace).update_status(deployment.evolve(status=status))
        return Result(requeue_after=timed_out_in(deployment, status, now))


def _conditions(deployment: Deployment) -> Conditions:
    return {one.type: one for one in deployment.status.conditions}


def has_ended(rs: ReplicaSet) -> bool:
    """Nothing of it is there or on its way: its controller has seen its size, which is 0, and what it wrote before."""
    return has_settled(rs) and rs.status is not None and not rs.status.replicas


class Rollout:
    """One reconcile of one Deployment."""

    def __init__(self, client: Client, recorder: EventRecorder, world: World, deployment: Deployment, sets: list[ReplicaSet],
                 running_pods: Callable[[Sequence[ReplicaSet]], int]) -> None:
        self._recorder, self._world = recorder, world
        self._api = client.resource(ReplicaSet, deployment.metadata.namespace)
        self._deployments = client.resource(Deployment, deployment.metadata.namespace)
        self._deployment, self._sets, self._running_pods = deployment, sets, running_pods
        self._conditions = _conditions(deployment)
        self._collisions = deployment.status.collision_count
        self.written: list[ReplicaSet] = []
        self._failure: ApiStatusError | None = None

    async def step(self, write_status: WriteStatus) -> Result:
        """Raises what kept the new ReplicaSet from being made, once the status tells it: it is tried again."""
        deployment = self._deployment
        new = new_replica_set(deployment, self._sets)
        if deployment.spec.paused:
            self._say_paused(True)
            await self._resize(proportional_sizes(deployment, new, self._old(new)))
        else:
            self._say_paused(False)
            if is_scaling_event(deployment, self._sets):
                new = await self._revised(new) if new is not None else None
                await self._resize(proportional_sizes(deployment, new, self._old(new)))
            elif deployment.spec.strategy.type == "Recreate":
                new = await self._recreate(new)
            else:
                new = await self._roll(new)
        new = next((rs for rs in self._sets if new is not None and rs.metadata.name == new.metadata.name), new)
        result = await write_status(self._deployment, new, self._sets, self._conditions, self._collisions)
        if self._failure is not None:
            raise self._failure
        await self._forget_history(new)
        return result

    async def _roll(self, new: ReplicaSet | None) -> ReplicaSet | None:
        new = await self._current(new)
        if new is None:
            return None
        size = new_size(self._deployment, new, self._sets)
        if size != replicas_of(new):
            await self._resize({new.metadata.name: size})
        else:
            await self._resize(old_sizes(self._deployment, new, self._old(new)))
        return new

    async def _recreate(self, new: ReplicaSet | None) -> ReplicaSet | None:
        """Nothing of the new before all of the old has ended."""
        old = self._old(new)
        if any(map(replicas_of, old)):
            await self._resize({rs.metadata.name: 0 for rs in old if replicas_of(rs)})
            return new
        if not all(map(has_ended, old)) or self._running_pods(old):
            return new
        new = await self._current(new)
        if new is not None:
            await self._resize({new.metadata.name: self._deployment.spec.replicas or 0})
        return new

    # --- the ReplicaSet of the template

    def _old(self, new: ReplicaSet | None) -> list[ReplicaSet]:
        return [rs for rs in self._sets if new is None or rs.metadata.uid != new.metadata.uid]

    async def _current(self, new: ReplicaSet | None) -> ReplicaSet | None:
        """The new ReplicaSet, made if there is none, with its revision and annotations; None after a name collision."""
        return await self._revised(new) if new is not None else await self._made()

    def _next_revision(self, new: ReplicaSet | None) -> int:
        return 1 + max(map(revision_of, self._old(new)), default=0)

    async def _revised(self, new: ReplicaSet) -> ReplicaSet:
        deployment = self._deployment
        wanted = with_annotations(deployment, new, self._next_revision(new))
        wanted = wanted.evolve(spec=wanted.spec.evolve(min_ready_seconds=deployment.spec.min_ready_seconds))
        if wanted != new:
            wanted = await self._api.update(wanted)
            self._replace(wanted)
            self.written.append(wanted)
        await self._say_revision(revision_of(wanted))
        if "Progressing" not in self._conditions and deployment.spec.progress_deadline_seconds is not None:
            self._set_progressing("FoundNewReplicaSet", f'Found new replica set "{new.metadata.name}"')
        return wanted

    async def _made(self) -> ReplicaSet | None:
        deployment = self._deployment
        wanted = self._replica_set()
        try:
            made = await self._api.create(wanted)
        except AlreadyExists:
            return await self._after_collision(wanted)
        except ApiStatusError as error:
            self._set_progressing("ReplicaSetCreateError", f'Failed to create new replica set "{wanted.metadata.name}": {error}', "False")
            self._recorder.event(deployment, "Warning", "ReplicaSetCreateError",
                                 f'Failed to create new replica set "{wanted.metadata.name}": {error}')
            self._failure = error
            return None
        self._sets.append(made)
        self.written.append(made)
        if size := replicas_of(made):
            self._tell_scaled(made, 0, size)
        self._set_progressing("NewReplicaSetCreated", f'Created new replica set "{made.metadata.name}"')
        await self._say_revision(revision_of(made))
        return made

    def _replica_set(self) -> ReplicaSet:
        deployment = self._deployment
        hashed = template_hash(deployment.spec.template, self._collisions)
        meta = deployment.spec.template.metadata
        template = deployment.spec.template.evolve(metadata=meta.evolve(labels={**meta.labels, HASH_LABEL: hashed}))
        selector = deployment.spec.selector
        assert selector is not None         # validation holds it
        rs = ReplicaSet(
            metadata=ObjectMeta(name=f"{deployment.metadata.name}-{hashed}", namespace=deployment.metadata.namespace,
                                labels=template.metadata.labels, owner_references=(controller_reference(deployment),)),
            spec=ReplicaSetSpec(replicas=new_size(deployment, None, self._sets), min_ready_seconds=deployment.spec.min_ready_seconds,
                                selector=selector.evolve(match_labels={**selector.match_labels, HASH_LABEL: hashed}), template=template))
        return with_annotations(deployment, rs, self._next_revision(None), self._told())

    async def _after_collision(self, wanted: ReplicaSet) -> ReplicaSet | None:
        """Ours, made before a crash or not yet seen: use it. Somebody else's: another hash next time."""
        there = await self._api.get(wanted.metadata.name)
        owner = controller_of(there)
        if owner is not None and owner.uid == self._deployment.metadata.uid and same_template(there.spec.template, wanted.spec.template):
            self._sets.append(there)
            return there
        self._collisions = (self._collisions or 0) + 1
        return None

    def _told(self) -> tuple[int, int]:
        wanted = self._deployment.spec.replicas or 0
        return wanted, wanted + max_surge(self._deployment)

    # --- writes

    async def _resize(self, sizes: Sizes) -> None:
        """Scales those whose size differs, and tells every one what the Deployment wants."""
        for rs in list(self._sets):
            size = sizes.get(rs.metadata.name)
            if size is None:
                continue
            before = replicas_of(rs)
            told = with_annotations(self._deployment, rs, 0, self._told())
            wanted = told.evolve(spec=told.spec.evolve(replicas=size))
            if wanted == rs:
                continue
            updated = await self._api.update(wanted)
            self._replace(updated)
            self.written.append(updated)
            if size != before:
                self._tell_scaled(rs, before, size)

    def _tell_scaled(self, rs: ReplicaSet, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        self._recorder.event(self._deployment, "Normal", "ScalingReplicaSet",
                             f"Scaled {direction} replica set {rs.metadata.name} from {before} to {after}")

    def _replace(self, rs: ReplicaSet) -> None:
        self._sets[:] = [rs if one.metadata.uid == rs.metadata.uid else one for one in self._sets]

    async def _say_revision(self, revision: int) -> None:
        if revision and self._deployment.metadata.annotations.get(REVISION) != str(revision):
            meta = self._deployment.metadata
            annotated = self._deployment.evolve(metadata=meta.evolve(annotations={**meta.annotations, REVISION: str(revision)}))
            self._deployment = await self._deployments.update(annotated)

    def _set_progressing(self, reason: str, message: str, status: str = "True") -> None:
        if self._deployment.spec.progress_deadline_seconds is not None:
            self._conditions = set_condition(self._conditions, "Progressing", status, reason, message, self._world.now())

    def _say_paused(self, is_paused: bool) -> None:
        known = self._conditions.get("Progressing")
        if is_paused and (known is None or known.reason not in ("DeploymentPaused", "ProgressDeadlineExceeded")):
            self._set_progressing("DeploymentPaused", "Deployment is paused", "Unknown")
        elif not is_paused and known is not None and known.reason == "DeploymentPaused":
            self._set_progressing("DeploymentResumed", "Deployment is resumed", "Unknown")

    async def _forget_history(self, new: ReplicaSet | None) -> None:
        """Deletes the oldest empty ReplicaSets beyond revisionHistoryLimit, once the rollout is complete."""
        limit, deployment = self._deployment.spec.revision_history_limit, self._deployment
        if limit is None or new is None or not is_complete(deployment, deployment.status):
            return
        idle = [rs for rs in self._old(new) if not replicas_of(rs) and rs.status is not None and not rs.status.replicas
                and rs.metadata.deletion_timestamp is None and rs.metadata.generation <= rs.status.observed_generation]
        for rs in sorted(idle, key=lambda rs: (revision_of(rs), created(rs)))[:max(0, len(idle) - limit)]:
            await self._api.delete(rs.metadata.name, uid=rs.metadata.uid)


def deployment_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    deployments = factory.informer(Deployment)
    sets = factory.informer(ReplicaSet, indexers={"controller": index_by_controller})
    pods = factory.informer(Pod, indexers={"controller": index_by_controller})

    def deployments_for(rs: ReplicaSet) -> list[ObjectKey]:
        owner = controller_of(rs)
        if owner is not None:
            return [ObjectKey(rs.metadata.namespace, owner.name)] if owner.kind == "Deployment" else []
        return [key_of(one) for one in deployments.list(rs.metadata.namespace)
                if selector_of(one.spec.selector).matches(rs.metadata.labels)]

    def recreating(pod: Pod) -> list[ObjectKey]:
        """Only a Recreate rollout waits for pods to be gone."""
        owner = controller_of(pod)
        rs = sets.get(ObjectKey(pod.metadata.namespace, owner.name)) if owner is not None and owner.kind == "ReplicaSet" else None
        keys = deployments_for(rs) if rs is not None else []
        return [key for key in keys if (one := deployments.get(key)) is not None and one.spec.strategy.type == "Recreate"]

    reconciler = DeploymentReconciler(client, recorder.of("deployment-controller"), deployments, sets, pods, world)
    sets.add_handler(on_delete=reconciler.forget)
    controller = Controller("deployment", reconciler, workers=5)
    controller.watches(deployments, lambda deployment: [key_of(deployment)])
    controller.watches(sets, deployments_for)
    controller.watches(pods, recreating)
    return controller
