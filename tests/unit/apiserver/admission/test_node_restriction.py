"""NodeRestriction: what a kubelet writes is its own."""
from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apiserver.admission.node_restriction import NodeRestriction
from apiserver.registry.attributes import Attributes, Document
from kubeapi import errors
from kubeapi.catalog import by_plural
from tests.unit.apiserver.admission.test_admission import FakeObjects

MIRROR = {"kubernetes.io/config.mirror": "x"}
OWNER: Document = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u1", "controller": True}
OBJECTS = FakeObjects(
    ("", "nodes", {"metadata": {"name": "n1", "uid": "u1"}}),
    ("", "pods", {"metadata": {"name": "mine", "namespace": "a", "uid": "p1"}, "spec": {"nodeName": "n1"}}),
    ("", "pods", {"metadata": {"name": "theirs", "namespace": "a", "uid": "p2"}, "spec": {"nodeName": "n2"}}))


def admit(operation: Any, plural: str, name: str, new: Document | None = None, old: Document | None = None, *, group: str = "",
          subresource: str = "", user: str = "system:node:n1", namespace: str = "a") -> None:
    attributes = Attributes(operation, by_plural(group, plural), namespace, name, subresource, new, old, user, ("system:nodes",))
    asyncio.run(NodeRestriction(OBJECTS).admit(attributes))


def refusal(*arguments: Any, **options: Any) -> str:
    """Why not, or ""."""
    try:
        admit(*arguments, **options)
    except errors.Forbidden as error:
        return error.message.partition(" is forbidden: ")[2]
    return ""


def a_mirror(owners: Any = (OWNER,), annotations: Document | None = None, **spec: Any) -> Document:
    return {"metadata": {"name": "m", "namespace": "a", "annotations": MIRROR if annotations is None else annotations, "ownerReferences": list(owners)},
            "spec": {"nodeName": "n1", "containers": [{"name": "c"}], **spec}}


