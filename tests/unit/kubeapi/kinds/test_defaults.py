"""What the API fills in, per kind, on the way in."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_kind
from kubeapi.kinds.pod import PodStrategy
from kubeapi.kinds.poddefaults import default_pull_policy

Document = dict[str, Any]
CONTAINER = {"name": "c", "image": "web:1", "resources": {}, "terminationMessagePath": "/dev/termination-log",
             "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}
POD_SPEC = {"containers": [CONTAINER], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30,
            "schedulerName": "default-scheduler", "securityContext": {}}


def defaulted(group: str, kind: str, **document: Any) -> Document:
    by_kind(group, kind).strategy().default(document)
    return document


@pytest.mark.parametrize(("group", "kind", "given", "expected"), [
    ("", "Pod", {"containers": [{"name": "c", "image": "web:1"}]}, {**POD_SPEC, "enableServiceLinks": True}),
    ("apps", "ReplicaSet", {"template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}},
     {"replicas": 1, "template": {"spec": POD_SPEC}}),
    ("apps", "Deployment", {"replicas": 0, "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}},
     {"replicas": 0, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "template": {"spec": POD_SPEC},
      "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}}),
    ("", "Service", {"ports": [{"port": 80}]},
     {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
      "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}),
], ids=["pod", "replicaset", "deployment", "service"])
def test_specs(group: str, kind: str, given: Document, expected: Document) -> None:
    assert defaulted(group, kind, spec=given)["spec"] == expected


@pytest.mark.parametrize("kind", [("", "Pod"), ("apps", "Deployment"), ("", "Service"), ("", "Namespace"), ("", "Secret")], ids=str)
def test_defaulting_twice_changes_nothing(kind: tuple[str, str]) -> None:
    once = defaulted(*kind, metadata={"name": "a"}, spec={"containers": [{"name": "c", "image": "x"}], "ports": [{"port": 1}]})
    again = defaulted(*kind, **once)
    assert again == once


@pytest.mark.parametrize(("image", "policy"), [
    ("web", "Always"), ("web:latest", "Always"), ("web:1", "IfNotPresent"), ("localhost:5000/web", "Always"),
    ("localhost:5000/web:1", "IfNotPresent"), ("web@sha256:ab", "IfNotPresent"), ("web:latest@sha256:ab", "IfNotPresent"),
])
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


@pytest.mark.parametrize(("volume", "expected"), [
    ({}, {"emptyDir": {}}), ({"configMap": {"name": "x"}}, {"configMap": {"name": "x", "defaultMode": 420}}),
    ({"secret": {"secretName": "x", "defaultMode": 0}}, {"secret": {"secretName": "x", "defaultMode": 0}}),
    ({"hostPath": {"path": "/"}}, {"hostPath": {"path": "/", "type": ""}}),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
     {"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}], "defaultMode": 420}}),
], ids=["none", "configMap", "mode zero", "hostPath", "token"])
def test_volumes(volume: Document, expected: Document) -> None:
    pod = defaulted("", "Pod", spec={"volumes": [{"name": "v", **volume}]})
    assert pod["spec"]["volumes"] == [{"name": "v", **expected}]


def test_a_pods_limits_are_its_requests_but_a_templates_are_not() -> None:
    container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}}
    pod = defaulted("", "Pod", spec={"containers": [container]})
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}
    other = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}}
    deployment = defaulted("apps", "Deployment", spec={"template": {"spec": {"containers": [other]}}})
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}


def test_probes_get_their_numbers() -> None:
    pod = defaulted("", "Pod", spec={"containers": [{"name": "c", "image": "i", "readinessProbe": {"httpGet": {"port": 80}}}]})
    assert pod["spec"]["containers"][0]["readinessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
        "failureThreshold": 3}


def test_a_secrets_texts_become_data() -> None:
    assert defaulted("", "Secret", stringData={"a": "b"}, data={"a": "eA==", "c": "eA=="}) == {
        "type": "Opaque", "data": {"a": "Yg==", "c": "eA=="}}


def test_a_namespace_is_labelled_active_and_finalized() -> None:
    namespace = defaulted("", "Namespace", metadata={"name": "n"})
    by_kind("", "Namespace").strategy().prepare_for_create(namespace)
    assert namespace == {"metadata": {"name": "n", "labels": {"kubernetes.io/metadata.name": "n"}},
                         "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


@pytest.mark.parametrize(("resources", "qos"), [
    ({}, "BestEffort"), ({"requests": {"cpu": "1"}}, "Burstable"), ({"requests": {"cpu": "0"}}, "BestEffort"),
    ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"), ({"limits": {"cpu": "1"}}, "Burstable"),
    ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
    ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
], ids=["nothing", "requests", "zero", "limits", "cpu only", "equal", "less"])
def test_a_new_pod_is_pending_with_its_class(resources: Document, qos: str) -> None:
    pod: Document = {"spec": {"containers": [{"resources": resources}]}, "status": {"phase": "Running"}}
    PodStrategy().prepare_for_create(pod)
    assert pod["status"] == {"phase": "Pending", "qosClass": qos}


@pytest.mark.parametrize(("spec", "phase", "asked", "grace"), [
    ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", None, 30),
    ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 5, 5),
    ({"nodeName": "n", "terminationGracePeriodSeconds": 30}, "Running", 0, 0),
    ({"terminationGracePeriodSeconds": 30}, "Pending", None, 0), ({"nodeName": "n"}, "Failed", 30, 0), ({"nodeName": "n"}, "Running", -1, 1),
], ids=["its own", "asked", "at once", "unscheduled", "terminal", "negative"])
def test_grace(spec: Document, phase: str, asked: int | None, grace: int) -> None:
    assert PodStrategy().grace_period_seconds({"spec": spec, "status": {"phase": phase}}, asked) == grace


def test_an_update_of_a_service_keeps_what_was_allocated() -> None:
    old = {"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
                    "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}}
    new: Document = {"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP"}]}}
    by_kind("", "Service").strategy().prepare_for_update(new, old)
    assert new == old
