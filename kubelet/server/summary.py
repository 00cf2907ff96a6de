"""The node's pods and what they use, as upstream's /pods and /stats/summary tell it (the parts that are measured)."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kubeapi.times import format_time
from kubeapi.world import REAL_WORLD

if TYPE_CHECKING:
    from kubelet.kubelet import Kubelet

Document = dict[str, Any]


def pods(kubelets: Iterable[Kubelet]) -> Document:
    items = [pod.to_wire() for kubelet in kubelets for pod in kubelet.workers.pods()]
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}


async def stats(kubelet: Kubelet) -> Document:
    now = format_time(REAL_WORLD.now())
    usage = {one.container_id: one for one in await kubelet.runtime.container_stats()}
    containers: dict[str, list[Document]] = {}
    for one in await kubelet.runtime.list_containers():
        if (used := usage.get(one.id)) is not None:
            containers.setdefault(one.labels.get("io.kubernetes.pod.uid", ""), []).append({
                "name": one.name, "startTime": now,
                "cpu": {"time": now, "usageCoreNanoSeconds": used.cpu_usage_core_nanoseconds},
                "memory": {"time": now, "usageBytes": used.memory_usage_bytes, "workingSetBytes": used.memory_working_set_bytes}})
    found = [{"podRef": {"name": pod.metadata.name, "namespace": pod.metadata.namespace, "uid": pod.metadata.uid}, "startTime": now,
              "containers": containers.get(pod.metadata.uid, [])} for pod in kubelet.workers.pods()]
    return {"node": {"nodeName": kubelet.config.identity.name, "startTime": now}, "pods": found}