@pytest.mark.parametrize(("pod", "why"), [
    (a_mirror(), ""),
    (a_mirror(annotations={}), 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods'),
    (a_mirror(nodeName="n2"), 'node "n1" can only create pods with spec.nodeName set to itself'),
    (a_mirror(owners=[]), 'node "n1" can only create pods with an owner reference set to itself'),
    (a_mirror(owners=[OWNER, OWNER]), 'node "n1" can only create pods with a single owner reference set to itself'),
    (a_mirror(owners=[{**OWNER, "name": "n2"}]), 'node "n1" can only create pods with an owner reference set to itself'),
    (a_mirror(owners=[{**OWNER, "controller": False}]), 'node "n1" can only create pods with a controller owner reference set to itself'),
    (a_mirror(owners=[{**OWNER, "uid": "u2"}]), "node n1 UID mismatch: expected u2 got u1"),
    (a_mirror(serviceAccountName="robot"), 'node "n1" can not create pods that reference a service account'),
    (a_mirror(volumes=[{"name": "v", "secret": {"secretName": "s"}}]), 'node "n1" can not create pods that reference secrets'),
    (a_mirror(volumes=[{"name": "v", "configMap": {"name": "s"}}]), 'node "n1" can not create pods that reference configmaps'),
], ids=["fine", "no mirror", "of another", "no owner", "owners", "other owner", "no controller", "uid", "account", "secret", "config map"])
def test_pods_are_created_as_pictures_only(pod: Document, why: str) -> None:
    assert refusal("CREATE", "pods", "m", pod) == why


def test_pods_of_others_are_not_deleted() -> None:
    assert refusal("DELETE", "pods", "mine") == ""
    assert refusal("DELETE", "pods", "theirs") == 'node "n1" can only delete pods with spec.nodeName set to itself'
    with pytest.raises(errors.NotFound):
        admit("DELETE", "pods", "none")


def a_status(node: str = "n1", labels: Document | None = None, **status: Any) -> Document:
    return {"metadata": {"name": "p", "labels": labels or {}}, "spec": {"nodeName": node}, "status": status}


@pytest.mark.parametrize(("old", "new", "why"), [
    (a_status(), a_status(phase="Running"), ""),
    (a_status("n2"), a_status("n2", phase="Failed"), 'node "n1" can only update pod status for pods with spec.nodeName set to itself'),
    (a_status(), a_status(labels={"a": "b"}), 'node "n1" cannot update labels through pod status'),
    (a_status(), a_status(resourceClaimStatuses=[{"name": "c", "resourceClaimName": "x"}]), 'node "n1" cannot update resource claim statues'),
], ids=["own", "of another", "labels", "claims"])
def test_statuses_are_of_its_own_pods(old: Document, new: Document, why: str) -> None:
    assert refusal("UPDATE", "pods", "p", new, old, subresource="status") == why


def a_node(labels: Document | None = None, taints: Any = (), owners: Any = ()) -> Document:
    return {"metadata": {"name": "n1", "labels": labels or {}, "ownerReferences": list(owners)}, "spec": {"taints": list(taints)}}


@pytest.mark.parametrize(("name", "new", "old", "why"), [
    ("n1", a_node({"kubernetes.io/hostname": "n1", "own": "x", "node.kubernetes.io/x": "y"}, [{"key": "k"}]), None, ""),
    ("n2", a_node(), None, 'node "n1" is not allowed to modify node "n2"'),
    ("n1", a_node({"node-restriction.kubernetes.io/a": "b", "kubernetes.io/role": "c"}), None,
     'node "n1" is not allowed to set the following labels: kubernetes.io/role, node-restriction.kubernetes.io/a'),
    ("n1", a_node({"own": "new"}), a_node({"own": "old"}), ""),
    ("n1", a_node(), a_node({"x.node-restriction.kubernetes.io/a": "b"}), "is not allowed to modify labels: x.node-restriction.kubernetes.io/a"),
    ("n1", a_node(), a_node(taints=[{"key": "k"}]), 'node "n1" is not allowed to modify taints'),
    ("n1", a_node(owners=[OWNER]), a_node(), 'node "n1" is not allowed to modify ownerReferences'),
], ids=["fine", "another", "labels", "own label", "label taken away", "taints", "owners"])
def test_the_node_is_its_own(name: str, new: Document, old: Document | None, why: str) -> None:
    assert refusal("UPDATE" if old else "CREATE", "nodes", name, new, old, namespace="") == why


@pytest.mark.parametrize(("bound", "why"), [
    ({"kind": "Pod", "apiVersion": "v1", "name": "mine", "uid": "p1"}, ""),
    (None, "node requested token not bound to a pod"), ({"kind": "Secret", "apiVersion": "v1", "name": "s"}, "node requested token not bound to a pod"),
    ({"kind": "Pod", "apiVersion": "v1", "name": "mine"}, "node requested token with a pod binding without a uid"),
    ({"kind": "Pod", "apiVersion": "v1", "name": "theirs", "uid": "p2"}, "node requested token bound to a pod scheduled on a different node"),
], ids=["own", "unbound", "to a secret", "no uid", "of another"])
def test_tokens_are_bound_to_its_own_pods(bound: Document | None, why: str) -> None:
    assert refusal("CREATE", "serviceaccounts", "robot", {"spec": {"boundObjectRef": bound}}, subresource="token") == why


@pytest.mark.parametrize(("namespace", "name", "why"), [
    ("kube-node-lease", "n1", ""), ("kube-node-lease", "n2", "can only access node lease with the same name as the requesting node"),
    ("kube-system", "n1", 'can only access leases in the "kube-node-lease" system namespace')])
def test_the_lease_is_its_own(namespace: str, name: str, why: str) -> None:
    assert refusal("CREATE", "leases", name, {}, group="coordination.k8s.io", namespace=namespace) == why


@pytest.mark.parametrize(("subject", "signer", "why"), [
    ("system:node:n1", "kubernetes.io/kube-apiserver-client-kubelet", ""), ("system:node:n2", "example.com/other", ""),
    ("system:node:n2", "kubernetes.io/kubelet-serving", "can only create a node CSR with CN=system:node:n1")])
def test_certificates_are_asked_for_in_its_own_name(subject: str, signer: str, why: str) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    request = x509.CertificateSigningRequestBuilder(name).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    spec = {"signerName": signer, "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()}
    assert refusal("CREATE", "certificatesigningrequests", "r", {"spec": spec}, group="certificates.k8s.io", namespace="") == why


def test_others_are_not_restricted() -> None:
    admit("CREATE", "pods", "x", a_mirror(annotations={}), user="jane")
