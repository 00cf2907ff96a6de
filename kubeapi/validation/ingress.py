"""Validation of Ingresses and IngressClasses: hosts, paths, backends, TLS and parameters."""
from __future__ import annotations

import ipaddress
from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required, too_long
from kubeapi.names import (
    dns1035_label_faults,
    dns1123_label_faults,
    dns1123_subdomain_faults,
    ip_faults,
    path_segment_faults,
    port_name_faults,
    port_number_faults,
    wildcard_subdomain_faults,
)
from kubeapi.validation.domains import domain_prefixed_path

Document = dict[str, Any]
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
MAX_CONTROLLER = 250
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_WRONG_IN_PATHS, _WRONG_AT_THE_END = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")
_NO_ADDRESS = "must be a DNS name, not an IP address"


def validate_ingress(spec: Document) -> list[FieldError]:
    rules, backend, name = spec.get("rules") or [], spec.get("defaultBackend"), spec.get("ingressClassName")
    faults = [] if rules or backend is not None else [
        invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")]
    faults += _backend(backend, "spec.defaultBackend") if backend is not None else []
    for index, rule in enumerate(rules):
        faults += _host(rule.get("host", ""), f"spec.rules[{index}].host")
        if (http := rule.get("http")) is not None:
            faults += _paths(http.get("paths") or [], f"spec.rules[{index}].http.paths")
    for index, tls in enumerate(spec.get("tls") or ()):
        faults += _tls(tls, f"spec.tls[{index}]")
    return faults + ([invalid("spec.ingressClassName", name, fault) for fault in dns1123_subdomain_faults(name)] if name is not None else [])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _host_faults(host: str) -> list[str]:
    return wildcard_subdomain_faults(host) if "*" in host else dns1123_subdomain_faults(host)


def _host(host: str, path: str) -> list[FieldError]:
    if not host:
        return []
    faults = [invalid(path, host, _NO_ADDRESS)] if _is_address(host) else []
    return faults + [invalid(path, host, fault) for fault in _host_faults(host)]


def _tls(tls: Document, path: str) -> list[FieldError]:
    faults = [invalid(f"{path}.hosts[{index}]", host, fault) for index, host in enumerate(tls.get("hosts") or ()) for fault in _host_faults(host)]
    secret = tls.get("secretName", "")
    return faults + ([invalid(f"{path}.secretName", secret, fault) for fault in dns1123_subdomain_faults(secret)] if secret else [])


def _paths(paths: list[Document], path: str) -> list[FieldError]:
    faults = [] if paths else [required(path)]
    for index, each in enumerate(paths):
        faults += _path(each, f"{path}[{index}]")
    return faults


def _path(each: Document, path: str) -> list[FieldError]:
    kind, where = each.get("pathType"), each.get("path", "")
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    faults = []
    if kind not in _PATH_TYPES:
        faults.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    elif not where.startswith("/") and (where or kind != "ImplementationSpecific"):
        faults.append(invalid(f"{path}.path", where, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        faults += [invalid(f"{path}.path", where, f"must not contain '{wrong}'") for wrong in _WRONG_IN_PATHS if wrong in where]
        faults += [invalid(f"{path}.path", where, f"cannot end with '{wrong}'") for wrong in _WRONG_AT_THE_END if where.endswith(wrong)]
    return faults + _backend(each.get("backend") or {}, f"{path}.backend")


def _backend(backend: Document, path: str) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(resource, f"{path}.resource")
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    name, port = service.get("name", ""), service.get("port") or {}
    faults = [invalid(f"{path}.service.name", name, fault) for fault in dns1035_label_faults(name)] if name else [required(f"{path}.service.name")]
    if port.get("name") and port.get("number"):
        return [*faults, invalid(path, "", "cannot set both port name & port number")]
    if port.get("name"):
        return faults + [invalid(f"{path}.service.port.name", port["name"], fault) for fault in port_name_faults(port["name"])]
    if port.get("number"):
        return faults + [invalid(f"{path}.service.port.number", port["number"], fault) for fault in port_number_faults(port["number"])]
    return [*faults, required(path, "port name or number is required")]


def _reference(reference: Document, path: str) -> list[FieldError]:
    group, faults = reference.get("apiGroup"), []
    if group is not None:
        faults += [invalid(f"{path}.apiGroup", group, fault) for fault in dns1123_subdomain_faults(group)]
    for field in ("kind", "name"):
        value, at = reference.get(field, ""), f"{path}.{field}"
        faults += [invalid(at, value, fault) for fault in path_segment_faults(value)] if value else [required(at, f"{field} is required")]
    return faults


def validate_ingress_status(status: Document) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, each in enumerate((status.get("loadBalancer") or {}).get("ingress") or ()):
        at, address, host = f"status.loadBalancer.ingress[{index}]", each.get("ip", ""), each.get("hostname", "")
        faults += [invalid(f"{at}.ip", address, fault) for fault in ip_faults(address)] if address else []
        if host:
            faults += [invalid(f"{at}.hostname", host, fault) for fault in dns1123_subdomain_faults(host)]
            faults += [invalid(f"{at}.hostname", host, _NO_ADDRESS)] if _is_address(host) else []
    return faults


def validate_ingress_class(spec: Document) -> list[FieldError]:
    controller, parameters, path = spec.get("controller", ""), spec.get("parameters"), "spec.parameters"
    faults = [too_long("spec.controller", MAX_CONTROLLER)] if len(controller) > MAX_CONTROLLER else []
    faults += domain_prefixed_path(controller, "spec.controller")
    if parameters is None:
        return faults
    faults += _reference(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        faults.append(required(f"{path}.scope"))
    elif scope not in ("Cluster", "Namespace"):
        faults.append(not_supported(f"{path}.scope", scope, ("Cluster", "Namespace")))
    elif scope == "Cluster" and namespace is not None:
        faults.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif scope == "Namespace":
        faults += [required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")] if namespace is None else [
            invalid(f"{path}.namespace", namespace, fault) for fault in dns1123_label_faults(namespace)]
    return faults
