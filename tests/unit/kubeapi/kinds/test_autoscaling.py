"""HorizontalPodAutoscalers: defaults, faults, columns, and the way through autoscaling/v1 and back."""
from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.autoscaling import PREFIX, from_v2, to_v2
from kubeapi.errors import BadRequest
from tests.unit.kubeapi.kinds.tables import META, cells, columns, defaulted, faults, status_faults, update_faults

Document = dict[str, Any]
TARGET: Document = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
CPU: Document = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
MEMORY: Document = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}
PODS: Document = {"type": "Pods", "pods": {"metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}}, "target": {
    "type": "AverageValue", "averageValue": "10"}}}
OBJECT: Document = {"type": "Object", "object": {"metric": {"name": "m"}, "describedObject": {"kind": "Ingress", "name": "i"}, "target": {
    "type": "Value", "value": "5"}}}
EXTERNAL: Document = {"type": "External", "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"q": "x"}}}, "target": {
    "type": "AverageValue", "averageValue": "30"}}}
CONTAINER: Document = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": {
    "type": "Utilization", "averageUtilization": 60}}}


def a_scaler(**spec: Any) -> Document:
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": dict(META),
            "spec": {"maxReplicas": 3, "scaleTargetRef": TARGET, **spec}}


def test_defaults() -> None:
    spec = defaulted("autoscaling", "HorizontalPodAutoscaler", a_scaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 60}}))["spec"]
    assert (spec["minReplicas"], spec["metrics"]) == (1, [{"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}])
    assert spec["behavior"] == {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}


@pytest.mark.parametrize(("given", "expected"), [
    (a_scaler(metrics=[CPU, MEMORY, PODS, OBJECT, EXTERNAL, CONTAINER]), []),
    (a_scaler(minReplicas=0, maxReplicas=0), [
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1", "spec.maxReplicas: Invalid value: 0: must be greater than 0",
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas"]),
    (a_scaler(minReplicas=5), ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"]),
    (a_scaler(scaleTargetRef={}), ["spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value"]),
    (a_scaler(metrics=[{"type": "Weather"}]), ['spec.metrics[0].type: Unsupported value: "Weather": supported values: "ContainerResource", "External", '
                                               '"Object", "Pods", "Resource"']),
    (a_scaler(metrics=[{"type": "Pods"}, {**CPU, "pods": PODS["pods"]}]), [
        "spec.metrics[0].pods: Required value: must populate information for the given metric source",
        "spec.metrics[1].pods: Forbidden: must populate the given metric source only"]),
    (a_scaler(metrics=[{"type": "Resource", "resource": {"target": {"type": "Much", "averageUtilization": 0, "averageValue": "0"}}}]), [
        "spec.metrics[0].resource.name: Required value: must specify a resource name",
        'spec.metrics[0].resource.target.type: Invalid value: "Much": must be either Utilization, Value, or AverageValue',
        'spec.metrics[0].resource.target.averageValue: Invalid value: "0": must be positive',
        "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
        "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization"]),
    (a_scaler(behavior={"scaleUp": {"stabilizationWindowSeconds": 3601, "selectPolicy": "Some", "policies": [
        {"type": "All", "value": 0, "periodSeconds": 1801}]}}), [
        "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
        'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Some": supported values: "Disabled", "Max", "Min"',
        'spec.behavior.scaleUp.policies[0].type: Unsupported value: "All": supported values: "Percent", "Pods"',
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800"]),
], ids=["good", "zero", "order", "reference", "type", "sources", "resource", "behavior"])
def test_autoscalers(given: Document, expected: list[str]) -> None:
    assert faults("autoscaling", "HorizontalPodAutoscaler", given) == expected


def test_what_scales_to_zero_already_may_go_on() -> None:
    zero = a_scaler(minReplicas=0, metrics=[EXTERNAL])
    assert update_faults("autoscaling", "HorizontalPodAutoscaler", zero, zero) == []
    assert status_faults("autoscaling", "HorizontalPodAutoscaler", {"status": {"currentReplicas": -1}}) == [
        "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0"]


@pytest.mark.parametrize(("metrics", "current", "shown"), [
    ([], [], "<none>"), ([CPU], [], "cpu: <unknown>/50%"), ([CPU], [{"resource": {"current": {"averageUtilization": 20}}}], "cpu: 20%/50%"),
    ([MEMORY, PODS, OBJECT], [], "memory: <unknown>/1Gi, <unknown>/10 + 1 more..."), ([OBJECT], [{"object": {"current": {"value": "3"}}}], "3/5"),
    ([EXTERNAL], [], "<unknown>/30 (avg)"),
], ids=["none", "unknown", "known", "many", "object", "external"])
def test_rows(metrics: list[Document], current: list[Document], shown: str) -> None:
    assert columns("autoscaling", "HorizontalPodAutoscaler") == "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age"
    assert cells("autoscaling", "HorizontalPodAutoscaler", {**a_scaler(metrics=metrics), "status": {"currentMetrics": current, "currentReplicas": 2}}) == [
        "a", "Deployment/d", shown, "<unset>", 3, 2, "60m"]


# What has a CPU target ends with it after the way through v1: upstream puts it behind the metrics of the annotation.
@pytest.mark.parametrize("given", [
    a_scaler(metrics=[CPU]), a_scaler(metrics=[MEMORY, PODS, OBJECT, EXTERNAL, CONTAINER, CPU]), a_scaler(metrics=[EXTERNAL]),
    a_scaler(metrics=[CPU], behavior={"scaleUp": {"stabilizationWindowSeconds": 5, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 2}]}}),
    {**a_scaler(metrics=[CPU]), "status": {"currentReplicas": 1, "desiredReplicas": 2, "conditions": [{"type": "AbleToScale", "status": "True"}], "currentMetrics": [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 3, "averageValue": "5m"}}},
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "current": {"averageValue": "1"}}}]}},
], ids=["CPU", "every metric", "no CPU", "behavior", "status"])
def test_nothing_is_lost_on_the_way_through_v1(given: Document) -> None:
    before = json.dumps(given)
    v1 = from_v2(given)
    assert v1["apiVersion"] == "autoscaling/v1"
    assert not {"metrics", "behavior"} & v1["spec"].keys()
    assert to_v2(v1) == given
    assert json.dumps(given) == before


def test_the_annotations_are_upstreams() -> None:
    v1 = from_v2(a_scaler(metrics=[CPU, MEMORY, EXTERNAL], behavior={"scaleDown": {"selectPolicy": "Min", "policies": [{"periodSeconds": 1}]}}))
    assert v1["spec"]["targetCPUUtilizationPercentage"] == 50
    assert json.loads(v1["metadata"]["annotations"][f"{PREFIX}metrics"]) == [
        {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
        {"type": "External", "external": {"metricName": "queue", "metricSelector": {"matchLabels": {"q": "x"}}, "targetAverageValue": "30"}}]
    assert json.loads(v1["metadata"]["annotations"][f"{PREFIX}behavior"]) == {"ScaleDown": {"SelectPolicy": "Min", "Policies": [{"PeriodSeconds": 1}]}}


@pytest.mark.parametrize("text", ["{", "5", '"x"', "[5]", '[{"type":"Pods","pods":5}]', '[{"type":5}]', '[{"type":"Resource","resource":{"targetAverageUtilization":"x"}}]',
                                  "[" * 100_000])
def test_annotations_that_hold_something_else_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        to_v2({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"annotations": {f"{PREFIX}metrics": text}},
               "spec": {"maxReplicas": 1, "scaleTargetRef": TARGET}})
