"""Validation of Services; addresses and ports are allocated, and their ranges checked, by the API server before this."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import (
    cidr_faults,
    dns1123_label_faults,
    dns1123_subdomain_faults,
    ip_faults,
    port_number_faults,
    qualified_name_faults,
)
from kubeapi.validation.container import PROTOCOLS, one_of, port_number_or_name
from kubeapi.validation.endpoints import not_special
from kubeapi.validation.meta import validate_labels
from kubeapi.validation.serviceaddresses import is_headless, validate_addresses, validate_addresses_update

Document = dict[str, Any]
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_MODES = ("Proxy", "VIP")
_SOURCES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_TOPOLOGY, _HINTS = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"
_LONGEST_AFFINITY = 86400
_BALANCED = "may only be used when `type` is 'LoadBalancer'"


def is_open(spec: Document) -> bool:
    """Whether it is reached from outside of the cluster."""
    return spec.get("type") in ("NodePort", "LoadBalancer") or spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))


def is_checked(spec: Document) -> bool:
    """Whether nodes tell load balancers if they have pods of it."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def validate_service(service: Document, old: Document | None = None) -> list[FieldError]:
    spec: Document = service.get("spec") or {}
    before: Document = (old or {}).get("spec") or {}
    annotations: Document = service["metadata"].get("annotations") or {} if "metadata" in service else {}
    kind = spec.get("type", "")
    faults = _topology(annotations)
    faults += _type(spec, kind)
    faults += _ports(spec, kind)
    faults += validate_labels(spec.get("selector"), "spec.selector")
    faults += _affinity(spec)
    faults += validate_addresses(spec, before.get("clusterIPs") or [])
    faults += _external_addresses(spec, before.get("externalIPs") or [])
    faults += one_of(kind, "spec.type", _TYPES)
    faults += _node_ports(spec, kind)
    faults += _balancer(spec, kind, annotations, old or {})
    return faults + _traffic(spec, kind)


def validate_service_update(new: Document, old: Document) -> list[FieldError]:
    after: Document = new.get("spec") or {}
    before: Document = old.get("spec") or {}
    faults = validate_addresses_update(after, before)
    if after.get("type") == before.get("type") == "LoadBalancer" and after.get("loadBalancerClass") != before.get("loadBalancerClass"):
        faults.append(invalid("spec.loadBalancerClass", after.get("loadBalancerClass"), "may not change once set"))
    if is_checked(before) and is_checked(after) and after.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        faults.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return faults + validate_service(new, old)


def validate_service_status(new: Document, old: Document) -> list[FieldError]:
    """What a load balancer is said to be reached by."""
    path = "status.loadBalancer.ingress"
    found, kept = _ingress(new), {one.get("ip") for one in _ingress(old)}
    if found and (new.get("spec") or {}).get("type") != "LoadBalancer":
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    return [fault for index, one in enumerate(found) for fault in _one_ingress(one, f"{path}[{index}]", one.get("ip") in kept)]


def _ingress(service: Document) -> list[Document]:
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def _one_ingress(one: Document, path: str, is_kept: bool) -> list[FieldError]:
    address, name, mode = one.get("ip") or "", one.get("hostname") or "", one.get("ipMode")
    faults = [invalid(f"{path}.ip", address, fault) for fault in ip_faults(address)] if address and not is_kept else []
    if mode is None and address:
        faults.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
    elif mode is not None and not address:
        faults.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
    elif mode is not None and mode not in _MODES:
        faults.append(not_supported(f"{path}.ipMode", mode, _MODES))
    if name:
        faults += [invalid(f"{path}.hostname", name, fault) for fault in dns1123_subdomain_faults(name)]
        if not ip_faults(name):
            faults.append(invalid(f"{path}.hostname", name, "must be a DNS name, not an IP address"))
    return faults


# --- the parts of a spec

def _topology(annotations: Document) -> list[FieldError]:
    if _TOPOLOGY in annotations and annotations.get(_HINTS, annotations[_TOPOLOGY]) != annotations[_TOPOLOGY]:
        return [invalid(f"metadata.annotations[{_TOPOLOGY}]", annotations[_TOPOLOGY], f"must match annotations[{_HINTS}] when both are specified")]
    return []


def _type(spec: Document, kind: str) -> list[FieldError]:
    """What a type needs, and does not have."""
    faults = [required("spec.ports")] if not spec.get("ports") and not is_headless(spec) and kind != "ExternalName" else []
    if kind in ("LoadBalancer", "NodePort") and is_headless(spec):
        faults.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services"))
    if kind != "ExternalName":
        return faults
    faults += [forbidden(f"spec.{name}", "may not be set for ExternalName services") for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
               if spec.get(name)]
    name = str(spec.get("externalName") or "").removesuffix(".")
    return [*faults, required("spec.externalName")] if not name else [
        *faults, *(invalid("spec.externalName", name, fault) for fault in dns1123_subdomain_faults(name))]


def _ports(spec: Document, kind: str) -> list[FieldError]:
    ports = spec.get("ports") or []
    names: set[str] = set()
    return [fault for index, port in enumerate(ports) for fault in _port(port, f"spec.ports[{index}]", len(ports) > 1, names)]


