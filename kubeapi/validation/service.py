"""Validation of Services; addresses are allocated, and their ranges checked, by the API server."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults, ip_faults, port_number_faults
from kubeapi.validation.container import PROTOCOLS, one_of, port_number_or_name
from kubeapi.validation.meta import validate_labels

Document = dict[str, Any]
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")


def validate_service(service: Document) -> list[FieldError]:
    spec = service.get("spec") or {}
    kind = spec.get("type", "")
    faults = _ports(spec, kind)
    faults += validate_labels(spec.get("selector"), "spec.selector")
    faults += one_of(spec.get("sessionAffinity", ""), "spec.sessionAffinity", ("ClientIP", "None"))
    timeout = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and timeout is not None and not 0 < timeout <= 86400:
        faults.append(invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout, "must be between 1 and 86400, inclusive"))
    faults += one_of(kind, "spec.type", _TYPES)
    faults += _addresses(spec, kind)
    for name in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if (policy := spec.get(name)) and policy not in _POLICIES:
            faults.append(not_supported(f"spec.{name}", policy, sorted(_POLICIES)))
    if spec.get("externalTrafficPolicy") and kind not in ("NodePort", "LoadBalancer") and not spec.get("externalIPs"):
        faults.append(invalid("spec.externalTrafficPolicy", spec["externalTrafficPolicy"],
                              "may only be set for externally-accessible services"))
    return faults


def _ports(spec: Document, kind: str) -> list[FieldError]:
    ports = spec.get("ports") or []
    faults: list[FieldError] = []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        faults.append(required("spec.ports"))
    names: set[str] = set()
    uses: set[tuple[int, str]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        faults += _port(port, at, len(ports) > 1, names)
        use = port.get("port", 0), port.get("protocol", "")
        if use in uses:
            faults.append(duplicate(at, {"port": use[0], "protocol": use[1]}))
        uses.add(use)
        if port.get("nodePort"):
            if kind not in ("NodePort", "LoadBalancer"):
                faults.append(forbidden(f"{at}.nodePort", f"may not be used when `type` is '{kind}'"))
            faults += [invalid(f"{at}.nodePort", port["nodePort"], fault) for fault in port_number_faults(port["nodePort"])]
    return faults


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
    return faults + port_number_or_name(port.get("targetPort", 0), f"{path}.targetPort")


def _addresses(spec: Document, kind: str) -> list[FieldError]:
    address = spec.get("clusterIP", "")
    if kind == "ExternalName":
        name = spec.get("externalName", "").rstrip(".")
        faults = [required("spec.externalName")] if not name else [
            invalid("spec.externalName", name, fault) for fault in dns1123_subdomain_faults(name)]
        return faults + ([forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'")] if address else [])
    faults = []
    if address == "None":
        if kind in ("NodePort", "LoadBalancer"):
            faults.append(invalid("spec.clusterIPs[0]", address, f"may not be set to 'None' for {kind} services"))
    elif address:
        faults += [invalid("spec.clusterIPs[0]", address, fault) for fault in ip_faults(address)]
    addresses = spec.get("clusterIPs") or []
    if addresses and addresses[0] != address:
        faults.append(invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    for index, external in enumerate(spec.get("externalIPs") or ()):
        faults += [invalid(f"spec.externalIPs[{index}]", external, fault) for fault in ip_faults(external)]
    return faults


def validate_service_update(new: Document, old: Document) -> list[FieldError]:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    faults = validate_service(new)
    kept = before.get("clusterIP", "")
    if "ExternalName" not in (after.get("type"), before.get("type")) and kept and after.get("clusterIP", "") != kept:
        faults.append(invalid("spec.clusterIPs[0]", after.get("clusterIP", ""), "may not change once set"))
    return faults
