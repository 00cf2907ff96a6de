"""Validation of Endpoints and EndpointSlices: addresses that can be reached, and ports."""
from __future__ import annotations

import ipaddress
from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required, too_many
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults, ip_faults, port_number_faults
from kubeapi.validation.container import PROTOCOLS, one_of
from kubeapi.validation.selectors import label_name

Document = dict[str, Any]
ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
MAX_ENDPOINTS, MAX_ADDRESSES, MAX_PORTS = 1000, 100, 20000


def not_special(text: str, path: str) -> list[FieldError]:
    """Addresses that mean something else on every machine cannot be endpoints."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return []
    multicast = ipaddress.ip_network("224.0.0.0/24" if address.version == 4 else "ff02::/16")
    for is_special, why in (
        (address.is_unspecified, "may not be unspecified (0.0.0.0 or ::)"),
        (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (address.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (address in multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ):
        if is_special:
            return [invalid(path, text, why)]
    return []


def validate_slice(slice: Document) -> list[FieldError]:
    kind, endpoints, ports = slice.get("addressType", ""), slice.get("endpoints") or [], slice.get("ports") or []
    faults = one_of(kind, "addressType", ADDRESS_TYPES)
    if len(endpoints) > MAX_ENDPOINTS:
        return [*faults, too_many("endpoints", len(endpoints), MAX_ENDPOINTS)]
    for index, endpoint in enumerate(endpoints):
        faults += _endpoint(endpoint, kind, f"endpoints[{index}]")
    return faults + _slice_ports(ports)


def _endpoint(endpoint: Document, kind: str, path: str) -> list[FieldError]:
    addresses, node, host = endpoint.get("addresses") or [], endpoint.get("nodeName"), endpoint.get("hostname")
    faults: list[FieldError] = []
    if not addresses:
        faults.append(required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(addresses) > MAX_ADDRESSES:
        faults.append(too_many(f"{path}.addresses", len(addresses), MAX_ADDRESSES))
    for index, address in enumerate(addresses):
        faults += _address(address, kind, f"{path}.addresses[{index}]")
    faults += [invalid(f"{path}.nodeName", node, fault) for fault in dns1123_subdomain_faults(node)] if node is not None else []
    return faults + ([invalid(f"{path}.hostname", host, fault) for fault in dns1123_label_faults(host)] if host is not None else [])


def _address(address: str, kind: str, path: str) -> list[FieldError]:
    if kind == "FQDN":
        wrong = dns1123_subdomain_faults(address.removesuffix("."))
        return [invalid(path, address, fault) for fault in wrong] or ([] if "." in address else [
            invalid(path, address, "should be a domain with at least two segments separated by dots")])
    if kind not in ADDRESS_TYPES:
        return []
    try:
        is_of_kind = ipaddress.ip_address(address).version == int(kind[-1])
    except ValueError:
        is_of_kind = False
    return not_special(address, path) if is_of_kind else [invalid(path, address, f"must be a valid {kind} address")]


def _slice_ports(ports: list[Document]) -> list[FieldError]:
    if len(ports) > MAX_PORTS:
        return [too_many("ports", len(ports), MAX_PORTS)]
    faults: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at, name, protocol = f"ports[{index}]", port.get("name") or "", port.get("protocol")
        faults += [invalid(f"{at}.name", name, fault) for fault in dns1123_label_faults(name)] if name else []
        if name in names:
            faults.append(duplicate(f"{at}.name", name))
        names.add(name)
        if protocol is None:
            faults.append(required(f"{at}.protocol"))
        elif protocol not in PROTOCOLS:
            faults.append(not_supported(f"{at}.protocol", protocol, PROTOCOLS))
        faults += label_name(port["appProtocol"], f"{at}.appProtocol") if port.get("appProtocol") is not None else []
    return faults


def validate_endpoints(subsets: list[Document]) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, subset in enumerate(subsets):
        at, ports = f"subsets[{index}]", subset.get("ports") or []
        found = {kind: subset.get(kind) or [] for kind in ("addresses", "notReadyAddresses")}
        if not any(found.values()):
            faults.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        faults += [fault for kind, addresses in found.items() for place, each in enumerate(addresses)
                   for fault in _old_address(each, f"{at}.{kind}[{place}]")]
        faults += [fault for place, port in enumerate(ports) for fault in _old_port(port, f"{at}.ports[{place}]", len(ports) > 1)]
    return faults


def _old_address(each: Document, path: str) -> list[FieldError]:
    ip, host, node = each.get("ip", ""), each.get("hostname", ""), each.get("nodeName")
    faults = [invalid(f"{path}.ip", ip, fault) for fault in ip_faults(ip)]
    faults += [invalid(f"{path}.hostname", host, fault) for fault in dns1123_label_faults(host)] if host else []
    faults += [invalid(f"{path}.nodeName", node, fault) for fault in dns1123_subdomain_faults(node)] if node is not None else []
    return faults + not_special(ip, f"{path}.ip")


def _old_port(port: Document, path: str, needs_name: bool) -> list[FieldError]:
    name, number = port.get("name", ""), port.get("port", 0)
    faults = [required(f"{path}.name")] if needs_name and not name else []
    faults += [invalid(f"{path}.name", name, fault) for fault in dns1123_label_faults(name)] if name else []
    faults += [invalid(f"{path}.port", number, fault) for fault in port_number_faults(number)]
    faults += one_of(port.get("protocol", ""), f"{path}.protocol", PROTOCOLS)
    return faults + (label_name(port["appProtocol"], f"{path}.appProtocol") if port.get("appProtocol") else [])
