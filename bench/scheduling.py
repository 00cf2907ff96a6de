"""The scheduler's decisions in memory; what is left to binding is measured by the API's figures."""
from __future__ import annotations

import time
from dataclasses import replace

from bench.api import a_pod
from kubeapi.kinds.pod import PodStrategy
from kubeapi.world import World
from scheduler.algorithm import Search, choose
from scheduler.cache import Cache
from scheduler.framework import PodInfo
from scheduler.profile import default_profile

NODE_INFO = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
                           "kubeProxyVersion", "operatingSystem", "architecture"), "")


def measure(nodes: int, pods: int) -> float:
    """Decisions a second."""
    from kubeapi.generated.models.core_v1 import Node, Pod
    strategy, cache, profile, search, world = PodStrategy(), Cache(), default_profile(), Search(), World(1)
    for number in range(nodes):
        cache.update_node(Node.from_wire({"metadata": {"name": f"n{number}"}, "status": {
            "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "1000"}, "nodeInfo": NODE_INFO,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}}))
    document = a_pod("p")
    strategy.default(document)
    template = PodInfo.of(Pod.from_wire(document))
    began = time.perf_counter()
    for number in range(pods):
        pod = replace(template, uid=str(number))
        chosen = choose(profile, pod, cache, search, world)
        assert hasattr(chosen, "name")
        cache.assume(pod, chosen.name)
    return round(pods / (time.perf_counter() - began))
