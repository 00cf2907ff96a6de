"""The algorithm: note the template as a revision, put a pod on every node that suits, replace old pods step by step, count."""
from __future__ import annotations

from collections.abc import Sequence

from controllers.adoption import claim
from controllers.daemonset.backoff import FailedPodBackoff
from controllers.daemonset.nodes import Placement, by_node, pod_templates
from controllers.daemonset.placement import Plan, failing_nodes, plan
from controllers.daemonset.rolling import Fits, step
from controllers.daemonset.status import NOTHING_YET, new_status
from controllers.expectations import Expectations
from controllers.podcontrol import PodControl
from controllers.references import controller_key, controller_of, index_by_controller, key_of, selector_of
from controllers.replicaset import earliest, next_available
from controllers.revisions import REVISION_LABEL, HashCollision, RevisionHistory, hash_in, revision_informer
from kubeapi.errors import ApiStatusError
from kubeapi.generated.models.apps_v1 import ControllerRevision, DaemonSet
from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory

BURST_REPLICAS = 250


class DaemonSetReconciler:
    def __init__(self, client: Client, recorder: EventRecorder, sets: Informer[DaemonSet], pods: Informer[Pod], nodes: Informer[Node],
                 revisions: Informer[ControllerRevision], world: World = REAL_WORLD) -> None:
        self._client, self._recorder, self._world = client, recorder, world
        self._sets, self._pods, self._nodes = sets, pods, nodes
        self._history = RevisionHistory(client, revisions)
        self._expectations = Expectations()
        self._expectations.watch(pods, DaemonSet.kind())
        self._pod_control = PodControl(client, recorder, self._expectations, world)
        self._backoff = FailedPodBackoff()

    async def reconcile(self, key: ObjectKey) -> Result:
        daemon_set = self._sets.get(key)
        if daemon_set is None:
            self._expectations.forget(key)
            return DONE
        if daemon_set.metadata.deletion_timestamp is not None:
            return DONE                         # the garbage collector may have taken its revisions: nothing can be told any more
        selector = selector_of(daemon_set.spec.selector)
        if selector.selects_everything:
            self._recorder.event(daemon_set, "Warning", "SelectingAll",
                                 "This daemon set is selecting all pods. A non-empty selector is required.")
            return DONE
        try:
            current, old = await self._revisions(daemon_set)
        except HashCollision:
            return await self._count_collision(daemon_set)
        fits, hashed = self._fits(daemon_set), hash_in(current)
        has_settled, failure, wait = self._expectations.are_satisfied(key), None, None
        if has_settled:
            try:
                wait = await self._place(daemon_set, fits, hashed)
                if self._expectations.are_satisfied(key) and daemon_set.spec.update_strategy.type == "RollingUpdate":
                    await self._roll(daemon_set, fits, hashed)
                await self._forget_history(daemon_set, old)
            except (ApiStatusError, ConnectionError, TimeoutError) as error:
                failure = error
        await self._write_status(daemon_set, fits, hashed, has_settled=has_settled)
        if failure is not None:
            raise failure
        available = next_available(self._known(daemon_set), daemon_set.spec.min_ready_seconds, self._world.now())
        return Result(requeue_after=earliest(wait, available, self._expectations.seconds_left(key)))

    def _fits(self, daemon_set: DaemonSet) -> Fits:
        placement = Placement(daemon_set)
        return {node.metadata.name: placement.fit(node) for node in self._nodes.list()}

    def _known(self, daemon_set: DaemonSet) -> Sequence[Pod]:
        """Its pods as the cache has them now."""
        selector = selector_of(daemon_set.spec.selector)
        return [pod for pod in self._pods.by_index("controller", daemon_set.metadata.uid) if selector.matches(pod.metadata.labels)]

    async def _claimed(self, daemon_set: DaemonSet) -> Sequence[Pod]:
        return await claim(self._client, daemon_set, selector_of(daemon_set.spec.selector), self._pods, Pod)

    # --- pods

    async def _place(self, daemon_set: DaemonSet, fits: Fits, hashed: str) -> float | None:
        """A pod where one is missing, none where one is too much. Seconds until a failed pod may be replaced."""
        pods = by_node(await self._claimed(daemon_set))
        waits = {node: wait for node in failing_nodes(fits, pods) if (wait := self._backoff.seconds_left(_backoff_key(daemon_set, node)))}
        found = plan(daemon_set, fits, pods, waits, hashed, self._world.now())
        self._tell_ended(daemon_set, found)
        ended = [pod for here in (*found.failed.values(), *found.succeeded.values()) for pod in here]
        failure: Exception | None = None
        try:
            await self._delete(daemon_set, [*found.delete, *ended])
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            failure = error                     # what cannot be deleted keeps nothing from being created elsewhere
        await self._create(daemon_set, found.create, hashed)
        if failure is not None:
            raise failure
        return min(waits.values(), default=None)

    def _tell_ended(self, daemon_set: DaemonSet, found: Plan) -> None:
        for node, pods in found.failed.items():
            self._backoff.next(_backoff_key(daemon_set, node))
            for pod in pods:
                self._recorder.event(daemon_set, "Warning", "FailedDaemonPod",
                                     f"Found failed daemon pod {key_of(pod)} on node {node}, will try to kill it")
        for node, pods in found.succeeded.items():
            for pod in pods:
                self._recorder.event(daemon_set, "Normal", "SucceededDaemonPod",
                                     f"Found succeeded daemon pod {key_of(pod)} on node {node}, will try to delete it")

    async def _roll(self, daemon_set: DaemonSet, fits: Fits, hashed: str) -> None:
        """Deletes first: a pod that goes makes room for the next surge."""
        found = step(daemon_set, fits, by_node(self._known(daemon_set)), hashed, self._world.now())
        await self._delete(daemon_set, found.delete)
        await self._create(daemon_set, found.create, hashed)

    async def _create(self, daemon_set: DaemonSet, nodes: Sequence[str], hashed: str) -> None:
        await self._pod_control.create_each(daemon_set, pod_templates(daemon_set, nodes[:BURST_REPLICAS], hashed))

    async def _delete(self, daemon_set: DaemonSet, pods: Sequence[Pod]) -> None:
        await self._pod_control.delete(daemon_set, pods[:BURST_REPLICAS])

    async def _write_status(self, daemon_set: DaemonSet, fits: Fits, hashed: str, *, has_settled: bool) -> None:
        status = new_status(daemon_set, fits, by_node(self._known(daemon_set)), hashed, self._world.now(), has_settled=has_settled)
        if status != daemon_set.status:
            await self._client.resource(DaemonSet, daemon_set.metadata.namespace).update_status(daemon_set.evolve(status=status))

    # --- revisions

    async def _revisions(self, daemon_set: DaemonSet) -> tuple[ControllerRevision, Sequence[ControllerRevision]]:
        """The template's revision and all others, oldest first. Raises HashCollision."""
        template = daemon_set.spec.template
        revisions = await self._history.of(daemon_set, selector_of(daemon_set.spec.selector))
        collisions = daemon_set.status.collision_count if daemon_set.status is not None else None
        current = await self._history.current(daemon_set, template, revisions, collisions)
        twins = [one for one in self._history.with_template(template, revisions) if one.metadata.uid != current.metadata.uid]
        if twins:
            await self._unite(daemon_set, current, twins)
        return current, [one for one in revisions if one.metadata.uid != current.metadata.uid and one not in twins]

    async def _unite(self, daemon_set: DaemonSet, current: ControllerRevision, twins: Sequence[ControllerRevision]) -> None:
        """Revisions with one template become one: first their pods are its pods, or they would be replaced."""
        api = self._client.resource(Pod, daemon_set.metadata.namespace)
        hashes = {hash_in(twin) for twin in twins}
        for pod in await self._claimed(daemon_set):
            if pod.metadata.labels.get(REVISION_LABEL) in hashes:
                await api.patch(pod.metadata.name, {"metadata": {"labels": {REVISION_LABEL: hash_in(current)}}})
        for twin in twins:
            await self._history.delete(twin)

    async def _count_collision(self, daemon_set: DaemonSet) -> Result:
        """The count makes another hash of the same template; its being written wakes us."""
        api = self._client.resource(DaemonSet, daemon_set.metadata.namespace)
        live = await api.get(daemon_set.metadata.name)
        status = live.status or NOTHING_YET
        await api.update_status(live.evolve(status=status.evolve(collision_count=(status.collision_count or 0) + 1)))
        return DONE

    async def _forget_history(self, daemon_set: DaemonSet, old: Sequence[ControllerRevision]) -> None:
        in_use = {pod.metadata.labels.get(REVISION_LABEL, "") for pod in self._known(daemon_set)}
        if (limit := daemon_set.spec.revision_history_limit) is not None:
            await self._history.forget(old, limit, in_use)


