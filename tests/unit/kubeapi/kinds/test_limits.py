"""Leases, LimitRanges, ResourceQuotas and PodDisruptionBudgets: defaults, faults and columns."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import cells, columns, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]


@pytest.mark.parametrize(("limit", "expected"), [
    ({"type": "Container", "max": {"cpu": "2"}}, {"default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}),
    ({"type": "Container", "default": {"cpu": "1"}, "min": {"cpu": "1m", "memory": "1Mi"}},
     {"default": {"cpu": "1"}, "defaultRequest": {"cpu": "1", "memory": "1Mi"}}),
    ({"type": "Pod", "max": {"cpu": "2"}}, {}),
], ids=["from max", "from default and min", "not for pods"])
def test_a_limit_ranges_defaults(limit: Document, expected: Document) -> None:
    assert defaulted("", "LimitRange", {"spec": {"limits": [limit]}})["spec"]["limits"] == [{**limit, **expected}]


@pytest.mark.parametrize(("limits", "expected"), [
    ([{"type": "Container", "default": {"cpu": "1"}}], []),
    ([{"type": "Disk"}], ['spec.limits[0].type: Invalid value: "Disk": must be a standard limit type or fully qualified']),
    ([{"type": "Pod"}, {"type": "Pod"}], ['spec.limits[1].type: Duplicate value: "Pod"']),
    ([{"type": "Pod", "default": {"cpu": "1"}}], ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"]),
    ([{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}], [
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
        'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1']),
    ([{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}],
     ['spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1']),
    ([{"type": "Pod", "max": {"wheels": "1"}}], [
        'spec.limits[0].max[wheels]: Invalid value: "wheels": must be a standard resource type or fully qualified',
        'spec.limits[0].max[wheels]: Invalid value: "wheels": must be a standard resource for containers']),
    ([{"type": "PersistentVolumeClaim"}],
     ["spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided"]),
    ([{"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}}],
     ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000']),
    ([{"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}}],
     ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1']),
    ([{"type": "Container", "default": {"example.com/gpu": "2"}, "defaultRequest": {"example.com/gpu": "1"}}], [
        'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu']),
], ids=["good", "type", "twice", "pod default", "min over max", "request over limit", "resource", "claim", "ratio", "small ratio", "gpu"])
def test_limit_ranges(limits: list[Document], expected: list[str]) -> None:
    assert faults("", "LimitRange", {"spec": {"limits": limits}}) == expected


def test_a_limit_range_has_the_columns_of_a_kind_without_any() -> None:
    assert columns("", "LimitRange") == "Name, Created At"
    assert cells("", "LimitRange", {}) == ["a", "2025-12-31T23:00:00Z"]


@pytest.mark.parametrize(("spec", "expected"), [
    ({"hard": {"pods": "3", "requests.cpu": "500m", "count/jobs.batch": "2", "requests.example.com/gpu": "1"}}, []),
    ({"hard": {"pods": "1500m", "cpu": "-1"}}, [
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
    ({"hard": {"wheels": "1"}}, ['spec.hard[wheels]: Invalid value: "wheels": must be a standard resource type or fully qualified',
                                 'spec.hard[wheels]: Invalid value: "wheels": must be a standard resource for quota']),
    ({"hard": {"storage": "1Gi"}}, ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota']),
    ({"scopes": ["Big"]}, ['spec.scopes: Invalid value: ["Big"]: unsupported scope']),
    ({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource']),
    ({"scopes": ["BestEffort", "NotBestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes']),
    ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}, [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"]),
    ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Has"}]}},
     ['spec.scopeSelector.matchExpressions.operator: Invalid value: "Has": not a valid selector operator']),
], ids=["good", "amounts", "resource", "storage", "scope", "misapplied", "conflict", "no values", "operator"])
def test_quotas(spec: Document, expected: list[str]) -> None:
    assert faults("", "ResourceQuota", {"spec": spec}) == expected


def test_a_quotas_scopes_are_immutable() -> None:
    assert update_faults("", "ResourceQuota", {"spec": {"scopes": ["BestEffort"]}}, {"spec": {}}) == [
        'spec.scopes: Invalid value: ["BestEffort"]: field is immutable']


def test_a_quotas_status_has_amounts() -> None:
    assert status_faults("", "ResourceQuota", {"status": {"used": {"pods": "-1"}}}) == [
        'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0']


def test_a_quotas_row() -> None:
    assert columns("", "ResourceQuota") == "Name, Request, Limit, Age"
    status = {"hard": {"pods": "3", "limits.cpu": "2", "cpu": "1"}, "used": {"pods": "1", "limits.cpu": "500m"}}
    assert cells("", "ResourceQuota", {"status": status}) == ["a", "cpu: 0/1, pods: 1/3", "limits.cpu: 500m/2", "60m"]


@pytest.mark.parametrize(("spec", "expected"), [
    ({"minAvailable": 1}, []),
    ({"minAvailable": 1, "maxUnavailable": 1},
     ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set']),
    ({"minAvailable": -1}, ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"]),
    ({"maxUnavailable": "101%"}, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']),
    ({"maxUnavailable": "x"}, ['spec.maxUnavailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending \'%\' '
                               "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"]),
    ({"unhealthyPodEvictionPolicy": "Maybe"},
     ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Maybe": supported values: "AlwaysAllow", "IfHealthyBudget"']),
    ({"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}},
     ['spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator']),
], ids=["good", "both", "negative", "over 100%", "no percent", "policy", "selector"])
def test_budgets(spec: Document, expected: list[str]) -> None:
    assert faults("policy", "PodDisruptionBudget", {"spec": spec}) == expected


def test_a_budgets_status() -> None:
    status = {"currentHealthy": -1, "conditions": [{"type": "T", "status": "Yes", "reason": "a b"}]}
    reason = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
    assert status_faults("policy", "PodDisruptionBudget", {"status": status}) == [
        'status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
        "status.conditions[0].lastTransitionTime: Required value: must be set",
        'status.conditions[0].reason: Invalid value: "a b": a condition reason must start with alphabetic character, optionally followed by a string of '
        "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or "
        f"'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{reason}')",
        "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0"]


def test_a_budgets_row() -> None:
    assert columns("policy", "PodDisruptionBudget") == "Name, Min Available, Max Unavailable, Allowed Disruptions, Age"
    assert cells("policy", "PodDisruptionBudget", {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 2}}) == [
        "a", "50%", "N/A", 2, "60m"]


@pytest.mark.parametrize(("spec", "expected"), [
    ({"strategy": "OldestEmulationVersion", "preferredHolder": "x"}, []), ({"strategy": "example.com/mine"}, []),
    ({"strategy": "Youngest"}, ['spec.strategy.strategy: Unsupported value: "Youngest": supported values: "OldestEmulationVersion"']),
    ({"preferredHolder": "x"}, ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"]),
    ({"leaseTransitions": -1, "leaseDurationSeconds": 0}, [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"]),
], ids=["coordinated", "someone else's", "unknown", "preferred", "numbers"])
def test_leases(spec: Document, expected: list[str]) -> None:
    assert faults("coordination.k8s.io", "Lease", {"spec": spec}) == expected
