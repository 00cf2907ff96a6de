"""Endpoints, EndpointSlices, Nodes' addresses, IPAddresses and ServiceCIDRs; and the rows of kinds that have little else."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import META, cells, columns, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]
DISCOVERY = "discovery.k8s.io"


def a_slice(*addresses: str, kind: str = "IPv4", ports: list[Document] | None = None, **endpoint: Any) -> Document:
    return {"addressType": kind, "endpoints": [{"addresses": list(addresses), **endpoint}], "ports": ports or []}


@pytest.mark.parametrize(("given", "expected"), [
    (a_slice("192.0.2.1", ports=[{"port": 80}, {"name": "b"}]), []), (a_slice("2001:db8::1", kind="IPv6"), []), (a_slice("a.example.com", kind="FQDN"), []),
    (a_slice(), ["endpoints[0].addresses: Required value: must contain at least 1 address"]),
    (a_slice("x", kind="IPv5"), ['addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"']),
    (a_slice("2001:db8::1", "127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.1"), [
        'endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address',
        'endpoints[0].addresses[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'endpoints[0].addresses[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0 or ::)',
        'endpoints[0].addresses[3]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
        'endpoints[0].addresses[4]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)']),
    (a_slice("192.0.2.1", ports=[{"port": 80}, {"port": 81, "protocol": "ICMP"}]), [
        'ports[1].name: Duplicate value: ""', 'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']),
], ids=["good", "IPv6", "FQDN", "none", "type", "special", "ports"])
def test_slices(given: Document, expected: list[str]) -> None:
    assert faults(DISCOVERY, "EndpointSlice", given) == expected


def test_the_type_of_a_slices_addresses_never_changes() -> None:
    assert update_faults(DISCOVERY, "EndpointSlice", a_slice("2001:db8::1", kind="IPv6"), a_slice("192.0.2.1")) == [
        'addressType: Invalid value: "IPv6": field is immutable']


@pytest.mark.parametrize(("subset", "expected"), [
    ({"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}, []),
    ({}, ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
    ({"notReadyAddresses": [{"ip": "x"}, {"ip": "::1", "hostname": "A"}]}, [
        'subsets[0].notReadyAddresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        "subsets[0].notReadyAddresses[1].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
        "'-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        'subsets[0].notReadyAddresses[1].ip: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)']),
    ({"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 0}, {"name": "b", "port": 1, "protocol": "ICMP"}]}, [
        "subsets[0].ports[0].name: Required value", "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        'subsets[0].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']),
], ids=["good", "empty", "addresses", "ports"])
def test_endpoints(subset: Document, expected: list[str]) -> None:
    assert faults("", "Endpoints", {"subsets": [subset]}) == expected


def test_a_nodes_first_range_is_its_range() -> None:
    assert defaulted("", "Node", {"spec": {"podCIDR": "10.0.0.0/24"}})["spec"]["podCIDRs"] == ["10.0.0.0/24"]
    assert defaulted("", "Node", {"spec": {"podCIDRs": ["10.0.0.0/24", "fd00::/64"]}})["spec"]["podCIDR"] == "10.0.0.0/24"


def test_nodes() -> None:
    assert faults("", "Node", {"spec": {"podCIDRs": ["10.0.0.0/24", "x"]}, "status": {"capacity": {"pods": "-1"}}}) == [
        'spec.podCIDRs[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        'spec.podCIDRs: Invalid value: ["10.0.0.0/24","x"]: may specify no more than one CIDR for each IP family',
        'status.capacity.pods: Invalid value: "-1": must be greater than or equal to 0']
    address = {"type": "InternalIP", "address": "192.0.2.1"}
    assert status_faults("", "Node", {"status": {"addresses": [address, address]}}) == [
        'status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"192.0.2.1"}']


@pytest.mark.parametrize(("kind", "spec", "expected"), [
    ("IPAddress", {"parentRef": {"resource": "services", "name": "s"}}, []), ("IPAddress", {}, ["spec.parentRef: Required value"]),
    ("IPAddress", {"parentRef": {}}, ["spec.parentRef.resource: Required value", "spec.parentRef.name: Required value"]),
    ("ServiceCIDR", {}, ["spec.cidrs: Required value: at least one CIDR required"]),
    ("ServiceCIDR", {"cidrs": ["x"]}, ['spec.cidrs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']),
], ids=["address", "no parent", "empty parent", "no range", "range"])
def test_addresses_and_ranges(kind: str, spec: Document, expected: list[str]) -> None:
    assert faults("networking.k8s.io", kind, {"spec": spec}) == expected


@pytest.mark.parametrize(("group", "kind", "names", "document", "row"), [
    ("networking.k8s.io", "IPAddress", "Name, ParentRef", {"spec": {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}}}, ["a", "services/n/s"]),
    ("networking.k8s.io", "ServiceCIDR", "Name, CIDRs, Age", {"spec": {"cidrs": ["10.0.0.0/8", "fd00::/64"]}}, ["a", "10.0.0.0/8,fd00::/64", "60m"]),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", "Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL",
     {"spec": {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "p"}}, "status": {"conditions": [{"type": "Dangling", "status": "False"}]}},
     ["a", "p", 5, "<none>", "60m", "False"]),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age",
     {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 30, "limitResponse": {"queuing": {"queues": 64}}}}},
     ["a", "Limited", 30, 64, "<none>", "<none>", "60m"]),
    ("resource.k8s.io", "DeviceClass", "Name, Age", {}, ["a", "60m"]),
    ("resource.k8s.io", "ResourceClaim", "Name, State, Age", {"status": {"allocation": {}, "reservedFor": [{}]}}, ["a", "allocated,reserved", "60m"]),
    ("resource.k8s.io", "ResourceClaimTemplate", "Name, Age", {}, ["a", "60m"]),
    ("resource.k8s.io", "ResourceSlice", "Name, Node, Driver, Pool, Age", {"spec": {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}}, ["a", "n", "d", "p", "60m"]),
    ("apiregistration.k8s.io", "APIService", "Name, Service, Available, Age", {"status": {"conditions": [
        {"type": "Available", "status": "False", "reason": "R"}]}, "metadata": META}, ["a", "Local", "False (R)", "60m"]),
], ids=lambda value: value if isinstance(value, str) and "," not in value and "." not in value else "")
def test_rows(group: str, kind: str, names: str, document: Document, row: list[Any]) -> None:
    assert columns(group, kind) == names
    assert cells(group, kind, document) == row
