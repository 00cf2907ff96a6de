"""What containers ask for and may use, in the words of cgroups; the QoS class and what the OOM killer makes of it."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeapi.generated.models.core_v1 import Container, Pod
from kubeapi.quantity import Quantity
from kubelet.cri import LinuxResources
from kubelet.restarts import is_sidecar

PERIOD = 100_000                       # microseconds
LEAST_SHARES, LEAST_QUOTA = 2, 1_000
CRITICAL_PRIORITY = 2_000_000_000


def _milli(amounts: Mapping[str, str], name: str) -> int:
    return Quantity.parse(amounts[name]).milli_value() if name in amounts else 0


def _whole(amounts: Mapping[str, str], name: str) -> int:
    return Quantity.parse(amounts[name]).value() if name in amounts else 0


def shares(milli_cpu: int) -> int:
    return max(LEAST_SHARES, milli_cpu * 1024 // 1000)


def quota(milli_cpu: int) -> int:
    """0: no limit."""
    return max(LEAST_QUOTA, milli_cpu * PERIOD // 1000) if milli_cpu else 0


def container_resources(pod: Pod, container: Container, node_memory: int) -> LinuxResources:
    limits, requests = container.resources.limits, container.resources.requests
    return LinuxResources(
        cpu_shares=shares(_milli(requests, "cpu") or _milli(limits, "cpu")), cpu_quota=quota(_milli(limits, "cpu")), cpu_period=PERIOD,
        memory_limit_bytes=_whole(limits, "memory"), oom_score_adj=oom_score(pod, container, node_memory))


def pod_resources(pod: Pod) -> LinuxResources:
    """The pod's own cgroup: limited where all of its containers are."""
    containers = (*pod.spec.containers, *filter(is_sidecar, pod.spec.init_containers))
    requested = sum(_milli(one.resources.requests, "cpu") or _milli(one.resources.limits, "cpu") for one in containers)
    return LinuxResources(cpu_shares=shares(requested), cpu_period=PERIOD,
                          cpu_quota=quota(_limit(_milli(one.resources.limits, "cpu") for one in containers)),
                          memory_limit_bytes=_limit(_whole(one.resources.limits, "memory") for one in containers))


def _limit(limits: Iterable[int]) -> int:
    found = list(limits)
    return sum(found) if all(found) else 0


def qos_class(pod: Pod) -> str:
    if pod.status.qos_class:
        return pod.status.qos_class
    asked, guaranteed = False, True
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        limits, requests = ({name: _milli(amounts, name) for name in ("cpu", "memory") if _milli(amounts, name)}
                            for amounts in (container.resources.limits, container.resources.requests))
        asked = asked or bool(limits or requests)
        guaranteed = guaranteed and len(limits) == 2 and {**limits, **requests} == limits
    return "BestEffort" if not asked else "Guaranteed" if guaranteed else "Burstable"


def oom_score(pod: Pod, container: Container, node_memory: int) -> int:
    """Who dies first when the node's memory ends: who asked for nothing, then who asked for little."""
    qos = qos_class(pod)
    if qos == "Guaranteed" or (pod.spec.priority or 0) >= CRITICAL_PRIORITY:
        return -997
    if qos == "BestEffort":
        return 1000
    score = 1000 - 1000 * _whole(container.resources.requests, "memory") // max(1, node_memory)
    return min(max(score, 3), 999)
