"""Which pods stand behind a Service, where and on which ports. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache

from controllers.pods import is_ready
from kubeapi.generated.models.core_v1 import ContainerPort, ObjectReference, Pod, Service, ServicePort
from kubeclient.informer import Informer

LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def is_managed(service: Service) -> bool:
    """Without a selector nobody but its owner knows what stands behind it."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def is_headless(service: Service) -> bool:
    return service.spec.cluster_ip in ("", "None")


def selects(service: Service, pod: Pod) -> bool:
    labels = pod.metadata.labels
    return all(labels.get(key) == value for key, value in service.spec.selector.items())


def members(service: Service, pods: Informer[Pod]) -> list[Pod]:
    return [pod for pod in pods.list(service.metadata.namespace) if selects(service, pod)]


def has_address(pod: Pod) -> bool:
    """A pod that has ended keeps its address in its status, but nobody is there any more."""
    return pod.status.phase not in ("Succeeded", "Failed") and bool(pod.status.pod_ips or pod.status.pod_ip)


def addresses(pod: Pod, family: str) -> tuple[str, ...]:
    """Its addresses of one family, IPv4 or IPv6."""
    given = [one.ip for one in pod.status.pod_ips] or [pod.status.pod_ip]
    parsed = [parse_address(one) for one in given if one]
    return tuple(str(one) for one in parsed if f"IPv{one.version}" == family)


@lru_cache(maxsize=1 << 15)
def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Each is asked for again and again, and to read it is half of a look's work."""
    return ipaddress.ip_address(text)


def families(service: Service) -> Sequence[str]:
    if service.spec.ip_families:
        return service.spec.ip_families
    if is_headless(service):
        return ("IPv4", "IPv6")
    return (f"IPv{parse_address(service.spec.cluster_ip).version}",)


def container_port(pod: Pod, port: ServicePort) -> int | None:
    """The number behind a Service's port: targetPort itself, or what this pod calls so; None where it has no such port."""
    if isinstance(port.target_port, int):
        return port.target_port
    return next((one.container_port for one in _ports(pod) if one.name == port.target_port and one.protocol == port.protocol), None)


def _ports(pod: Pod) -> Iterator[ContainerPort]:
    """Also those of sidecars: init containers that go on running."""
    for container in (*pod.spec.containers, *(one for one in pod.spec.init_containers if one.restart_policy == "Always")):
        yield from container.ports


def hostname(pod: Pod, service: Service) -> str:
    """The name that DNS gives the pod below a Service that is its subdomain; "" where it has none."""
    return pod.spec.hostname if pod.spec.subdomain == service.metadata.name else ""


def reference(pod: Pod) -> ObjectReference:
    return ObjectReference(kind="Pod", namespace=pod.metadata.namespace, name=pod.metadata.name, uid=pod.metadata.uid)


def facts(pod: Pod) -> tuple[object, ...]:
    """All that endpoints say of a pod."""
    return (has_address(pod), pod.metadata.uid, pod.metadata.labels, pod.metadata.deletion_timestamp is None, is_ready(pod),
            pod.status.pod_ips, pod.status.pod_ip, pod.spec.node_name)
