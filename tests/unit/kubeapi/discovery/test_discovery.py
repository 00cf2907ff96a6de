"""Discovery says what upstream's says. The names are those of upstream's api/discovery/*.json; verbs and scopes those of its OpenAPI."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubeapi import discovery
from kubeapi.catalog import GROUPS

Document = dict[str, Any]
GROUP_VERSIONS = [(group, version) for group, versions in GROUPS.items() for version in versions]
# In this order: of two resources with one name the one whose group comes first is meant.
GROUP_ORDER = ["", "apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch",
               "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io",
               "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io",
               "resource.k8s.io"]
SHORT_NAMES = {
    "certificatesigningrequests": ["csr"], "componentstatuses": ["cs"], "configmaps": ["cm"], "cronjobs": ["cj"], "customresourcedefinitions": ["crd", "crds"],
    "daemonsets": ["ds"], "deployments": ["deploy"], "endpoints": ["ep"], "events": ["ev"], "horizontalpodautoscalers": ["hpa"], "ingresses": ["ing"],
    "ipaddresses": ["ip"], "limitranges": ["limits"], "namespaces": ["ns"], "networkpolicies": ["netpol"], "nodes": ["no"], "persistentvolumeclaims": ["pvc"],
    "persistentvolumes": ["pv"], "poddisruptionbudgets": ["pdb"], "pods": ["po"], "priorityclasses": ["pc"], "replicasets": ["rs"],
    "replicationcontrollers": ["rc"], "resourcequotas": ["quota"], "serviceaccounts": ["sa"], "services": ["svc"], "statefulsets": ["sts"],
    "storageclasses": ["sc"], "volumeattributesclasses": ["vac"]}
IN_ALL = {"cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "jobs", "pods", "replicasets", "replicationcontrollers", "services", "statefulsets"}
API_EXTENSIONS = {"apiservices", "customresourcedefinitions", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations",
                  "validatingadmissionpolicies", "validatingadmissionpolicybindings", "validatingwebhookconfigurations"}
STORAGE_VERSION_HASHES = {
    "configmaps": "qFsyl6wFWjQ=", "endpoints": "fWeeMqaN/OA=", "events": "r2yiGXH7wu8=", "limitranges": "EBKMFVe6cwo=", "namespaces": "Q3oi5N2YM8M=",
    "nodes": "XwShjMxG9Fs=", "persistentvolumeclaims": "QWTyNDq0dC4=", "persistentvolumes": "HN/zwEC+JgM=", "pods": "xPOwRZ+Yhw8=",
    "podtemplates": "LIXB2x4IFpk=", "replicationcontrollers": "Jond2If31h0=", "resourcequotas": "8uhSgffRX6w=", "secrets": "S6u1pOWzb84=",
    "serviceaccounts": "pbx9ZvyFpBE=", "services": "0/CO1lhkEBI=", "deployments": "8aSe+NMegvE=", "horizontalpodautoscalers": "qwQve8ut294="}


def rows(group: str, version: str) -> list[Document]:
    found: list[Document] = discovery.api_resource_list(group, version)["resources"]
    return found


def upstream(group: str, version: str) -> dict[str, tuple[str, str, list[str]]]:
    """name -> (scope, kind, verbs) in a group-version."""
    root = f"apis/{group}/{version}" if group else f"api/{version}"
    text = (Path(__file__).parents[1] / "openapi" / "operations.txt").read_text()
    found = {}
    for words in (line.split() for line in text.splitlines() if line.startswith(f"{root} ")):
        verbs = [verb for verb in words[4].split(",") if verb not in ("head", "options")]      # are no verbs of discovery
        found[words[1]] = words[2], words[3], ["create" if verb == "post" else verb for verb in verbs]
    return found


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS, ids=lambda one: one or "core")
def test_resources_verbs_scopes_and_kinds(group: str, version: str) -> None:
    own = f"{group}/{version}" if group else version
    found = {}
    for row in rows(group, version):
        of = "/".join(filter(None, [row["group"], row["version"]])) if "group" in row else own
        found[row["name"]] = "Namespaced" if row["namespaced"] else "Cluster", f"{of}.{row['kind']}", row["verbs"]
    assert found == upstream(group, version)


def test_groups_come_in_upstream_s_order() -> None:
    assert list(GROUPS) == GROUP_ORDER
    assert [one["name"] for one in discovery.api_group_list()["groups"]] == GROUP_ORDER[1:]
    assert discovery.api_group("autoscaling")["preferredVersion"]["version"] == "v2"


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS, ids=lambda one: one or "core")
def test_names_and_categories(group: str, version: str) -> None:
    for row in rows(group, version):
        plural, slash, _ = row["name"].partition("/")
        expected = [] if slash else ["all"] if plural in IN_ALL else ["api-extensions"] if plural in API_EXTENSIONS else []
        assert row.get("categories", []) == expected, row
        assert row.get("shortNames", []) == ([] if slash else SHORT_NAMES.get(plural, [])), row
        assert row["singularName"] == ("" if slash else row["kind"].lower()), row
        assert row.get("storageVersionHash", "") == STORAGE_VERSION_HASHES.get(row["name"], row.get("storageVersionHash", "")), row
        assert ("storageVersionHash" in row) is ("watch" in row["verbs"]), row


def test_lists_are_ordered_by_name() -> None:
    for group, version in GROUP_VERSIONS:
        names = [row["name"] for row in rows(group, version)]
        assert names == sorted(names)


@pytest.mark.parametrize("form", ["v2", "v2beta1"])
@pytest.mark.parametrize("core", [True, False], ids=["core", "groups"])
def test_the_aggregated_form_says_the_same(form: str, core: bool) -> None:
    document = discovery.aggregated(form, core=core)
    assert document["apiVersion"] == f"apidiscovery.k8s.io/{form}"
    for item in document["items"]:
        group = item["metadata"].get("name", "")
        for version in item["versions"]:
            found = {row["name"]: row for row in rows(group, version["version"])}
            for resource in version["resources"]:
                legacy = found.pop(resource["resource"])
                assert (resource["verbs"], resource["singularResource"], resource.get("shortNames"), resource.get("categories")) == (
                    legacy["verbs"], legacy["singularName"], legacy.get("shortNames"), legacy.get("categories"))
                for sub in resource.get("subresources", ()):
                    below = found.pop(f"{resource['resource']}/{sub['subresource']}")
                    assert (sub["responseKind"], sub["verbs"]) == (
                        {"group": below.get("group", ""), "version": below.get("version", ""), "kind": below["kind"]}, below["verbs"])
            assert not found
