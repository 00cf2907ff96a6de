"""Validation of NetworkPolicies: ports and ranges of them, and peers."""
from __future__ import annotations

import ipaddress
from typing import Any

from kubeapi.fielderrors import FieldError, forbidden, invalid, not_supported, required
from kubeapi.names import cidr_faults, port_name_faults, port_number_faults
from kubeapi.validation.container import PROTOCOLS
from kubeapi.validation.selectors import validate_label_selector

Document = dict[str, Any]
_TYPES = ("Ingress", "Egress")


def validate_network_policy(spec: Document) -> list[FieldError]:
    faults = validate_label_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            faults += [fault for number, port in enumerate(rule.get("ports") or ()) for fault in _port(port, f"{at}.ports[{number}]")]
            faults += [fault for number, peer in enumerate(rule.get(peers) or ()) for fault in _peer(peer, f"{at}.{peers}[{number}]")]
    types = spec.get("policyTypes") or []
    if len(types) > len(_TYPES):
        return [*faults, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    return faults + [not_supported(f"spec.policyTypes[{index}]", type, _TYPES) for index, type in enumerate(types) if type not in _TYPES]


def _port(port: Document, path: str) -> list[FieldError]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    faults = [not_supported(f"{path}.protocol", protocol, PROTOCOLS)] if protocol is not None and protocol not in PROTOCOLS else []
    if number is None:
        return faults if end is None else [*faults, invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified")]
    if isinstance(number, str):
        if end is not None:
            faults.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        return faults + [invalid(f"{path}.port", number, fault) for fault in port_name_faults(number)]
    faults += [invalid(f"{path}.port", number, fault) for fault in port_number_faults(number)]
    if end is not None:
        if end < number:
            faults.append(invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))
        faults += [invalid(f"{path}.endPort", end, fault) for fault in port_number_faults(end)]
    return faults


def _peer(peer: Document, path: str) -> list[FieldError]:
    faults = [fault for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None
              for fault in validate_label_selector(peer[name], f"{path}.{name}")]
    block = peer.get("ipBlock")
    if block is not None:
        faults += _block(block, f"{path}.ipBlock")
    found = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    if not found:
        faults.append(required(path, "must specify a peer"))
    elif len(found) > 1 and block is not None:
        faults.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return faults


def _block(block: Document, path: str) -> list[FieldError]:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(f"{path}.cidr")]
    if wrong := cidr_faults(cidr):
        return [invalid(f"{path}.cidr", cidr, fault) for fault in wrong]
    whole, faults = ipaddress.ip_network(cidr, strict=False), []
    for index, text in enumerate(block.get("except") or ()):
        at = f"{path}.except[{index}]"
        if wrong := cidr_faults(text):
            faults += [invalid(at, text, fault) for fault in wrong]
            continue
        part = ipaddress.ip_network(text, strict=False)
        if part.version != whole.version or part.prefixlen <= whole.prefixlen or part.network_address not in whole:
            faults.append(invalid(at, text, "must be a strict subset of `cidr`"))
    return faults
