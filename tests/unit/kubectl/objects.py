"""Builders of the objects that kubectl's tests show and change."""
from __future__ import annotations

from typing import Any

Document = dict[str, Any]
LONG_AGO = "2024-01-01T00:00:00Z"


def a_pod(name: str = "a", namespace: str = "default", **spec: Any) -> Document:
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web", "x": name}, "annotations": {"a": "b"}},
        "spec": {"nodeName": "n1", "containers": [
            {"name": "c", "image": "i", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "env": [{"name": "A", "value": "b"}],
             "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}], **spec},
        "status": {"phase": "Running", "podIP": "1.2.3.4", "podIPs": [{"ip": "1.2.3.4"}], "hostIP": "9.9.9.9", "startTime": LONG_AGO,
                   "conditions": [{"type": "Ready", "status": "True"}],
                   "containerStatuses": [{"name": "c", "ready": True, "restartCount": 2, "image": "i", "imageID": "x", "containerID": "runc://1",
                                          "state": {"running": {"startedAt": LONG_AGO}}, "lastState": {}}]}}


def a_deployment(name: str = "web", replicas: int = 2, image: str = "i:1", **status: Any) -> Document:
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "uid": "d1", "generation": 1, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                 "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}},
                 "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}},
        "status": {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas,
                   "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}], **status}}


def a_replica_set(revision: int, image: str, replicas: int = 0) -> Document:
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": f"web-{revision}", "namespace": "default", "labels": {"app": "web"},
                     "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                     "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d1", "controller": True}]},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web", "pod-template-hash": str(revision)}},
                              "spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"replicas": replicas}}


def a_config_map(name: str = "cm", **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def a_service(name: str = "s") -> Document:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}}


def a_secret(name: str = "sec") -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}, "type": "Opaque", "data": {"p": "cQ=="}}


def a_namespace(name: str = "default") -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}


def a_node(name: str = "n1") -> Document:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {"podCIDR": "10.1.0.0/24"},
            "status": {"capacity": amounts, "allocatable": amounts, "addresses": [{"type": "InternalIP", "address": "1.1.1.1"}],
                       "conditions": [{"type": "Ready", "status": "True", "reason": "x", "message": "m", "lastHeartbeatTime": LONG_AGO,
                                       "lastTransitionTime": LONG_AGO}], "nodeInfo": {"machineID": "m"}}}


def an_event(about: Document, reason: str, message: str, count: int = 1) -> Document:
    metadata = about["metadata"]
    return {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{metadata['name']}.{reason.lower()}", "namespace": metadata["namespace"]},
            "involvedObject": {"kind": about["kind"], "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata.get("uid", "")},
            "type": "Normal", "reason": reason, "message": message, "count": count, "source": {"component": "kubelet"},
            "firstTimestamp": LONG_AGO, "lastTimestamp": LONG_AGO}


def the_cluster() -> list[Document]:
    """A little of everything."""
    return [a_pod("a"), a_pod("bbbbbbbbbbbb"), a_pod("z", "kube-system"), a_service(), a_deployment(), a_replica_set(1, "i:2"),
            a_replica_set(2, "i:1", 2), a_config_map(a="1", b="x\ny\n", long="word " * 40), a_node(), a_namespace(), a_secret(),
            an_event({**a_pod("a"), "metadata": {**a_pod("a")["metadata"], "uid": "uid-2"}}, "Started", "Started container c", 3)]
