from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.openapi import document, group_versions


@pytest.mark.parametrize("group_version", group_versions())
def test_every_reference_leads_somewhere(group_version: str) -> None:
    made = document(group_version)
    text = json.dumps(made)
    wanted = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert wanted <= made["components"]["schemas"].keys()


@pytest.mark.parametrize(("group_version", "path", "kind"), [
    pytest.param("api/v1", "/api/v1/namespaces/{namespace}/pods/{name}", "Pod", id="pods"),
    pytest.param("apis/apps/v1", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "Deployment", id="deployments"),
])
def test_a_patch_says_its_kind_and_that_it_validates_fields(group_version: str, path: str, kind: str) -> None:
    patch: dict[str, Any] = document(group_version)["paths"][path]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == kind
    assert "fieldValidation" in [one["name"] for one in patch["parameters"]]


def test_lists_carry_how_they_are_merged() -> None:
    containers = document("api/v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert (containers["x-kubernetes-list-type"], containers["x-kubernetes-patch-merge-key"]) == ("map", "name")


def test_a_group_version_that_is_not_served_is_an_error() -> None:
    with pytest.raises(KeyError):
        document("apis/apps/v9")


@pytest.mark.parametrize(("name", "field", "said"), [
    pytest.param("Container", "imagePullPolicy", {"enum": ["Always", "IfNotPresent", "Never"]}, id="an enumeration"),
    pytest.param("ContainerPort", "protocol", {"enum": ["SCTP", "TCP", "UDP"], "default": "TCP"}, id="with a default"),
    pytest.param("PersistentVolumeClaimSpec", "accessModes", {"items": {
        "type": "string", "enum": ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]}}, id="of a list's items"),
    pytest.param("Pod", "spec", {"description": "What is wanted: containers, volumes, where to run and how to end."}, id="what it is for"),
])
def test_fields_say_what_they_may_hold_and_what_they_are_for(name: str, field: str, said: dict[str, Any]) -> None:
    properties = document("api/v1")["components"]["schemas"][f"io.k8s.api.core.v1.{name}"]["properties"]
    assert said.items() <= properties[field].items()
