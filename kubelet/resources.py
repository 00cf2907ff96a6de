"""What containers and pods ask for and may use, in the words of cgroups; the QoS class and what the OOM killer makes of it."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeapi.generated.models.core_v1 import Container, Pod
from kubeapi.quantity import Quantity
from kubelet import hugepages
from kubelet.cri import LinuxResources
from kubelet.restarts import is_sidecar

PERIOD = 100_000                       # microseconds
LEAST_SHARES, LEAST_QUOTA = 2, 1_000
CRITICAL_PRIORITY = 2_000_000_000
REQUESTS, LIMITS = "requests", "limits"
GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"


@dataclass(frozen=True, slots=True)
class PodBounds:
    """What a node holds every pod to: its processes (0: any number), and no huge pages of these sizes that it did not ask for."""

    pids: int = 0
    hugepages: tuple[str, ...] = ()


UNBOUNDED = PodBounds()


def amount(amounts: Mapping[str, str], name: str) -> int:
    """CPU in thousandths, everything else whole; 0 where it is not named."""
    if name not in amounts:
        return 0
    quantity = Quantity.parse(amounts[name])
    return quantity.milli_value() if name == "cpu" else quantity.value()


def of_container(container: Container, kind: str, name: str) -> int:
    return amount(container.resources.limits if kind == LIMITS else container.resources.requests, name)


def of_pod(pod: Pod, kind: str, name: str) -> int:
    """What all of it needs at once: its containers and sidecars, or an init container beside the sidecars before it, whichever is
    more; what the pod as a whole is given counts instead of that. With what the sandbox itself costs."""
    sidecars = peak = 0
    for container in pod.spec.init_containers:
        own = of_container(container, kind, name)
        if is_sidecar(container):
            sidecars += own
        peak = max(peak, sidecars if is_sidecar(container) else sidecars + own)
    found = max(peak, sidecars + sum(of_container(one, kind, name) for one in pod.spec.containers))
    if pod.spec.resources is not None:
        found = amount(pod.spec.resources.limits if kind == LIMITS else pod.spec.resources.requests, name) or found
    return found + (amount(pod.spec.overhead, name) if found or kind == REQUESTS else 0)


def shares(milli_cpu: int) -> int:
    return max(LEAST_SHARES, milli_cpu * 1024 // 1000)


def quota(milli_cpu: int) -> int:
    """0: no limit."""
    return max(LEAST_QUOTA, milli_cpu * PERIOD // 1000) if milli_cpu else 0


def container_resources(pod: Pod, container: Container, node_memory: int) -> LinuxResources:
    limits, requests = container.resources.limits, container.resources.requests
    return LinuxResources(
        cpu_shares=shares(amount(requests, "cpu") or amount(limits, "cpu")), cpu_quota=quota(amount(limits, "cpu")), cpu_period=PERIOD,
        memory_limit_bytes=amount(limits, "memory"), oom_score_adj=oom_score(pod, container, node_memory),
        hugepage_limits={hugepages.page_name(hugepages.size_of(name)): amount(limits, name) for name in hugepage_names(pod)})


def pod_resources(pod: Pod, bounds: PodBounds = UNBOUNDED) -> LinuxResources:
    """The pod's own cgroup: limited where all of its containers are, or the pod is as a whole; and as the node bounds all pods."""
    return LinuxResources(
        cpu_shares=shares(of_pod(pod, REQUESTS, "cpu") or of_pod(pod, LIMITS, "cpu")), cpu_period=PERIOD,
        cpu_quota=quota(of_pod(pod, LIMITS, "cpu")) if _is_limited(pod, "cpu") else 0,
        memory_limit_bytes=of_pod(pod, LIMITS, "memory") if _is_limited(pod, "memory") else 0, pids_limit=bounds.pids,
        hugepage_limits={hugepages.page_name(hugepages.size_of(name)): of_pod(pod, LIMITS, name)
                         for name in sorted({*bounds.hugepages, *hugepage_names(pod)})})


def hugepage_names(pod: Pod) -> list[str]:
    """The sizes of huge pages that its containers, or the pod as a whole, may have."""
    given = [one.resources.limits for one in (*pod.spec.init_containers, *pod.spec.containers)]
    if pod.spec.resources is not None:
        given.append(pod.spec.resources.limits)
    return sorted({name for limits in given for name in limits if name.startswith(hugepages.PREFIX)})


def _is_limited(pod: Pod, name: str) -> bool:
    if pod.spec.resources is not None and name in pod.spec.resources.limits:
        return True
    return all(of_container(one, LIMITS, name) for one in (*pod.spec.init_containers, *pod.spec.containers))


def at_least(one: LinuxResources, other: LinuxResources) -> LinuxResources:
    """What leaves room for either: a group is as large as that while those below it change."""
    def larger(left: int, right: int) -> int:
        return max(left, right) if left and right else 0
    return LinuxResources(
        cpu_shares=max(one.cpu_shares, other.cpu_shares), cpu_quota=larger(one.cpu_quota, other.cpu_quota), cpu_period=PERIOD,
        memory_limit_bytes=larger(one.memory_limit_bytes, other.memory_limit_bytes), pids_limit=other.pids_limit,
        oom_score_adj=other.oom_score_adj, hugepage_limits=other.hugepage_limits)


def qos_class(pod: Pod) -> str:
    if pod.status.qos_class:
        return pod.status.qos_class
    asked, guaranteed = False, True
    whole = pod.spec.resources
    for resources in [whole] if whole is not None and (whole.limits or whole.requests) else [
            one.resources for one in (*pod.spec.init_containers, *pod.spec.containers)]:
        limits, requests = ({name: amount(amounts, name) for name in ("cpu", "memory") if amount(amounts, name)}
                            for amounts in (resources.limits, resources.requests))
        asked = asked or bool(limits or requests)
        guaranteed = guaranteed and len(limits) == 2 and {**limits, **requests} == limits
    return BEST_EFFORT if not asked else GUARANTEED if guaranteed else BURSTABLE


def oom_score(pod: Pod, container: Container, node_memory: int) -> int:
    """Who dies first when the node's memory ends: who asked for nothing, then who asked for little."""
    qos = qos_class(pod)
    if qos == GUARANTEED or (pod.spec.priority or 0) >= CRITICAL_PRIORITY:
        return -997
    if qos == BEST_EFFORT:
        return 1000
    score = 1000 - 1000 * of_container(container, REQUESTS, "memory") // max(1, node_memory)
    return min(max(score, 3), 999)


# --- where a pod's cgroup lies

def pod_cgroup(node: str, pod: Pod) -> str:
    """Below its node's, by QoS class: pods of the lower classes are held together, so that they can be held down together."""
    return f"{qos_cgroup(node, qos_class(pod))}/pod{pod.metadata.uid}"


def qos_cgroup(node: str, qos: str) -> str:
    return node if qos == GUARANTEED else f"{node}/{qos.lower()}"
