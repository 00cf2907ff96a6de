"""The scheduler's decisions in memory; what is left to binding is measured by the API's figures.

`python -m bench.scheduling` prints every shape of pod: what each wish costs.
"""
from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.api import a_pod
from kubeapi.kinds.pod import PodStrategy
from kubeapi.labels import from_set
from kubeapi.meta import ObjectKey
from kubeapi.world import World
from scheduler.algorithm import Chosen, choose
from scheduler.cache import Cache
from scheduler.judgements import Search
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile

NODE_INFO = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
                           "kubeProxyVersion", "operatingSystem", "architecture"), "")
APP = {"matchLabels": {"app": "bench"}}
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "of a Service": {},
    "spread over zones": {"topologySpreadConstraints": [
        {"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": APP}]},
    "in a zone of its own kind": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": ZONE, "labelSelector": APP}]}}},
    "rather on a host of its own": {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 100, "podAffinityTerm": {"topologyKey": HOSTNAME, "labelSelector": APP}}]}}},
}


def measure(nodes: int, pods: int, shape: str = "plain") -> float:
    """Decisions a second."""
    from kubeapi.generated.models.core_v1 import Node, Pod
    strategy, cache, profile, search, world = PodStrategy(), Cache(), default_profile(), Search(), World(1)
    for number in range(nodes):
        labels = {HOSTNAME: f"n{number}", ZONE: f"z{number % 3}"}
        cache.update_node(Node.from_wire({"metadata": {"name": f"n{number}", "labels": labels}, "status": {
            "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "1000"}, "nodeInfo": NODE_INFO,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}}))
    if shape == "of a Service":
        cache.workloads.set_service(ObjectKey("", "bench"), from_set(APP["matchLabels"]))
    document = a_pod("p")
    document["spec"] |= SHAPES[shape]
    strategy.default(document)
    template = PodInfo.of(Pod.from_wire(document))
    began = time.perf_counter()
    for number in range(pods):
        pod = replace(template, uid=str(number))
        chosen = choose(profile, pod, cache, search, world)
        assert isinstance(chosen, Chosen)
        cache.assume(pod, chosen.node.name)
    return round(pods / (time.perf_counter() - began))


if __name__ == "__main__":
    for each in SHAPES:
        print(f"{each:40} {measure(100, 3000, each):6.0f}/s on 100 nodes {measure(1000, 1000, each):6.0f}/s on 1,000")
