"""A kubelet may read what the pods of its node refer to, write what is its own, and nothing else."""
from __future__ import annotations

from typing import Any

import pytest

from apiserver.auth.access import Access
from apiserver.auth.nodes import NodeAuthorizer
from apiserver.auth.user import User
from apiserver.bootstrap.policy import node_rules
from kubeapi import fields
from tests.unit.apiserver.auth.stored import Stored

Document = dict[str, Any]
KUBELET = User("system:node:n1", ("system:nodes", "system:authenticated"))


def a_pod(name: str, node: str = "n1", namespace: str = "a", status: Document | None = None, annotations: Document | None = None, **spec: Any) -> Document:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "uid": name, "annotations": annotations or {}},
            "spec": {"nodeName": node, "containers": [{"name": "c"}], **spec}, "status": status or {}}


def environment(**source: Any) -> list[Document]:
    return [{"name": "c", "env": [{"name": "E", "valueFrom": source}]}]


MINE = a_pod(
    "mine", serviceAccountName="robot", imagePullSecrets=[{"name": "pull"}],
    initContainers=environment(secretKeyRef={"name": "init", "key": "k"}),
    containers=[{"name": "c", "envFrom": [{"configMapRef": {"name": "from"}}, {"secretRef": {"name": "secret-from"}}]},
                *environment(configMapKeyRef={"name": "key", "key": "k"})],
    volumes=[{"name": "s", "secret": {"secretName": "files"}}, {"name": "m", "configMap": {"name": "map"}},
             {"name": "p", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "root-ca"}}]}},
             {"name": "v", "persistentVolumeClaim": {"claimName": "claim"}}, {"name": "scratch", "ephemeral": {}},
             {"name": "csi", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "published"}}}])
CLUSTER: list[Document] = [
    MINE, a_pod("theirs", "n2", volumes=[{"name": "s", "secret": {"secretName": "other"}}]),
    a_pod("unbound", "", volumes=[{"name": "s", "secret": {"secretName": "waiting"}}]),
    a_pod("picture", annotations={"kubernetes.io/config.mirror": "x"}, volumes=[{"name": "s", "secret": {"secretName": "pictured"}}]),
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim", "namespace": "a"}, "spec": {"volumeName": "disk"}},
    {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": {
        "claimRef": {"namespace": "a", "name": "claim"}, "csi": {"nodeStageSecretRef": {"namespace": "storage", "name": "staging"}}}},
    {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "free"}, "spec": {}},
    {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "va1"}, "spec": {"nodeName": "n1"}},
    {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "va2"}, "spec": {"nodeName": "n2"}},
]


def wish(text: str, user: User = KUBELET) -> Access:
    """`get a/secrets/files`: verb, namespace (or -), resource, name, and a field selector after `?`"""
    verb, what = text.split()
    what, _, selector = what.partition("?")
    namespace, resource, *name = what.split("/")
    group, _, resource = resource.rpartition(":")
    resource, _, subresource = resource.partition(".")
    return Access(user, verb, group, resource, subresource, namespace.strip("-"), name[0] if name else "", fields=fields.parse(selector))


@pytest.mark.parametrize("text", [
    *(f"get a/secrets/{name}" for name in ("pull", "init", "secret-from", "files", "projected", "published")),
    *(f"{verb} a/configmaps/{name}" for name in ("from", "key", "map", "root-ca") for verb in ("get", "list", "watch")),
    "get a/persistentvolumeclaims/claim", "get a/persistentvolumeclaims/mine-scratch", "patch a/persistentvolumeclaims.status/claim",
    "get -/persistentvolumes/disk", "get storage/secrets/staging", "get -/storage.k8s.io:volumeattachments/va1",
    "create a/serviceaccounts.token/robot", "get a/pods/mine", "list -/pods?spec.nodeName=n1", "watch -/pods?spec.nodeName=n1", "watch a/pods/mine",
    "delete a/pods/theirs", "patch a/pods.status/mine", "create a/pods.eviction/mine",
    "get -/nodes/n1", "watch -/nodes/n1", "create -/nodes", "patch -/nodes.status/n1",
    "create kube-node-lease/coordination.k8s.io:leases", "update kube-node-lease/coordination.k8s.io:leases/n1", "get -/storage.k8s.io:csinodes/n1",
    "list -/services", "watch -/storage.k8s.io:csidrivers", "create a/events", "create -/certificates.k8s.io:certificatesigningrequests",
])
def test_what_a_kubelet_may(text: str) -> None:
    assert NodeAuthorizer(Stored(*CLUSTER).stores, node_rules()).authorize(wish(text)).allowed is True


