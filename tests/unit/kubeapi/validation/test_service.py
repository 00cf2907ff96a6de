"""What is refused of Services, in upstream's words (pkg/apis/core/validation: ValidateServiceCreate, -Update and -StatusUpdate)."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.catalog import by_kind

Document = dict[str, Any]
STRATEGY = by_kind("", "Service").strategy()
PORT: Document = {"port": 80}
OPEN: Document = {"type": "NodePort", "ports": [PORT]}
BALANCED: Document = {"type": "LoadBalancer", "ports": [PORT]}
CHECKED: Document = {**BALANCED, "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001}
BOTH: Document = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
                  "ports": [PORT]}
ONE: Document = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "ports": [PORT]}
SOURCES = "service.beta.kubernetes.io/load-balancer-source-ranges"
NOT_BALANCED = "Forbidden: may only be used when `type` is 'LoadBalancer'"


def defaulted(spec: Document, **fields: Any) -> Document:
    service = copy.deepcopy({"metadata": {"name": "a", "namespace": "n"}, "spec": spec, **fields})
    STRATEGY.default(service)
    return service


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param(OPEN, [], id="open"), pytest.param(BALANCED, [], id="balanced"), pytest.param(CHECKED, [], id="checked"), pytest.param(BOTH, [], id="two families"),
    pytest.param({"clusterIP": "None", "selector": {"a": "b"}}, [], id="headless without ports"),
    pytest.param({"type": "ExternalName", "externalName": "a.b.", "ports": [PORT]}, [], id="a name with its last dot"),
    pytest.param({"type": "ExternalName", "clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}, [
        *(f"spec.{name}: Forbidden: may not be set for ExternalName services" for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")),
        "spec.externalName: Required value"], id="a name with addresses"),
    pytest.param({"ports": [{"port": 80, "appProtocol": "a/b/c"}]}, [
        'spec.ports[0].appProtocol: Invalid value: "a/b/c": a qualified name must consist of alphanumeric characters, \'-\', \'_\' or \'.\', and must '
        "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"], id="app protocol"),
    pytest.param({"ports": [PORT], "sessionAffinity": "Some"}, ['spec.sessionAffinity: Unsupported value: "Some": supported values: "ClientIP", "None"'], id="affinity"),
    pytest.param({"ports": [PORT], "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}}, [
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400"], id="affinity for too long"),
    pytest.param({"ports": [PORT], "externalIPs": ["1.2.3", "127.0.0.1", "fe80::1%eth0"]}, [
        'spec.externalIPs[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'spec.externalIPs[2]: Invalid value: "fe80::1%eth0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'], id="external addresses"),
    pytest.param({"ports": [{"port": 80, "nodePort": 30001}]}, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"], id="not open"),
    pytest.param({"type": "NodePort", "ports": [{"name": "a", "port": 80, "nodePort": 30001}, {"name": "b", "port": 81, "nodePort": 30001}]}, [
        "spec.ports[1].nodePort: Duplicate value: 30001"], id="a node port twice"),
    pytest.param({"ports": [PORT], "loadBalancerSourceRanges": ["10.0.0.0"], "allocateLoadBalancerNodePorts": True, "loadBalancerClass": "x"}, [
        f"spec.LoadBalancerSourceRanges: {NOT_BALANCED}",
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        f"spec.allocateLoadBalancerNodePorts: {NOT_BALANCED}", f"spec.loadBalancerClass: {NOT_BALANCED}"], id="balancer's fields without one"),
    pytest.param({"ports": [PORT], "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001}, [
        'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
        "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"], id="traffic from nowhere"),
    pytest.param({**BALANCED, "externalTrafficPolicy": "Local"}, ["spec.healthCheckNodePort: Required value"], id="nobody allocated a port"),
    pytest.param({"ports": [PORT], "internalTrafficPolicy": "All", "trafficDistribution": "Far"}, [
        'spec.internalTrafficPolicy: Unsupported value: "All": supported values: "Cluster", "Local"',
        'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"'], id="traffic"),
    pytest.param({"ports": [PORT], "clusterIPs": ["10.0.0.1"]}, [
        'spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified'], id="addresses without the first"),
    pytest.param({**ONE, "clusterIPs": ["10.0.0.2"]}, ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'], id="another first"),
    pytest.param({"clusterIP": "None", "clusterIPs": ["None", "10.0.0.1"]}, [
        "spec.ports: Required value", 'spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value'], id="none and another"),
    pytest.param({**BOTH, "clusterIPs": ["10.0.0.1", "10.0.0.2"], "ipFamilies": ["IPv4", "IPv4"]}, [
        'spec.ipFamilies[1]: Duplicate value: "IPv4"',
        'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'], id="a family twice"),
    pytest.param({**ONE, "ipFamilies": ["IPv6"]}, ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'], id="the other family"),
    pytest.param({**ONE, "ipFamilies": ["IPv5"], "ipFamilyPolicy": "Any"}, [
        'spec.ipFamilyPolicy: Unsupported value: "Any": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
        'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'], id="no such family"),
])
def test_what_is_made(spec: Document, expected: list[str]) -> None:
    assert [str(fault) for fault in STRATEGY.validate(defaulted(spec))] == expected


@pytest.mark.parametrize(("old", "changes", "expected"), [
    pytest.param(ONE, {}, [], id="nothing"),
    pytest.param(ONE, {"clusterIP": "10.0.0.2"}, ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'], id="another address"),
    pytest.param(ONE, {"clusterIP": "None"}, ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'], id="no address any more"),
    pytest.param(ONE, {name: BOTH[name] for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")}, [], id="a second family"),
    pytest.param(BOTH, {name: ONE[name] for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")}, [], id="one family less"),
    pytest.param(BOTH, {name: ONE[name] for name in ("clusterIPs", "ipFamilies")}, [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to \'SingleStack\' when releasing the secondary clusterIP',
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to \'SingleStack\' when releasing the secondary ipFamily'], id="one less, unsaid"),
    pytest.param({**BALANCED, "loadBalancerClass": "a"}, {"loadBalancerClass": "b"}, ['spec.loadBalancerClass: Invalid value: "b": may not change once set'], id="class"),
    pytest.param(CHECKED, {"healthCheckNodePort": 30002}, ["spec.healthCheckNodePort: Forbidden: field is immutable"], id="health check"),
    pytest.param({"ports": [PORT], "externalIPs": ["010.1.1.1"]}, {"selector": {"a": "b"}}, [], id="what was allowed before"),
])
def test_what_is_updated(old: Document, changes: Document, expected: list[str]) -> None:
    before, after = defaulted(old), defaulted({**defaulted(old)["spec"], **changes})
    STRATEGY.prepare_for_update(after, before)
    assert [str(fault) for fault in STRATEGY.validate_update(after, before)] == expected


@pytest.mark.parametrize(("spec", "ingress", "expected"), [
    pytest.param(BALANCED, {"ip": "192.0.2.1"}, [], id="an address"), pytest.param(BALANCED, {"hostname": "a.b"}, [], id="a name"),
    pytest.param(OPEN, {"ip": "192.0.2.1"}, ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"], id="without a balancer"),
    pytest.param(BALANCED, {"ip": "192.0.2.1", "ipMode": "Any"}, [
        'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Any": supported values: "Proxy", "VIP"'], id="mode"),
    pytest.param(BALANCED, {"hostname": "192.0.2.1", "ipMode": "VIP"}, [
        "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set",
        'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'], id="an address for a name"),
])
def test_what_its_status_tells(spec: Document, ingress: Document, expected: list[str]) -> None:
    new = defaulted(spec, status={"loadBalancer": {"ingress": [ingress]}})
    assert [str(fault) for fault in STRATEGY.validate_status_update(new, defaulted(spec))] == expected


@pytest.mark.parametrize(("ranges", "expected"), [
    ("10.0.0.0/8, 192.0.2.0/24", []),
    ("x", [f'metadata.annotations[{SOURCES}]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']),
])
def test_the_annotation_that_was_there_before_the_field(ranges: str, expected: list[str]) -> None:
    service = defaulted(BALANCED)
    service["metadata"]["annotations"] = {SOURCES: ranges}
    assert [str(fault) for fault in STRATEGY.validate(service)] == expected
