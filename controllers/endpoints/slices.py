"""The EndpointSlices of a Service: what they should say, and the fewest writes that make it so. Pure.

All endpoints of a slice share its ports, so pods whose ports differ are in different slices. Each slice that a proxy has read
and that does not change is one it need not read again: what is there is filled up before anything new is made, and a slice
without changes is touched only when it alone can take the rest.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controllers.endpoints.members import HEADLESS, addresses, container_port, hostname, is_headless, reference
from controllers.pods import is_ready
from controllers.references import controller_reference
from kubeapi.generated.models.core_v1 import Node, Pod, Service
from kubeapi.generated.models.discovery_v1 import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from kubeapi.generated.models.meta_v1 import ObjectMeta

MOST_ENDPOINTS = 100
ZONE = "topology.kubernetes.io/zone"
SERVICE_NAME, MANAGED_BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
RESERVED = (HEADLESS, SERVICE_NAME, MANAGED_BY)
LONGEST_PREFIX = 252                # of a name of 253 characters, the dash included

Ports = tuple[EndpointPort, ...]
Identity = tuple[object, ...]


@dataclass
class Plan:
    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)


# --- what a pod is, as an endpoint

def endpoint(service: Service, pod: Pod, node: Node | None, family: str) -> Endpoint:
    serving, terminating = is_ready(pod), pod.metadata.deletion_timestamp is not None
    ready = service.spec.publish_not_ready_addresses or (serving and not terminating)
    zone = (node.metadata.labels.get(ZONE) if node is not None else None) or None
    return Endpoint(
        addresses=addresses(pod, family), conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        node_name=pod.spec.node_name or None, zone=zone, hostname=hostname(pod, service) or None, target_ref=reference(pod),
        hints=_hints(service.spec.traffic_distribution, pod.spec.node_name, zone) if ready else None)


def _hints(distribution: str | None, node: str, zone: str | None) -> EndpointHints | None:
    """Whom an endpoint is meant for, where the Service wants traffic to stay near. Who knows no nodes in hints uses the zone."""
    zones = (ForZone(name=zone),) if zone and distribution in ("PreferClose", "PreferSameZone", "PreferSameNode") else ()
    nodes = (ForNode(name=node),) if node and distribution == "PreferSameNode" else ()
    return EndpointHints(for_zones=zones, for_nodes=nodes) if zones or nodes else None


def ports(service: Service, pod: Pod) -> Ports:
    """Those of the Service's ports that this pod has."""
    found = ((one, container_port(pod, one)) for one in service.spec.ports)
    return tuple(EndpointPort(name=one.name, port=number, protocol=one.protocol, app_protocol=one.app_protocol)
                 for one, number in found if number is not None)


# --- what there should be, against what there is

def plan(service: Service, family: str, wanted: Iterable[tuple[Ports, Endpoint]], existing: Sequence[EndpointSlice]) -> Plan:
    """Of one address family; `existing` are this Service's slices of it."""
    found = Plan()
    own = [one for one in existing if _is_owned(one, service)]
    found.delete += [one for one in existing if one not in own]         # of a Service of this name that is gone
    desired: dict[Ports, dict[Identity, Endpoint]] = {}
    for group, one in wanted:
        if one.addresses:
            desired.setdefault(_canonical(group), {})[_identity(one)] = one
    there: dict[Ports, list[EndpointSlice]] = {group: [] for group in desired}
    for each in own:
        there.setdefault(_canonical(each.ports), []).append(each)
    for group, slices in there.items():
        _fit(found, service, family, group, desired.get(group, {}), slices)
    _keep_one(found, service, family, existing)
    _reuse(found, service)
    return found


def _fit(found: Plan, service: Service, family: str, group: Ports, desired: dict[Identity, Endpoint], slices: Sequence[EndpointSlice]) -> None:
    """Of one set of ports: keep what is right, fill what changes anyway, then what has room for all the rest, then new ones."""
    left = dict(desired)
    changed: list[EndpointSlice] = []
    unchanged: list[EndpointSlice] = []
    for each in slices:
        kept = tuple(left.pop(_identity(one)) for one in each.endpoints if _identity(one) in left)
        if not kept:
            found.delete.append(each)
        elif kept != each.endpoints or each.metadata.labels != labels(service):
            changed.append(each.evolve(endpoints=kept))
        else:
            unchanged.append(each)
    rest = [*left.values()]
    for each in sorted(changed, key=lambda one: -len(one.endpoints)):
        found.update.append(_with_more(each, rest))
    while rest:
        roomy = _fullest_with_room(unchanged, len(rest))
        if roomy is None:
            found.create.append(_with_more(_new(service, family, group), rest))
        else:
            found.update.append(_with_more(roomy, rest))


def _with_more(each: EndpointSlice, rest: list[Endpoint]) -> EndpointSlice:
    """Takes from the rest what fits."""
    room = max(0, MOST_ENDPOINTS - len(each.endpoints))
    more = rest[:room]
    del rest[:room]
    return each.evolve(endpoints=(*each.endpoints, *more))


def _fullest_with_room(slices: Sequence[EndpointSlice], count: int) -> EndpointSlice | None:
    return max((one for one in slices if len(one.endpoints) + count <= MOST_ENDPOINTS), key=lambda one: len(one.endpoints), default=None)


def _keep_one(found: Plan, service: Service, family: str, existing: Sequence[EndpointSlice]) -> None:
    """A Service without endpoints has one empty slice: it says that there are none, not that nobody has looked yet."""
    if found.create or len(found.delete) < len(existing):
        return
    empty = _new(service, family, ())
    placeholder = next((one for one in found.delete if _is_owned(one, service) and not one.endpoints and not one.ports
                        and one.metadata.labels == empty.metadata.labels), None)
    if placeholder is None:
        found.create.append(empty)
    else:
        found.delete.remove(placeholder)


def _reuse(found: Plan, service: Service) -> None:
    """A slice to be made takes the place of one that would go: one write instead of two."""
    for spare in [one for one in found.delete if _is_owned(one, service)]:
        if not found.create:
            return
        new = found.create.pop()
        found.delete.remove(spare)
        found.update.append(spare.evolve(endpoints=new.endpoints, ports=new.ports))


def _new(service: Service, family: str, group: Ports) -> EndpointSlice:
    name = service.metadata.name
    prefix = f"{name}-" if len(name) < LONGEST_PREFIX else name
    return EndpointSlice(address_type=family, ports=group, metadata=ObjectMeta(
        generate_name=prefix, namespace=service.metadata.namespace, labels=labels(service), owner_references=(controller_reference(service),)))


def labels(service: Service) -> dict[str, str]:
    """The Service's own, but for those that say what a slice is."""
    own = {key: value for key, value in service.metadata.labels.items() if key not in RESERVED}
    return {**own, **({HEADLESS: ""} if is_headless(service) else {}), SERVICE_NAME: service.metadata.name, MANAGED_BY: MANAGER}


def _is_owned(each: EndpointSlice, service: Service) -> bool:
    return any(one.uid == service.metadata.uid and one.kind == "Service" for one in each.metadata.owner_references)


def _canonical(group: Ports) -> Ports:
    return tuple(sorted(group, key=lambda one: (one.name or "", one.protocol or "", one.port or 0)))


def _identity(one: Endpoint) -> Identity:
    """What makes it the same endpoint, however its conditions change."""
    target = one.target_ref
    return (one.addresses, one.hostname, (target.namespace, target.name) if target is not None else None)