@pytest.mark.parametrize(("text", "reason"), [
    ("get a/secrets/other", "no relationship found between node 'n1' and this object"),
    ("get a/secrets/waiting", "no relationship found between node 'n1' and this object"),
    ("get a/secrets/pictured", "no relationship found between node 'n1' and this object"),
    ("get b/secrets/files", "no relationship found between node 'n1' and this object"),
    ("get a/secrets/map", "no relationship found between node 'n1' and this object"),
    ("list a/secrets", "No Object name found"), ("list -/secrets", "can only read namespaced object of this type"),
    ("update a/secrets/files", "can only read resources of this type"),
    ("list a/persistentvolumeclaims", "can only get individual resources of this type"),
    ("get -/persistentvolumes/free", "no relationship found between node 'n1' and this object"),
    ("get -/storage.k8s.io:volumeattachments/va2", "no relationship found between node 'n1' and this object"),
    ("create a/serviceaccounts.token/default", "no relationship found between node 'n1' and this object"),
    ("get a/serviceaccounts/robot", "can only create tokens for individual service accounts"),
    ("get a/pods/theirs", "no relationship found between node 'n1' and this object"),
    ("list -/pods", "can only list/watch pods with spec.nodeName field selector"),
    ("list -/pods?spec.nodeName=n2", "can only list/watch pods with spec.nodeName field selector"),
    ("list -/pods?spec.nodeName!=n1", "can only list/watch pods with spec.nodeName field selector"),
    ("create a/pods.exec/mine", ""), ("create a/pods.binding/mine", ""), ("update a/pods/mine", ""),
    ("get -/nodes/n2", "node 'n1' cannot read 'n2', only its own Node object"), ("list -/nodes", "node 'n1' cannot read all nodes, only its own Node object"),
    ("delete -/nodes/n1", ""),
    ("get kube-node-lease/coordination.k8s.io:leases/n2", "can only access node lease with the same name as the requesting node"),
    ("update kube-system/coordination.k8s.io:leases/n1", 'can only access leases in the "kube-node-lease" system namespace'),
    ("list kube-node-lease/coordination.k8s.io:leases", "can only get, create, update, patch, or delete a node lease"),
    ("create a/apps:deployments", ""), ("list -/rbac.authorization.k8s.io:roles", ""),
])
def test_what_a_kubelet_may_not(text: str, reason: str) -> None:
    assert NodeAuthorizer(Stored(*CLUSTER).stores, node_rules()).authorize(wish(text)) == (None, reason)


@pytest.mark.parametrize(("user", "reason"), [
    (User("system:node:n1", ("system:authenticated",)), ""), (User("n1", ("system:nodes",)), ""),
    (User("system:node:", ("system:nodes",)), 'unknown node for user "system:node:"'),
], ids=["not of the group", "not a node's name", "nobody"])
def test_who_is_no_kubelet(user: User, reason: str) -> None:
    assert NodeAuthorizer(Stored(*CLUSTER).stores, node_rules()).authorize(wish("get a/secrets/files", user)) == (None, reason)


def test_what_a_pod_gave_it_takes_along() -> None:
    stored = Stored()
    nodes = NodeAuthorizer(stored.stores, node_rules())
    access = wish("get a/secrets/files")
    assert not nodes.authorize(access).allowed
    stored.put(MINE)
    assert nodes.authorize(access).allowed
    stored.put({**MINE, "status": {"phase": "Running"}})
    assert nodes.authorize(access).allowed
    stored.delete(MINE)
    assert not nodes.authorize(access).allowed


def test_what_nodes_may_is_not_all_listed() -> None:
    nodes = NodeAuthorizer(Stored().stores, node_rules())
    assert nodes.rules_of(KUBELET, "a").incomplete == "node authorizer does not support user rule resolution"
    assert nodes.rules_of(User("jane"), "a").incomplete == ""
