"""What the scheduler writes, over the API: bindings, the PodScheduled condition, preemptions, events."""
from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.core_v1 import Binding, ObjectReference, Pod
from kubeapi.times import format_time
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from scheduler.podinfo import PodInfo


class KubeApi:
    def __init__(self, client: Client, recorders: Mapping[str, EventRecorder], world: World = REAL_WORLD) -> None:
        """*recorders*: by the name of the scheduler whose events they write."""
        self._client, self._recorders, self._world = client, recorders, world

    async def bind(self, pod: PodInfo, node: str) -> None:
        binding = {"apiVersion": Binding.api_version(), "kind": Binding.kind(),
                   "metadata": {"name": pod.key.name, "namespace": pod.key.namespace, "uid": pod.uid},
                   "target": {"apiVersion": "v1", "kind": "Node", "name": node}}
        await self._client.request("POST", f"/api/v1/namespaces/{pod.key.namespace}/pods/{pod.key.name}/binding", binding)

    async def report_unschedulable(self, pod: PodInfo, message: str, nominated: str) -> None:
        """*nominated*: the node where others make room for it; empty: nowhere."""
        now = format_time(self._world.now())
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                     "lastProbeTime": None, **({} if pod.told_unschedulable else {"lastTransitionTime": now})}
        await self._patch_status(pod, {"conditions": [condition], "nominatedNodeName": nominated or None})

    async def clear_nomination(self, pod: PodInfo) -> None:
        with suppress(NotFound, Conflict):
            await self._patch_status(pod, {"nominatedNodeName": None})

    async def preempt(self, victim: PodInfo, preemptor: PodInfo) -> None:
        """Says why it has to go, and deletes it; one that is gone or going already is left alone."""
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                     "message": f"{preemptor.scheduler_name}: preempting to accommodate a higher priority pod",
                     "lastProbeTime": None, "lastTransitionTime": format_time(self._world.now())}
        try:
            await self._patch_status(victim, {"conditions": [condition]})
            await self._client.resource(Pod, victim.key.namespace).delete(victim.key.name, uid=victim.uid)
        except (NotFound, Conflict):            # another pod has its name now, or nobody
            return
        self._tell(preemptor.scheduler_name, victim, "Normal", "Preempted", f"Preempted by pod {preemptor.uid} on node {victim.node_name}")

    async def _patch_status(self, pod: PodInfo, status: Mapping[str, Any]) -> None:
        pods = self._client.resource(Pod, pod.key.namespace)
        await pods.patch(pod.key.name, {"metadata": {"uid": pod.uid}, "status": status}, type="strategic", subresource="status")

    def event(self, pod: PodInfo, type: str, reason: str, message: str) -> None:
        self._tell(pod.scheduler_name, pod, type, reason, message)

    def _tell(self, scheduler: str, pod: PodInfo, type: str, reason: str, message: str) -> None:
        reference = ObjectReference(api_version="v1", kind="Pod", namespace=pod.key.namespace, name=pod.key.name, uid=pod.uid,
                                    resource_version=pod.resource_version)
        self._recorders[scheduler].event(reference, type, reason, message)
