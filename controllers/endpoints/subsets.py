"""The addresses behind a Service as Endpoints say them: subsets of addresses that share their ports, at most 1,000 in all. Pure."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from controllers.endpoints.members import (
    addresses,
    container_port,
    families,
    has_address,
    hostname,
    is_headless,
    parse_address,
    reference,
)
from controllers.pods import is_ready
from kubeapi.generated.models.core_v1 import EndpointAddress, EndpointPort, EndpointSubset, Pod, Service

MOST_ADDRESSES = 1000
Ports = tuple[EndpointPort, ...]


def subsets(service: Service, pods: Iterable[Pod]) -> tuple[EndpointSubset, ...]:
    """Pods that are going are left out, unlike in slices: here nothing could say so."""
    ready: dict[Ports, list[EndpointAddress]] = {}
    not_ready: dict[Ports, list[EndpointAddress]] = {}
    for pod in pods:
        if not has_address(pod) or pod.metadata.deletion_timestamp is not None:
            continue
        group, address = _ports(service, pod), _address(service, pod)
        if address is not None and (group or (is_headless(service) and not service.spec.ports)):
            part = ready if is_ready(pod) or service.spec.publish_not_ready_addresses else not_ready
            part.setdefault(group, []).append(address)
    return tuple(EndpointSubset(addresses=_sorted(ready.get(group, ())), not_ready_addresses=_sorted(not_ready.get(group, ())), ports=group)
                 for group in sorted({*ready, *not_ready}, key=_port_order))


def truncated(found: Sequence[EndpointSubset]) -> tuple[EndpointSubset, ...]:
    """At most a thousand addresses: ready ones first, and of what does not fit each subset its proportion."""
    ready, not_ready = sum(len(one.addresses) for one in found), sum(len(one.not_ready_addresses) for one in found)
    if ready + not_ready <= MOST_ADDRESSES:
        return tuple(found)
    cut_ready = ready > MOST_ADDRESSES
    room, total = (MOST_ADDRESSES, ready) if cut_ready else (MOST_ADDRESSES - ready, not_ready)
    left, kept = room, []
    for one in found:
        part = one.addresses if cut_ready else one.not_ready_addresses
        part = part[:min(left, math.ceil(len(part) / total * room))]
        left -= len(part)
        kept.append(one.evolve(addresses=part, not_ready_addresses=()) if cut_ready else one.evolve(not_ready_addresses=part))
    return tuple(one for one in kept if one.addresses or one.not_ready_addresses)


def _ports(service: Service, pod: Pod) -> Ports:
    found = ((one, container_port(pod, one)) for one in service.spec.ports)
    return tuple(sorted((EndpointPort(name=one.name, port=number, protocol=one.protocol, app_protocol=one.app_protocol)
                         for one, number in found if number is not None), key=lambda one: (one.name, one.protocol, one.port)))


def _address(service: Service, pod: Pod) -> EndpointAddress | None:
    """In the Service's first family: Endpoints know only one."""
    found = [address for family in families(service)[:1] for address in addresses(pod, family)]
    if not found:
        return None
    return EndpointAddress(ip=found[0], node_name=pod.spec.node_name or None, hostname=hostname(pod, service), target_ref=reference(pod))


def _sorted(found: Iterable[EndpointAddress]) -> tuple[EndpointAddress, ...]:
    return tuple(sorted(found, key=lambda one: (parse_address(one.ip).packed, one.target_ref.uid if one.target_ref else "")))


def _port_order(group: Ports) -> list[tuple[str, str, int]]:
    return [(one.name, one.protocol, one.port) for one in group]
