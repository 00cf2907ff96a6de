"""Services: what an update does not say of allocated addresses and node ports stays, unless the new type has none."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, NONE, column, format_labels, part
from kubeapi.names import dns1035_label_faults
from kubeapi.resource import Column
from kubeapi.strategy import Strategy
from kubeapi.validation.service import is_checked, is_open, validate_service, validate_service_status, validate_service_update

Document = dict[str, Any]
_ALLOCATED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


class ServiceStrategy(Strategy):
    allow_create_on_update: ClassVar[bool] = True
    has_generation: ClassVar[bool | None] = False
    returns_deleted_object: ClassVar[bool] = True

    def name_faults(self, name: str) -> list[str]:
        return dns1035_label_faults(name)

    def default(self, obj: Document) -> None:
        spec = obj.setdefault("spec", {})
        affinity = spec.setdefault("sessionAffinity", "None")
        if affinity == "ClientIP":
            spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
        elif affinity == "None":
            spec.pop("sessionAffinityConfig", None)
        kind = spec.setdefault("type", "ClusterIP")
        for port in spec.get("ports") or ():
            port.setdefault("protocol", "TCP")
            if port.get("targetPort") in (None, 0, ""):
                port["targetPort"] = port.get("port", 0)
        if is_open(spec):
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if kind != "ExternalName":
            spec.setdefault("internalTrafficPolicy", "Cluster")
        if kind == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
            for one in (part(obj, "status").get("loadBalancer") or {}).get("ingress") or ():
                if one.get("ip"):
                    one.setdefault("ipMode", "VIP")
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]

    def prepare_for_update(self, new: Document, old: Document) -> None:
        after, before = new.setdefault("spec", {}), part(old, "spec")
        _leave_type(after, before)
        if "ExternalName" in (after.get("type"), before.get("type")):
            return
        if not after.get("clusterIP") and not after.get("clusterIPs"):
            after.update({name: before[name] for name in _ALLOCATED if name in before})
        _follow_first(after, before)
        if after.get("type") in ("NodePort", "LoadBalancer") and before.get("type") in ("NodePort", "LoadBalancer"):
            taken = {_use(port): port["nodePort"] for port in before.get("ports") or () if port.get("nodePort")}
            for port in after.get("ports") or ():
                if not port.get("nodePort") and _use(port) in taken:
                    port["nodePort"] = taken[_use(port)]

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_service(obj)

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_service_update(new, old)

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return validate_service_status(new, old)


def _follow_first(after: Document, before: Document) -> None:
    """Who changes `clusterIP` alone, means the first of `clusterIPs`."""
    address, addresses = after.get("clusterIP", ""), after.get("clusterIPs") or []
    if address and not addresses:
        after["clusterIPs"] = [address]
    elif addresses and address != before.get("clusterIP", "") and addresses == before.get("clusterIPs"):
        after["clusterIPs"] = [address, *addresses[1:]] if address else []


def _leave_type(after: Document, before: Document) -> None:
    """To change the type alone is enough: what only the old one has goes, unless the update says something else of it."""
    for has, names in _OF_TYPES:
        if has(before) and not has(after):
            for name in names:
                if after.get(name) == before.get(name):
                    after.pop(name, None)
    if _has_node_ports(before) and not _has_node_ports(after) and _node_ports(after) == _node_ports(before):
        for port in after.get("ports") or ():
            port.pop("nodePort", None)


def _has_node_ports(spec: Document) -> bool:
    return spec.get("type") == "NodePort" or spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False


def _node_ports(spec: Document) -> set[int]:
    return {port.get("nodePort", 0) for port in spec.get("ports") or ()}


_OF_TYPES: Sequence[tuple[Callable[[Document], bool], Sequence[str]]] = (
    (lambda spec: spec.get("type") != "ExternalName", _ALLOCATED),
    (lambda spec: spec.get("type") == "LoadBalancer", ("allocateLoadBalancerNodePorts", "loadBalancerClass")),
    (is_checked, ("healthCheckNodePort",)),
    (is_open, ("externalTrafficPolicy",)),
)


def _use(port: Document) -> tuple[int, str]:
    return port.get("port", 0), port.get("protocol", "")


def _cluster_ip(service: Document) -> str:
    return str((part(service, "spec").get("clusterIPs") or [part(service, "spec").get("clusterIP") or NONE])[0])


def _external_ip(service: Document) -> str:
    spec = part(service, "spec")
    given = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(given) or NONE
        case "LoadBalancer":
            ingress = (part(service, "status").get("loadBalancer") or {}).get("ingress") or ()
            balancers = sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})
            return ",".join([*balancers, *given]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


def _ports(service: Document) -> str:
    return ",".join(f"{port.get('port')}:{port['nodePort']}/{port.get('protocol')}" if port.get("nodePort")
                    else f"{port.get('port')}/{port.get('protocol')}" for port in part(service, "spec").get("ports") or ()) or NONE


COLUMNS: tuple[Column, ...] = (
    NAME, column("Type", lambda each: part(each, "spec").get("type", "")), column("Cluster-IP", _cluster_ip),
    column("External-IP", _external_ip), column("Port(s)", _ports), AGE,
    column("Selector", lambda each: format_labels(part(each, "spec").get("selector")), wide=True),
)
