"""What an update makes of a Service's addresses and ports."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural

Document = dict[str, Any]
ADDRESS: Document = {"clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
PLAIN: Document = {"type": "ClusterIP", **ADDRESS, "ports": [{"port": 80, "protocol": "TCP"}]}
OPEN: Document = {**PLAIN, "type": "NodePort", "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30001}]}
BALANCED: Document = {**OPEN, "type": "LoadBalancer", "externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": True,
                      "loadBalancerClass": "a/b", "healthCheckNodePort": 30002}


def updated(old: Document, **changes: Any) -> Document:
    new: Document = {"spec": {**old, "ports": [dict(one) for one in old.get("ports", ())], **changes}}
    by_plural("", "services").strategy().prepare_for_update(new, {"spec": old})
    return dict(new["spec"])


def test_an_update_keeps_what_was_allocated() -> None:
    new: Document = {"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP"}]}}
    by_plural("", "services").strategy().prepare_for_update(new, {"spec": OPEN})
    assert (new["spec"]["clusterIP"], new["spec"]["ports"][0]["nodePort"]) == ("10.96.0.10", 30001)


@pytest.mark.parametrize(("old", "changes", "expected"), [
    pytest.param(OPEN, {"type": "ClusterIP"}, PLAIN, id="no longer open"),
    pytest.param(BALANCED, {"type": "ClusterIP"}, PLAIN, id="no longer balanced nor open"),
    pytest.param(BALANCED, {"type": "NodePort"}, {**OPEN, "externalTrafficPolicy": "Local"}, id="no longer balanced"),
    pytest.param(BALANCED, {"externalTrafficPolicy": "Cluster"}, {key: value for key, value in {**BALANCED, "externalTrafficPolicy": "Cluster"}.items()
                                                                 if key != "healthCheckNodePort"}, id="no check of its health"),
    pytest.param(PLAIN, {"type": "ExternalName", "externalName": "a.b"}, {"type": "ExternalName", "externalName": "a.b", "ports": PLAIN["ports"]}, id="a name"),
    pytest.param(PLAIN, {"type": "NodePort"}, {**PLAIN, "type": "NodePort"}, id="opened"),
])
def test_what_only_the_old_type_has_goes_with_it(old: Document, changes: Document, expected: Document) -> None:
    """As `kubectl patch` of the type alone asks for it."""
    assert updated(old, **changes) == expected


@pytest.mark.parametrize(("old", "changes", "field"), [
    (OPEN, {"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30009}]}, "ports"),
    (OPEN, {"type": "ClusterIP", "externalTrafficPolicy": "Local"}, "externalTrafficPolicy"), (PLAIN, {"type": "ExternalName", "clusterIP": "10.96.0.9"}, "clusterIP"),
])
def test_what_an_update_says_is_left_for_validation_to_refuse(old: Document, changes: Document, field: str) -> None:
    assert updated(old, **changes)[field] == changes[field]
