"""Roles, bindings, RuntimeClasses and PriorityClasses: defaults, faults and columns."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import META, cells, columns, defaulted, faults, update_faults

Document = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
RULE: Document = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
REFERENCE: Document = {"kind": "ClusterRole", "name": "r"}


@pytest.mark.parametrize(("kind", "role", "expected"), [
    ("Role", {"rules": [RULE]}, []), ("ClusterRole", {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]}, []),
    ("Role", {"rules": [{}]}, ["rules[0].verbs: Required value: verbs must contain at least one value",
                               "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                               "rules[0].resources: Required value: resource rules must supply at least one resource"]),
    ("Role", {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]},
     ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs']),
    ("ClusterRole", {"rules": [{**RULE, "nonResourceURLs": ["/x"]}]},
     ['rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs']),
    ("ClusterRole", {"aggregationRule": {}}, [
        "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"]),
], ids=["role", "cluster role", "empty rule", "URLs in a namespace", "both", "no selectors"])
def test_roles(kind: str, role: Document, expected: list[str]) -> None:
    assert faults(RBAC, kind, role) == expected


def test_a_bindings_defaults() -> None:
    binding = defaulted(RBAC, "RoleBinding", {"roleRef": REFERENCE, "subjects": [
        {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}, {"kind": "Group", "name": "g"}]})
    assert binding["roleRef"]["apiGroup"] == RBAC
    assert [each.get("apiGroup") for each in binding["subjects"]] == [RBAC, None, RBAC]


@pytest.mark.parametrize(("kind", "binding", "expected"), [
    ("RoleBinding", {"roleRef": REFERENCE, "subjects": [{"kind": "ServiceAccount", "name": "s"}]}, []),
    ("RoleBinding", {"roleRef": {"kind": "Pod"}}, ['roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole"',
                                                   "roleRef.name: Required value"]),
    ("ClusterRoleBinding", {"roleRef": {"kind": "Role", "name": "a/b", "apiGroup": "x"}}, [
        f'roleRef.apiGroup: Unsupported value: "x": supported values: "{RBAC}"',
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        'roleRef.name: Invalid value: "a/b": may not contain \'/\'']),
    ("ClusterRoleBinding", {"roleRef": REFERENCE, "subjects": [
        {"kind": "ServiceAccount", "name": "s"}, {"kind": "User", "apiGroup": "x"}, {"kind": "Robot", "name": "r"}]}, [
        "subjects[0].namespace: Required value", "subjects[1].name: Required value",
        f'subjects[1].apiGroup: Unsupported value: "x": supported values: "{RBAC}"',
        'subjects[2].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"']),
], ids=["good", "kind", "cluster role", "subjects"])
def test_bindings(kind: str, binding: Document, expected: list[str]) -> None:
    assert faults(RBAC, kind, binding) == expected


def test_a_bindings_role_never_changes() -> None:
    assert update_faults(RBAC, "RoleBinding", {"roleRef": {"kind": "Role", "name": "x"}}, {"roleRef": REFERENCE}) == [
        f'roleRef: Invalid value: {{"kind":"Role","name":"x","apiGroup":"{RBAC}"}}: cannot change roleRef']


def test_rows() -> None:
    assert columns(RBAC, "Role") == columns(RBAC, "ClusterRole") == "Name, Created At"
    assert columns(RBAC, "RoleBinding") == columns(RBAC, "ClusterRoleBinding") == "Name, Role, Age | Users, Groups, ServiceAccounts"
    assert cells(RBAC, "RoleBinding", {"roleRef": REFERENCE, "subjects": [
        {"kind": "User", "name": "u"}, {"kind": "User", "name": "v"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]}) == [
        "a", "ClusterRole/r", "60m", "u, v", "", "n/s"]
    assert columns("node.k8s.io", "RuntimeClass") == "Name, Handler, Age"
    assert cells("node.k8s.io", "RuntimeClass", {"handler": "runc"}) == ["a", "runc", "60m"]


@pytest.mark.parametrize(("given", "expected"), [
    ({"handler": "runc", "overhead": {"podFixed": {"cpu": "1"}}, "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}]}}, []),
    ({"handler": "runc", "overhead": {"podFixed": {"cpu": "-1"}}},
     ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
    ({"handler": "runc", "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}] * 2}},
     ['scheduling.tolerations[1]: Duplicate value: {"key":"a","operator":"Exists"}']),
], ids=["good", "overhead", "twice"])
def test_runtime_classes(given: Document, expected: list[str]) -> None:
    assert faults("node.k8s.io", "RuntimeClass", given) == expected


def test_a_handler_never_changes() -> None:
    assert update_faults("node.k8s.io", "RuntimeClass", {"handler": "b"}, {"handler": "a"}) == ['handler: Invalid value: "b": field is immutable']
    assert faults("node.k8s.io", "RuntimeClass", {"handler": "A"})[0].startswith('handler: Invalid value: "A": a lowercase RFC 1123 label')


@pytest.mark.parametrize(("name", "given", "expected"), [
    ("system-node-critical", {"value": 2000001000}, []), ("mine", {"value": -5, "preemptionPolicy": "Never"}, []),
    ("system-node-critical", {"value": 5}, [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of "
        "system-node-critical PriorityClass must be 2000001000"]),
    ("system-mine", {"value": 5}, ["metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
                                   "error: system-mine is not a known system priority class"]),
    ("mine", {"value": 1000000001, "preemptionPolicy": "Some"}, [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
        'preemptionPolicy: Unsupported value: "Some": supported values: "Never", "PreemptLowerPriority"']),
], ids=["known", "user's", "known with another value", "unknown", "too high"])
def test_priority_classes(name: str, given: Document, expected: list[str]) -> None:
    assert faults("scheduling.k8s.io", "PriorityClass", {"metadata": {**META, "name": name}, **given}) == expected
