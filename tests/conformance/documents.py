"""One small valid object per kind: what `kubectl create` would accept of it, and a change that an update may make."""
from __future__ import annotations

import zlib
from typing import Any

from kubeapi.catalog import RESOURCES
from kubeapi.resource import Resource

Document = dict[str, Any]
LABELS = {"app": "a"}
POD_SPEC: Document = {"containers": [{"name": "c", "image": "i"}]}
TEMPLATE: Document = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
JOB_TEMPLATE: Document = {"spec": {**POD_SPEC, "restartPolicy": "Never"}}
SELECTED: Document = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
HOOK: Document = {"name": "h.example.com", "clientConfig": {"url": "https://h.example.com/"}, "sideEffects": "None", "admissionReviewVersions": ["v1"]}
CONSTRAINTS: Document = {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]}
# PEM in base64, signed by a key that nobody kept.
CERTIFICATE_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIRk1HNENBUUF3RERFS01BZ0dBMVVFQXd3QmRUQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NN"
    "NDlBd0VIQTBJQQpCUFV4b3l4dTVubVRDNE1yT0pSRExsZXZjaVBQTmZEVk1ZTGpHeW1ZdkZGSGFlN0tNZkRwbWVEa1pNSldnRkMzCitWRDNISE10aXVFTytD"
    "aWJPdVEwMzlhZ0FEQUtCZ2dxaGtqT1BRUURBZ05IQURCRUFpQUgwckpaVnR6Y2tPbmMKWER0djU1V1ROK0o3RTRNRWh3L0J6Wm1Eb1NySnFnSWdST1I5ZmxO"
    "MVQ0ZXpTenNFRm52ZGFKZTQ0RUtEYnpCNwp4N0dKQjJQZW4zYz0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==")
ROLE_REF: Document = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}