def _port(port: Document, path: str, needs_name: bool, names: set[str]) -> list[FieldError]:
    name = port.get("name", "")
    faults: list[FieldError] = []
    if not name and needs_name:
        faults.append(required(f"{path}.name"))
    elif name:
        faults += [invalid(f"{path}.name", name, fault) for fault in dns1123_label_faults(name)]
        if name in names:
            faults.append(duplicate(f"{path}.name", name))
        names.add(name)
    number = port.get("port", 0)
    faults += [invalid(f"{path}.port", number, fault) for fault in port_number_faults(number)]
    faults += one_of(port.get("protocol", ""), f"{path}.protocol", PROTOCOLS)
    faults += port_number_or_name(port.get("targetPort", 0), f"{path}.targetPort")
    if (spoken := port.get("appProtocol")) is not None:
        faults += [invalid(f"{path}.appProtocol", spoken, fault) for fault in qualified_name_faults(spoken)]
    return faults


def _affinity(spec: Document) -> list[FieldError]:
    kind, config, path = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig"), "spec.sessionAffinityConfig"
    faults = one_of(kind, "spec.sessionAffinity", ("ClientIP", "None"))
    if kind == "None" and config is not None:
        faults.append(forbidden(path, "must not be set when session affinity is None"))
    if kind != "ClientIP":
        return faults
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
    if seconds is None:
        faults.append(required(f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP"))
    elif not 0 < seconds <= _LONGEST_AFFINITY:
        faults.append(invalid(f"{path}.clientIP.timeoutSeconds", seconds, f"must be greater than 0 and less than {_LONGEST_AFFINITY}"))
    return faults


def _external_addresses(spec: Document, kept: list[str]) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, address in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{index}]"
        wrong = [invalid(path, address, fault) for fault in ip_faults(address)] if address not in kept else []
        faults += wrong or not_special(address, path)
    return faults


def _node_ports(spec: Document, kind: str) -> list[FieldError]:
    """Also: no two ports are the same, outside or inside."""
    ports = list(enumerate(spec.get("ports") or ()))
    faults = [forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
              for index, port in ports if kind == "ClusterIP" and port.get("nodePort")]
    outside: set[tuple[str, int]] = set()
    inside: set[tuple[str, int]] = set()
    for index, port in ports:
        use = port.get("protocol", ""), port.get("nodePort", 0)
        if use[1] and use in outside:
            faults.append(duplicate(f"spec.ports[{index}].nodePort", use[1]))
        outside.add(use)
    for index, port in ports:
        use = port.get("protocol", ""), port.get("port", 0)
        if use in inside:
            faults.append(duplicate(f"spec.ports[{index}]", {"Name": "", "Protocol": use[0], "AppProtocol": None, "Port": use[1], "TargetPort": 0,
                                                             "NodePort": 0}))
        inside.add(use)
    return faults


def _balancer(spec: Document, kind: str, annotations: Document, old: Document) -> list[FieldError]:
    """What is said to the load balancer in front, where there is one."""
    faults = _sources(spec, kind, annotations, old)
    allocates, name = spec.get("allocateLoadBalancerNodePorts"), spec.get("loadBalancerClass")
    if allocates is not None and kind != "LoadBalancer":
        faults.append(forbidden("spec.allocateLoadBalancerNodePorts", _BALANCED))
    if allocates is None and kind == "LoadBalancer":
        faults.append(required("allocateLoadBalancerNodePorts"))            # upstream's path
    if name is not None and kind != "LoadBalancer":
        faults.append(forbidden("spec.loadBalancerClass", _BALANCED))
    elif name is not None:
        faults += [invalid("spec.loadBalancerClass", name, fault) for fault in qualified_name_faults(name)]
    return faults


def _sources(spec: Document, kind: str, annotations: Document, old: Document) -> list[FieldError]:
    """Whom it lets through: the field, or an annotation older than that."""
    ranges, path = spec.get("loadBalancerSourceRanges") or [], "spec.LoadBalancerSourceRanges"
    before: Document = old.get("spec") or {}
    if ranges:
        faults = [forbidden(path, _BALANCED)] if kind != "LoadBalancer" else []
        kept = {one.strip() for one in before.get("loadBalancerSourceRanges") or ()}
        return faults + [invalid(f"{path}[{index}]", one, fault) for index, one in enumerate(map(str.strip, ranges)) if one not in kept
                         for fault in cidr_faults(one)]
    if _SOURCES not in annotations:
        return []
    text, path = annotations[_SOURCES], f"metadata.annotations[{_SOURCES}]"
    faults = [forbidden(path, _BALANCED)] if kind != "LoadBalancer" else []
    if not text.strip() or ((old.get("metadata") or {}).get("annotations") or {}).get(_SOURCES) == text:
        return faults
    return faults + [invalid(path, one, fault) for one in map(str.strip, text.strip().split(",")) for fault in cidr_faults(one)]


def _traffic(spec: Document, kind: str) -> list[FieldError]:
    policy, port, path = spec.get("externalTrafficPolicy"), spec.get("healthCheckNodePort") or 0, "spec.externalTrafficPolicy"
    faults: list[FieldError] = []
    if not is_open(spec):
        faults += [invalid(path, policy, "may only be set for externally-accessible services")] if policy else []
    else:
        faults += one_of(policy or "", path, _POLICIES)
    if not is_checked(spec):
        faults += [invalid("spec.healthCheckNodePort", port,
                           "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")] if port else []
    elif not port:
        faults.append(required("spec.healthCheckNodePort"))
    else:
        faults += [invalid("spec.healthCheckNodePort", port, fault) for fault in port_number_faults(port)]
    inside, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    if inside or kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        faults += one_of(inside or "", "spec.internalTrafficPolicy", _POLICIES)
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        faults.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return faults
