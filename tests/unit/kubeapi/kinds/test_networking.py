"""Ingresses, IngressClasses and NetworkPolicies: defaults, faults and columns."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import META, cells, columns, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]
NETWORKING = "networking.k8s.io"
SERVICE: Document = {"service": {"name": "s", "port": {"number": 80}}}
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def a_path(path: str = "/", kind: str | None = "Prefix", backend: Document | None = None) -> Document:
    return {"path": path, "backend": SERVICE if backend is None else backend, **({"pathType": kind} if kind else {})}


def ingress(*paths: Document, host: str = "a.example.com", **spec: Any) -> Document:
    return {"spec": {"rules": [{"host": host, "http": {"paths": list(paths)}}], **spec}}


@pytest.mark.parametrize(("given", "expected"), [
    (ingress(a_path()), []), ({"spec": {"defaultBackend": {"resource": {"kind": "Bucket", "name": "b", "apiGroup": "example.com"}}}}, []),
    (ingress(a_path(), host="*.example.com", tls=[{"hosts": ["*.example.com"], "secretName": "t"}]), []),
    ({"spec": {}}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
    (ingress(), ["spec.rules[0].http.paths: Required value"]),
    (ingress(a_path(), host="192.0.2.1"), ['spec.rules[0].host: Invalid value: "192.0.2.1": must be a DNS name, not an IP address']),
    (ingress(a_path(), host="a*b"), [
        "spec.rules[0].host: Invalid value: \"a*b\": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
        "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for "
        r"validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]),
    (ingress(a_path(kind=None), a_path(kind="Regex"), a_path("x"), a_path("/a//b/.."), a_path("", "ImplementationSpecific")), [
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        'spec.rules[0].http.paths[1].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
        'spec.rules[0].http.paths[2].path: Invalid value: "x": must be an absolute path',
        'spec.rules[0].http.paths[3].path: Invalid value: "/a//b/..": must not contain \'//\'',
        'spec.rules[0].http.paths[3].path: Invalid value: "/a//b/..": cannot end with \'/..\'']),
    ({"spec": {"defaultBackend": {"service": {"port": {"name": "x", "number": 1}}}}}, [
        "spec.defaultBackend.service.name: Required value", 'spec.defaultBackend: Invalid value: "": cannot set both port name & port number']),
    ({"spec": {"defaultBackend": {"service": {"name": "s"}}}}, ["spec.defaultBackend: Required value: port name or number is required"]),
    ({"spec": {"defaultBackend": {}}}, ['spec.defaultBackend: Invalid value: "": resource or service backend is required']),
    ({"spec": {"defaultBackend": {**SERVICE, "resource": {}}}}, ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends']),
    ({"spec": {"defaultBackend": {"resource": {}}}}, ["spec.defaultBackend.resource.kind: Required value: kind is required",
                                                     "spec.defaultBackend.resource.name: Required value: name is required"]),
    ({"spec": {"defaultBackend": SERVICE, "ingressClassName": "b"}, "metadata": {**META, "annotations": {"kubernetes.io/ingress.class": "a"}}},
     ['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified']),
], ids=["good", "resource", "wildcard", "empty", "no paths", "address", "wrong wildcard", "paths", "ports", "no port", "no backend", "both", "reference", "class"])
def test_ingresses(given: Document, expected: list[str]) -> None:
    assert faults(NETWORKING, "Ingress", given) == expected


def test_an_ingress_status() -> None:
    status = {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "192.0.2.1"}]}}
    assert status_faults(NETWORKING, "Ingress", {"status": status}) == [
        'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'status.loadBalancer.ingress[1].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address']


@pytest.mark.parametrize(("spec", "expected"), [
    ({"controller": "example.com/c"}, []), ({"controller": "example.com/c", "parameters": {"kind": "K", "name": "n"}}, []),
    ({}, ["spec.controller: Required value"]), ({"controller": "c"}, ['spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")']),
    ({"controller": "example.com/c", "parameters": {"kind": "K", "name": "n", "namespace": "x"}},
     ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"]),
    ({"controller": "example.com/c", "parameters": {"kind": "K", "name": "n", "scope": "Namespace"}},
     ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"]),
    ({"controller": "example.com/c", "parameters": {"kind": "K", "name": "n", "scope": "World"}},
     ['spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"']),
], ids=["good", "parameters", "empty", "controller", "cluster", "namespace", "scope"])
def test_ingress_classes(spec: Document, expected: list[str]) -> None:
    assert faults(NETWORKING, "IngressClass", {"spec": spec}) == expected


def test_a_controller_never_changes() -> None:
    assert update_faults(NETWORKING, "IngressClass", {"spec": {"controller": "b.com/c"}}, {"spec": {"controller": "a.com/c"}}) == [
        'spec.controller: Invalid value: "b.com/c": field is immutable']


@pytest.mark.parametrize(("given", "types"), [
    ({}, ["Ingress"]), ({"egress": [{}]}, ["Ingress", "Egress"]), ({"egress": []}, ["Ingress"]), ({"policyTypes": ["Egress"]}, ["Egress"])])
def test_a_network_policys_defaults(given: Document, types: list[str]) -> None:
    policy = defaulted(NETWORKING, "NetworkPolicy", {"spec": {**given, "ingress": [{"ports": [{"port": 1}]}]}})
    assert (policy["spec"]["policyTypes"], policy["spec"]["ingress"][0]["ports"]) == (types, [{"port": 1, "protocol": "TCP"}])


@pytest.mark.parametrize(("spec", "expected"), [
    ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 1, "endPort": 2}]}]}, []),
    ({"ingress": [{"ports": [{"port": 0}, {"port": "No"}, {"endPort": 1}, {"port": 5, "endPort": 1}, {"protocol": "ICMP"}]}]}, [
        "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        'spec.ingress[0].ports[1].port: Invalid value: "No": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
        "spec.ingress[0].ports[2].endPort: Invalid value: 1: may not be specified when `port` is not specified",
        "spec.ingress[0].ports[3].endPort: Invalid value: 1: must be greater than or equal to `port`",
        'spec.ingress[0].ports[4].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']),
    ({"egress": [{"to": [{}, {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "x"}},
                         {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "11.0.0.0/16", "y"]}}]}]}, [
        "spec.egress[0].to[0]: Required value: must specify a peer", "spec.egress[0].to[1]: Forbidden: may not specify both ipBlock and another peer",
        f'spec.egress[0].to[2].ipBlock.cidr: Invalid value: "x": {CIDR}',
        'spec.egress[0].to[3].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
        'spec.egress[0].to[3].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        f'spec.egress[0].to[3].ipBlock.except[2]: Invalid value: "y": {CIDR}']),
    ({"policyTypes": ["Both"]}, ['spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"']),
], ids=["good", "ports", "peers", "types"])
def test_network_policies(spec: Document, expected: list[str]) -> None:
    assert faults(NETWORKING, "NetworkPolicy", {"spec": spec}) == expected


@pytest.mark.parametrize(("kind", "names", "document", "row"), [
    ("Ingress", "Name, Class, Hosts, Address, Ports, Age", {"spec": {"ingressClassName": "c", "tls": [{}], "rules": [{"host": f"{n}.x"} for n in range(5)]},
     "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.100"}, {"ip": "192.0.2.101"}]}}},
     ["a", "c", "0.x,1.x,2.x + 2 more...", "192.0.2.100,1...", "80, 443", "60m"]),
    ("Ingress", "Name, Class, Hosts, Address, Ports, Age", {"spec": {}}, ["a", "<none>", "*", "", "80", "60m"]),
    ("IngressClass", "Name, Controller, Parameters, Age", {"spec": {"controller": "x/y", "parameters": {"kind": "K", "name": "n", "apiGroup": "g"}}},
     ["a", "x/y", "K.g/n", "60m"]),
    ("NetworkPolicy", "Name, Pod-Selector, Age", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}, ["a", "a=b", "60m"]),
], ids=["ingress", "bare ingress", "class", "policy"])
def test_rows(kind: str, names: str, document: Document, row: list[Any]) -> None:
    assert columns(NETWORKING, kind) == names
    assert cells(NETWORKING, kind, document) == row
