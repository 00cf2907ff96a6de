"""Validation per kind: the faults of a table of wrong objects, after defaulting, in upstream's words."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.catalog import by_kind

Document = dict[str, Any]


def a_container(**more: Any) -> Document:
    return {"name": "c", "image": "i", **more}


def a_pod(*containers: Document, **spec: Any) -> Document:
    return {"metadata": {"name": "p", "namespace": "d"}, "spec": {"containers": list(containers or (a_container(),)), **spec}}


def a_deployment(template_labels: Document | None = None, **spec: Any) -> Document:
    return {"metadata": {"name": "d", "namespace": "d"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": template_labels or {"app": "web"}}, "spec": {"containers": [a_container()]}}, **spec}}


def faults(group: str, kind: str, document: Document) -> list[str]:
    document = copy.deepcopy(document)
    strategy = by_kind(group, kind).strategy()
    strategy.default(document)
    return [str(fault) for fault in strategy.validate(document)]


def update_faults(group: str, kind: str, new: Document, old: Document) -> list[str]:
    new, old = copy.deepcopy(new), copy.deepcopy(old)
    strategy = by_kind(group, kind).strategy()
    for document in (new, old):
        strategy.default(document)
    strategy.prepare_for_update(new, old)
    return [str(fault) for fault in strategy.validate_update(new, old)]


@pytest.mark.parametrize(("pod", "expected"), [
    (a_pod(), []),
    ({"spec": {}}, ["spec.containers: Required value"]),
    (a_pod({"resources": {}}), ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"]),
    (a_pod(a_container(), a_container()), ['spec.containers[1].name: Duplicate value: "c"']),
    (a_pod(a_container(ports=[{"containerPort": 0}, {"containerPort": 70000, "protocol": "tcp"}])), [
        "spec.containers[0].ports[0].containerPort: Required value",
        "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        'spec.containers[0].ports[1].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"']),
    (a_pod(a_container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})),
     ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1']),
    (a_pod(a_container(resources={"requests": {"cpu": "-1"}})),
     ['spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
    (a_pod(a_container(volumeMounts=[{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]), volumes=[{"name": "v"}]),
     ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique']),
    (a_pod(a_container(volumeMounts=[{"name": "x", "mountPath": "/a"}])), ['spec.containers[0].volumeMounts[0].name: Not found: "x"']),
    (a_pod(a_container(env=[{"name": "a=b"}, {"name": "X", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])), [
        "spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII "
        "characters other than '='",
        'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty']),
    (a_pod(a_container(imagePullPolicy="Sometimes")), [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"']),
    (a_pod(a_container(livenessProbe={"successThreshold": 2})), [
        "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"]),
    (a_pod(restartPolicy="Maybe"), ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"']),
    (a_pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
     ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"]),
    (a_pod(volumes=[{"name": "v", "secret": {}}]), ["spec.volumes[0].secret.secretName: Required value"]),
    (a_pod(tolerations=[{"operator": "Equal", "value": "x"}]), [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means '
        '"match all values and all keys"']),
    (a_pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "a", "operator": "In"}]}]}}}), [
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: "
        "Required value: must be specified when `operator` is 'In' or 'NotIn'"]),
    (a_pod(initContainers=[{"name": "i", "image": "x", "livenessProbe": {"exec": {"command": ["x"]}}}]),
     ["spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"]),
    (a_pod(ephemeralContainers=[a_container(name="e")]), ["spec.ephemeralContainers: Forbidden: cannot be set on create"]),
], ids=["good", "no containers", "empty container", "duplicate", "ports", "requests over limits", "negative", "mount twice", "no volume",
        "env", "pull policy", "probe", "restart policy", "two sources", "secret name", "toleration", "affinity", "init probe", "ephemeral"])
def test_pods(pod: Document, expected: list[str]) -> None:
    assert faults("", "Pod", pod) == expected


@pytest.mark.parametrize(("new", "expected"), [
    (a_pod(a_container(image="other")), []),
    (a_pod(tolerations=[{"key": "a", "operator": "Exists"}]), []),
    (a_pod(a_container(), a_container(name="d")), ["spec.containers: Forbidden: pod updates may not add or remove containers"]),
    (a_pod(activeDeadlineSeconds=5), []),
], ids=["image", "more tolerations", "another container", "deadline"])
def test_pod_updates(new: Document, expected: list[str]) -> None:
    assert update_faults("", "Pod", new, a_pod()) == expected


def test_all_else_of_a_pod_is_immutable() -> None:
    (fault,) = update_faults("", "Pod", a_pod(nodeName="n"), a_pod())
    assert fault == ("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                     "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                     "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n+ spec.nodeName: \"n\"")


def test_when_its_images_are_pulled_never_changes() -> None:
    new, old = (a_pod(a_container(imagePullPolicy=policy)) for policy in ("Always", "IfNotPresent"))
    (fault,) = update_faults("", "Pod", new, old)
    assert fault.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`")


@pytest.mark.parametrize(("spec", "field"), [({"hostNetwork": True}, "hostNetwork"), ({"hostPID": True}, "HostPID"), ({"hostIPC": True}, "HostIPC")],
                         ids=["network", "processes", "ipc"])
def test_users_of_its_own_do_not_go_with_the_node_s_namespaces(spec: Document, field: str) -> None:
    assert faults("", "Pod", a_pod(hostUsers=False, **spec)) == [f"spec.{field}: Forbidden: when `hostUsers` is false"]
    assert faults("", "Pod", a_pod(hostUsers=True, **spec)) == []


@pytest.mark.parametrize(("policy", "after", "allowed"), [
    ("Never", {"running": {}}, False), ("Always", {"running": {}}, True), ("OnFailure", {"running": {}}, True), ("Never", None, True),
], ids=["never", "always", "failed", "same"])
def test_a_container_that_ended_stays_so_unless_it_may_restart(policy: str, after: Document | None, allowed: bool) -> None:
    ended = {"terminated": {"exitCode": 1}}
    old, new = ({"spec": {"restartPolicy": policy}, "status": {"containerStatuses": [{"name": "c", "state": state}]}}
                for state in (ended, after or ended))
    assert (by_kind("", "Pod").strategy().validate_status_update(new, old) == []) is allowed


@pytest.mark.parametrize(("deployment", "expected"), [
    (a_deployment(), []),
    (a_deployment({"app": "db"}),
     ['spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`']),
    (a_deployment(selector={}), ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
    (a_deployment(replicas=-1), ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
    (a_deployment(strategy={"type": "Recreate", "rollingUpdate": {}}),
     ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]),
    (a_deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
     ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0']),
    (a_deployment(progressDeadlineSeconds=5, minReadySeconds=5),
     ["spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"]),
    (a_deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [a_container()], "restartPolicy": "Never"}}),
     ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']),
], ids=["good", "other labels", "empty selector", "replicas", "recreate", "no progress possible", "deadline", "restart policy"])
def test_deployments(deployment: Document, expected: list[str]) -> None:
    assert faults("apps", "Deployment", deployment) == expected


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_a_selector_is_immutable(kind: str) -> None:
    new = a_deployment({"app": "db"}, selector={"matchLabels": {"app": "db"}})
    assert update_faults("apps", kind, new, a_deployment()) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"db"}}: field is immutable']


@pytest.mark.parametrize(("spec", "expected"), [
    ({"ports": [{"port": 80}]}, []), ({"clusterIP": "None"}, []), ({"type": "ExternalName", "externalName": "a.b"}, []),
    ({}, ["spec.ports: Required value"]),
    ({"ports": [{"port": 80}, {"port": 80, "name": "b"}]},
     ["spec.ports[0].name: Required value", 'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}']),
    ({"ports": [{"port": 0}]}, ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    ({"type": "Best", "ports": [{"port": 80}]},
     ['spec.type: Unsupported value: "Best": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']),
    ({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 1}]},
     ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services']),
], ids=["good", "headless", "external", "no ports", "names", "zero", "type", "headless node port"])
def test_services(spec: Document, expected: list[str]) -> None:
    assert faults("", "Service", {"spec": spec}) == expected


@pytest.mark.parametrize(("group", "kind", "document", "expected"), [
    ("", "ConfigMap", {"data": {"..": ""}}, ['data[..]: Invalid value: "..": must not be \'..\'']),
    ("", "ConfigMap", {"data": {"a": ""}, "binaryData": {"a": ""}},
     ['data[a]: Invalid value: "a": duplicate of key present in binaryData']),
    ("", "ConfigMap", {"data": {"a": "x" * 1048577}}, [": Too long: may not be more than 1048576 bytes"]),
    ("", "Secret", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ["data[tls.key]: Required value"]),
    ("coordination.k8s.io", "Lease", {"spec": {"leaseDurationSeconds": 0}},
     ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]),
    ("", "Node", {"spec": {"taints": [{"key": "a", "effect": "Never"}]}},
     ['spec.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"']),
    ("", "Event", {"metadata": {"namespace": "a"}, "involvedObject": {"namespace": "b"}},
     ['involvedObject.namespace: Invalid value: "b": does not match event.namespace']),
    ("scheduling.k8s.io", "PriorityClass", {"metadata": {"name": "a"}, "value": 2000000000},
     ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]),
], ids=["config key", "both data", "too long", "tls", "lease", "taint", "event", "priority"])
def test_others(group: str, kind: str, document: Document, expected: list[str]) -> None:
    assert faults(group, kind, document) == expected


@pytest.mark.parametrize(("kind", "new", "old", "expected"), [
    ("Secret", {"type": "a"}, {"type": "b"}, ['type: Invalid value: "a": field is immutable']),
    ("ConfigMap", {"data": {"a": "2"}}, {"data": {"a": "1"}, "immutable": True},
     ["immutable: Forbidden: field is immutable when `immutable` is set", "data: Forbidden: field is immutable when `immutable` is set"]),
    ("Service", {"spec": {"clusterIP": "10.0.0.2", "ports": [{"port": 1}]}}, {"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 1}]}},
     ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']),
    ("Node", {"spec": {}}, {"spec": {"podCIDRs": ["10.0.0.0/24"]}},
     ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid']),
], ids=["secret type", "immutable", "cluster address", "podCIDR"])
def test_updates(kind: str, new: Document, old: Document, expected: list[str]) -> None:
    assert update_faults("", kind, new, old) == expected