def _backoff_key(daemon_set: DaemonSet, node: str) -> tuple[str, int, str]:
    """A change of the DaemonSet begins anew."""
    observed = daemon_set.status.observed_generation if daemon_set.status is not None else 0
    return daemon_set.metadata.uid, observed, node


def daemon_set_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    sets = factory.informer(DaemonSet)
    pods = factory.informer(Pod, indexers={"controller": index_by_controller})
    nodes, revisions = factory.informer(Node), revision_informer(factory)

    def owners_of(obj: Pod | ControllerRevision) -> list[ObjectKey]:
        """Its DaemonSet; an orphan may interest every one of its namespace that selects it."""
        if controller_of(obj) is not None:
            key = controller_key(obj, DaemonSet.kind())
            return [key] if key is not None else []
        return [key_of(one) for one in sets.list(obj.metadata.namespace) if selector_of(one.spec.selector).matches(obj.metadata.labels)]

    controller = Controller("daemonset", DaemonSetReconciler(client, recorder.of("daemonset-controller"), sets, pods, nodes,
                                                                 revisions, world), workers=2)

    def node_came_or_went(node: Node) -> None:
        for one in sets.list():
            if Placement(one).fit(node).may_stay:
                controller.queue.add(key_of(one))

    def node_changed(old: Node, new: Node) -> None:
        """A kubelet writes its node often; only what decides where pods belong counts."""
        if (old.metadata.labels, old.spec.taints) == (new.metadata.labels, new.spec.taints):
            return
        for one in sets.list():
            placement = Placement(one)
            if placement.fit(old) != placement.fit(new):
                controller.queue.add(key_of(one))

    nodes.add_handler(node_came_or_went, node_changed, node_came_or_went)
    controller.waits_for(nodes)
    controller.watches(sets, lambda daemon_set: [key_of(daemon_set)])
    controller.watches(pods, owners_of)
    controller.watches(revisions, owners_of)
    return controller
