"""Pods that nobody else will take away: their node is gone, or out of service, or they never had one; and the oldest of too many
that have ended.

A pod that had not ended is said to have failed before it is deleted: its kubelet, which would say so, is not there. A node that is
missing may be one that registers late: it is given forty seconds and asked for once more.
"""
from __future__ import annotations

import asyncio
from collections.abc import Sequence

from controllers.disruption import disruption_target
from controllers.nodelifecycle.conditions import OUT_OF_SERVICE, has_taint, readiness
from controllers.pods import index_by_node
from controllers.references import key_of
from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

QUARANTINE_SECONDS = 40.0
TERMINATED_POD_THRESHOLD = 12500
ENDED = ObjectKey("", "")


def has_ended(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def is_going(pod: Pod) -> bool:
    return pod.metadata.deletion_timestamp is not None


def oldest(pods: Sequence[Pod], count: int) -> Sequence[Pod]:
    """Evicted ones first: they are not what a controller has left to be looked at."""
    def order(pod: Pod) -> tuple[object, ...]:
        created = pod.metadata.creation_timestamp
        return pod.status.reason != "Evicted", created.timestamp() if created else 0.0, pod.metadata.name

    return sorted(pods, key=order)[:count]


class PodGarbageCollector:
    """Keys are nodes, pods without one, and ENDED for all that have ended."""

    def __init__(self, client: Client, nodes: Informer[Node], pods: Informer[Pod], threshold: int, world: World) -> None:
        self._client, self._nodes, self._pods, self._threshold, self._world = client, nodes, pods, threshold, world
        self._ended: set[ObjectKey] = set()
        self._missing_since: dict[str, float] = {}

    # --- what the watch tells

    def keys(self, pod: Pod) -> list[ObjectKey]:
        """What a pod as it is now gives reason to look at."""
        found = []
        if self._note_ended(pod):
            found.append(ENDED)
        if not pod.spec.node_name:
            if is_going(pod):
                found.append(key_of(pod))
        elif is_going(pod) or self._nodes.get(ObjectKey("", pod.spec.node_name)) is None:
            found.append(ObjectKey("", pod.spec.node_name))
        return found

    def gone(self, pod: Pod) -> None:
        self._ended.discard(key_of(pod))

    def _note_ended(self, pod: Pod) -> bool:
        """Whether there are too many now."""
        if not has_ended(pod):
            self._ended.discard(key_of(pod))
            return False
        self._ended.add(key_of(pod))
        return 0 < self._threshold < len(self._ended)

    # --- what is done about it

    async def reconcile(self, key: ObjectKey) -> Result:
        if key == ENDED:
            return await self._collect_ended()
        if key.namespace:
            pod = self._pods.get(key)
            if pod is not None and is_going(pod) and not pod.spec.node_name:
                await self._take(pod)
            return DONE
        node = self._nodes.get(key)
        if node is None:
            return await self._collect_orphans(key.name)
        self._missing_since.pop(key.name, None)
        if readiness(node) != "True" and has_taint(node, OUT_OF_SERVICE):
            for pod in [one for one in self._pods.by_index("node", key.name) if is_going(one)]:
                await self._take(pod)
        return DONE

    async def _collect_ended(self) -> Result:
        surplus = len(self._ended) - self._threshold
        if self._threshold > 0 and surplus > 0:
            known = [pod for key in self._ended if (pod := self._pods.get(key)) is not None]
            for pod in oldest(known, surplus):
                await self._take(pod)
        return DONE

    async def _collect_orphans(self, node: str) -> Result:
        orphans = self._pods.by_index("node", node)
        if not orphans:
            self._missing_since.pop(node, None)
            return DONE
        now = asyncio.get_running_loop().time()
        left = self._missing_since.setdefault(node, now) + QUARANTINE_SECONDS - now
        if left > 0.001:
            return Result(requeue_after=left)
        del self._missing_since[node]
        if await self._exists(node):
            return Result(requeue_after=QUARANTINE_SECONDS)     # the cache is behind
        for pod in orphans:
            await self._take(pod, because="PodGC: node no longer exists")
        return DONE

    async def _exists(self, node: str) -> bool:
        try:
            await self._client.resource(Node).get(node)
        except NotFound:
            return False
        return True

    async def _take(self, pod: Pod, because: str = "") -> None:
        api = self._client.resource(Pod, pod.metadata.namespace)
        try:
            if not has_ended(pod):
                told = disruption_target(pod, "DeletionByPodGC", because, self._world.now()) if because else {}
                await api.patch(pod.metadata.name, {"metadata": {"uid": pod.metadata.uid}, "status": {"phase": "Failed", **told}},
                                "strategic", "status")
            await api.delete(pod.metadata.name, uid=pod.metadata.uid, grace_period_seconds=0)
        except (NotFound, Conflict):
            return                              # gone, or its name is another's
        finally:
            self._ended.discard(key_of(pod))


def pod_garbage_collector(client: Client, factory: InformerFactory, threshold: int = TERMINATED_POD_THRESHOLD,
                          world: World = REAL_WORLD) -> Controller:
    nodes, pods = factory.informer(Node), factory.informer(Pod, indexers={"node": index_by_node})
    collector = PodGarbageCollector(client, nodes, pods, threshold, world)
    controller = Controller("podgc", collector, workers=4)

    def look(pod: Pod) -> None:
        for key in collector.keys(pod):
            controller.queue.add(key)

    def look_at_node(node: Node) -> None:
        controller.queue.add(ObjectKey("", node.metadata.name))

    def node_changed(old: Node, new: Node) -> None:
        if has_taint(new, OUT_OF_SERVICE):
            look_at_node(new)

    pods.add_handler(look, lambda old, new: look(new), collector.gone)
    nodes.add_handler(look_at_node, node_changed, look_at_node)
    return controller.waits_for(nodes).waits_for(pods)
