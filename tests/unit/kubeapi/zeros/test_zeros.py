"""What a document shows where nobody wrote anything, as it does upstream after its way through Go's structs."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.schema import Schema
from kubeapi.schemas import schema_of
from kubeapi.zeros import fill_zeros


@pytest.mark.parametrize(("group", "kind", "given", "filled"), [
    pytest.param("apps", "ReplicaSet", {"spec": {"selector": {}}}, {
        "metadata": {}, "spec": {"selector": {}, "template": {"metadata": {}, "spec": {}}}, "status": {"replicas": 0}},
        id="structs and scalars without omitempty"),
    pytest.param("", "Pod", {"spec": {"containers": [{"name": "c"}]}}, {
        "metadata": {}, "spec": {"containers": [{"name": "c", "resources": {}}]}, "status": {}}, id="in the items of a list"),
    pytest.param("", "Service", {"spec": {"ports": [{"port": 80}]}}, {
        "metadata": {}, "spec": {"ports": [{"port": 80}]}, "status": {"loadBalancer": {}}}, id="structs in structs"),
    pytest.param("", "ConfigMap", {"data": {}}, {"metadata": {}, "data": {}}, id="maps stay away"),
    pytest.param("", "Pod", {"spec": {"containers": [{"env": [{"valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]}]}}, {
        "metadata": {}, "status": {}, "spec": {"containers": [{"name": "", "resources": {}, "env": [{"name": "", "valueFrom": {
            "resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}}]}]}}, id="quantities show, omitempty or not"),
])
def test_what_is_filled(group: str, kind: str, given: dict[str, Any], filled: dict[str, Any]) -> None:
    document = copy.deepcopy(given)
    fill_zeros(document, schema_of(group, "v1", kind))
    assert document == filled
    fill_zeros(document, schema_of(group, "v1", kind))
    assert document == filled


def test_two_documents_share_nothing() -> None:
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for one in (first, second):
        fill_zeros(one, schema_of("", "v1", "Pod"))
    first["status"]["phase"] = "Running"
    assert second["status"] == {}


def test_a_custom_resource_is_left_as_it_is() -> None:
    document: dict[str, Any] = {"spec": {}}
    fill_zeros(document, Schema("object", properties={"status": Schema("object")}))
    assert document == {"spec": {}}
