"""Pods leave a node that has a NoExecute taint: at once those that do not tolerate it, the others when their toleration ends.

The wait begins when the taint is seen, and goes on where it is replaced by another: the shortest toleration counts, from the first
moment on. What is taken back before, because the taints are gone, stays.
"""
from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from controllers.disruption import disruption_target
from controllers.pods import index_by_node
from controllers.references import key_of
from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.core_v1 import Node, ObjectReference, Pod, Taint, Toleration
from kubeapi.meta import ObjectKey
from kubeapi.nodefit import tolerates
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory


def executing(node: Node | None) -> tuple[Taint, ...]:
    return tuple(one for one in node.spec.taints if one.effect == "NoExecute") if node is not None else ()


def tolerated_seconds(tolerations: Sequence[Toleration], taints: Sequence[Taint]) -> float:
    """How long a pod may stay: of each taint the first toleration that matches it, of those the shortest; infinity is for ever."""
    shortest = math.inf
    for taint in taints:
        match = next((one for one in tolerations if tolerates((one,), taint)), None)
        if match is None:
            return 0.0
        if match.toleration_seconds is not None:
            shortest = min(shortest, max(0.0, match.toleration_seconds))
    return shortest


class TaintEviction:
    """Keys are pods."""

    def __init__(self, client: Client, recorder: EventRecorder, nodes: Informer[Node], pods: Informer[Pod], world: World) -> None:
        self._client, self._recorder, self._nodes, self._pods, self._world = client, recorder, nodes, pods, world
        self._since: dict[ObjectKey, tuple[str, float]] = {}        # pods that will have to go -> their uid, and when that was seen

    async def reconcile(self, key: ObjectKey) -> Result:
        pod = self._pods.get(key)
        if pod is None or pod.metadata.deletion_timestamp is not None:
            self._since.pop(key, None)
            return DONE
        taints = executing(self._nodes.get(ObjectKey("", pod.spec.node_name)))
        seconds = tolerated_seconds(pod.spec.tolerations, taints)
        if seconds == math.inf:
            if self._since.pop(key, None) is not None:
                self._recorder.event(_reference(key), "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {key}")
            return DONE
        left = self._began(key, pod) + seconds - asyncio.get_running_loop().time()
        if left > 0.001:
            return Result(requeue_after=left)
        await self._evict(key, pod)
        return DONE

    def _began(self, key: ObjectKey, pod: Pod) -> float:
        uid, since = self._since.get(key, ("", 0.0))
        if uid != pod.metadata.uid:
            since = asyncio.get_running_loop().time()
            self._since[key] = (pod.metadata.uid, since)
        return since

    async def _evict(self, key: ObjectKey, pod: Pod) -> None:
        self._recorder.event(_reference(key), "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}")
        api = self._client.resource(Pod, key.namespace)
        status = disruption_target(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", self._world.now())
        try:
            if status:
                await api.patch(key.name, {"metadata": {"uid": pod.metadata.uid}, "status": status}, "strategic", "status")
            await api.delete(key.name, uid=pod.metadata.uid)
        except (NotFound, Conflict):        # gone, or its name is another's
            self._since.pop(key, None)


def _reference(key: ObjectKey) -> ObjectReference:
    return ObjectReference(api_version="v1", kind="Pod", namespace=key.namespace, name=key.name)


def taint_eviction_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    nodes, pods = factory.informer(Node), factory.informer(Pod, indexers={"node": index_by_node})
    controller = Controller("tainteviction", TaintEviction(client, recorder, nodes, pods, world), workers=8)

    def look_at_all(node: Node) -> None:
        for pod in pods.by_index("node", node.metadata.name):
            controller.queue.add(key_of(pod))

    def node_came(node: Node) -> None:
        if executing(node):
            look_at_all(node)

    def node_changed(old: Node, new: Node) -> None:
        if executing(old) != executing(new):
            look_at_all(new)

    def pod_came(pod: Pod) -> None:
        if executing(nodes.get(ObjectKey("", pod.spec.node_name))):
            controller.queue.add(key_of(pod))

    def pod_changed(old: Pod, new: Pod) -> None:
        if (old.metadata.uid, old.spec.node_name, old.spec.tolerations) != (new.metadata.uid, new.spec.node_name, new.spec.tolerations):
            controller.queue.add(key_of(new))

    nodes.add_handler(node_came, node_changed, look_at_all)
    pods.add_handler(pod_came, pod_changed, lambda pod: controller.queue.add(key_of(pod)))
    return controller.waits_for(nodes).waits_for(pods)
