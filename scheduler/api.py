"""What the scheduler writes, over the API: bindings, the PodScheduled condition, events."""
from __future__ import annotations

from kubeapi.generated.models.core_v1 import Binding, ObjectReference, Pod
from kubeapi.times import format_time
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from scheduler.podinfo import PodInfo


class KubeApi:
    def __init__(self, client: Client, recorder: EventRecorder, world: World = REAL_WORLD) -> None:
        self._client, self._recorder, self._world = client, recorder, world

    async def bind(self, pod: PodInfo, node: str) -> None:
        binding = {"apiVersion": Binding.api_version(), "kind": Binding.kind(),
                   "metadata": {"name": pod.key.name, "namespace": pod.key.namespace, "uid": pod.uid},
                   "target": {"apiVersion": "v1", "kind": "Node", "name": node}}
        await self._client.request("POST", f"/api/v1/namespaces/{pod.key.namespace}/pods/{pod.key.name}/binding", binding)

    async def report_unschedulable(self, pod: PodInfo, message: str) -> None:
        now = format_time(self._world.now())
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                     "lastProbeTime": None, **({} if pod.told_unschedulable else {"lastTransitionTime": now})}
        pods = self._client.resource(Pod, pod.key.namespace)
        await pods.patch(pod.key.name, {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}},
                         type="strategic", subresource="status")

    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None:
        reference = ObjectReference(api_version="v1", kind="Pod", namespace=pod.key.namespace, name=pod.key.name, uid=pod.uid,
                                    resource_version=pod.resource_version)
        self._recorder.event(reference, type, reason, message)