# Everything beside apiVersion, kind and metadata.
BODIES: dict[tuple[str, str], Document] = {
    ("", "configmaps"): {"data": {"k": "v"}},
    ("", "endpoints"): {"subsets": [{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 80}]}]},
    ("", "events"): {"involvedObject": {"kind": "Pod", "namespace": "NAMESPACE", "name": "p"}, "reason": "R", "type": "Normal"},
    ("", "limitranges"): {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
    ("", "namespaces"): {},
    ("", "nodes"): {},
    ("", "persistentvolumeclaims"): {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    ("", "persistentvolumes"): {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}},
    ("", "pods"): {"spec": {**POD_SPEC, "schedulerName": "nobody"}},
    ("", "podtemplates"): {"template": TEMPLATE},
    ("", "replicationcontrollers"): {"spec": {"replicas": 0, "selector": LABELS, "template": TEMPLATE}},
    ("", "resourcequotas"): {"spec": {"hard": {"pods": "10"}}},
    ("", "secrets"): {"data": {"k": "dg=="}},
    ("", "serviceaccounts"): {},
    ("", "services"): {"spec": {"ports": [{"port": 80}]}},
    ("apiregistration.k8s.io", "apiservices"): {"spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}},
    ("apps", "controllerrevisions"): {"revision": 1, "data": {"a": 1}},
    ("apps", "daemonsets"): {"spec": SELECTED},
    ("apps", "deployments"): {"spec": {**SELECTED, "replicas": 0}},
    ("apps", "replicasets"): {"spec": {**SELECTED, "replicas": 0}},
    ("apps", "statefulsets"): {"spec": {**SELECTED, "replicas": 0, "serviceName": "s"}},
    ("events.k8s.io", "events"): {"eventTime": "2026-01-01T00:00:00.000000Z", "reason": "R", "action": "A", "type": "Normal",
                                  "reportingController": "c.example.com/x", "reportingInstance": "i", "regarding": {"kind": "Pod", "namespace": "NAMESPACE", "name": "p"}},
    ("autoscaling", "horizontalpodautoscalers"): {"spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}},
    ("batch", "cronjobs"): {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}}},
    ("batch", "jobs"): {"spec": {"template": JOB_TEMPLATE}},
    ("certificates.k8s.io", "certificatesigningrequests"): {"spec": {"request": CERTIFICATE_REQUEST, "signerName": "example.com/x", "usages": ["client auth"]}},
    ("networking.k8s.io", "ingressclasses"): {"spec": {"controller": "example.com/c"}},
    ("networking.k8s.io", "ingresses"): {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}},
    ("networking.k8s.io", "ipaddresses"): {"spec": {"parentRef": {"resource": "services", "name": "s", "namespace": "NAMESPACE"}}},
    ("networking.k8s.io", "networkpolicies"): {"spec": {"podSelector": {}}},
    ("networking.k8s.io", "servicecidrs"): {"spec": {"cidrs": ["198.51.100.0/24"]}},
    ("policy", "poddisruptionbudgets"): {"spec": {"selector": {"matchLabels": LABELS}, "minAvailable": 1}},
    ("rbac.authorization.k8s.io", "clusterrolebindings"): {"roleRef": ROLE_REF},
    ("rbac.authorization.k8s.io", "clusterroles"): {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    ("rbac.authorization.k8s.io", "rolebindings"): {"roleRef": ROLE_REF},
    ("rbac.authorization.k8s.io", "roles"): {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    ("storage.k8s.io", "csidrivers"): {"spec": {}},
    ("storage.k8s.io", "csinodes"): {"spec": {"drivers": []}},
    ("storage.k8s.io", "csistoragecapacities"): {"storageClassName": "s"},
    ("storage.k8s.io", "storageclasses"): {"provisioner": "example.com/p"},
    ("storage.k8s.io", "volumeattachments"): {"spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}},
    ("storage.k8s.io", "volumeattributesclasses"): {"driverName": "example.com/d", "parameters": {"a": "b"}},
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): {"spec": {"matchConstraints": CONSTRAINTS, "reinvocationPolicy": "Never", "mutations": [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}]}},
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): {"spec": {"policyName": "p"}},
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): {"webhooks": [HOOK]},
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): {"spec": {"matchConstraints": CONSTRAINTS, "validations": [{"expression": "true"}]}},
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): {"webhooks": [HOOK]},
    ("apiextensions.k8s.io", "customresourcedefinitions"): {"spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "PLURAL", "kind": "Thing"}, "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}},
    ("scheduling.k8s.io", "priorityclasses"): {"value": 1},
    ("coordination.k8s.io", "leases"): {"spec": {"holderIdentity": "me"}},
    ("node.k8s.io", "runtimeclasses"): {"handler": "runc"},
    ("discovery.k8s.io", "endpointslices"): {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.9"]}], "ports": [{"port": 80}]},
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): {"spec": {"priorityLevelConfiguration": {"name": "exempt"}}},
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): {"spec": {"type": "Exempt"}},
    ("resource.k8s.io", "deviceclasses"): {"spec": {}},
    ("resource.k8s.io", "resourceclaims"): {"spec": {}},
    ("resource.k8s.io", "resourceclaimtemplates"): {"spec": {"spec": {}}},
    ("resource.k8s.io", "resourceslices"): {"spec": {"driver": "d.example.com", "nodeName": "n", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}}},
}

STORED = [one for one in RESOURCES if (one.group, one.plural) in BODIES]


def named(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}".rstrip(".")


def name_of(resource: Resource, name: str) -> str:
    """Some kinds' names say what they are of."""
    special = {"apiservices": f"v1.{name}.example.com", "customresourcedefinitions": f"{name.replace('-', '')}s.example.com",
               "ipaddresses": "198.51.{}.{}".format(*divmod(zlib.crc32(name.encode()) % 65536, 256))}
    if resource.group_resource == ("events.k8s.io", "events"):       # one store with the core group's
        return f"e-{name}"
    return special.get(resource.plural, name)


def document(resource: Resource, name: str, namespace: str = "", **metadata: Any) -> Document:
    """In the storage version; names are given by `name_of`."""
    name = name_of(resource, name)
    body = _filled(BODIES[resource.group, resource.plural], {"NAMESPACE": namespace, "PLURAL": name.partition(".")[0]})
    if resource.plural == "apiservices":
        body["spec"] |= {"version": "v1", "group": name.removeprefix("v1.")}
    found: Document = {"name": name, **({"namespace": namespace} if resource.is_namespaced else {}), **metadata}
    gvk = resource.gvk(resource.storage_version)
    return {"apiVersion": gvk.api_version, "kind": gvk.kind, "metadata": found, **body}


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, words) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, words) for one in value]
    return words.get(value, value) if isinstance(value, str) else value
