"""NodeRestriction: a kubelet writes its own node and lease, the status of its own pods, and has tokens only for them.

That it may write such objects at all is the Node authorizer's word; here the object is seen.
Upstream: plugin/pkg/admission/noderestriction.
"""
from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ClassVar

from apiserver.auth.nodes import LEASES, PREFIX, node_of
from apiserver.auth.podreferences import MIRROR, references
from apiserver.registry.attributes import Attributes, Objects, Plugin
from kubeapi import errors

Document = dict[str, Any]
RESTRICTED = "node-restriction.kubernetes.io"
# The labels of Kubernetes' own that a kubelet may give its node.
OWN_LABELS = frozenset({
    "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "topology.k8s.aws/zone-id"})
OWN_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
SIGNERS = ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving")
Look = Callable[[str, Attributes], Awaitable[str]]     # (node, what is written) -> why not, or ""


class NodeRestriction(Plugin):
    name: ClassVar[str] = "NodeRestriction"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._looks: dict[tuple[str, str, str], Look] = {
            ("", "pods", ""): self._pod, ("", "pods", "status"): self._pod_status, ("", "nodes", ""): self._node, ("", "nodes", "status"): self._node,
            ("", "persistentvolumeclaims", ""): _claim, ("", "serviceaccounts", "token"): self._token,
            ("coordination.k8s.io", "leases", ""): _lease, ("storage.k8s.io", "csinodes", ""): _csi_node,
            ("resource.k8s.io", "resourceslices", ""): _slice, ("certificates.k8s.io", "certificatesigningrequests", ""): _request}

    async def admit(self, attributes: Attributes) -> None:
        node = node_of(attributes.user, attributes.groups)
        if not node:
            return
        resource = attributes.resource
        look = self._looks.get((resource.group, resource.plural, attributes.subresource))
        if look is not None and (why := await look(node, attributes)):
            raise errors.forbidden(resource.plural, resource.group, attributes.name, why)

    # --- pods

    async def _pod(self, node: str, attributes: Attributes) -> str:
        if attributes.operation == "CREATE":
            assert attributes.obj is not None
            return next(_faults_of_mirror(node, attributes.obj), "") or await self._fault_of_owner(node, attributes.obj)
        if attributes.operation != "DELETE":
            return f'unexpected operation "{attributes.operation}", node "{node}" can only create and delete mirror pods'
        pod = await self._objects.get("", "pods", attributes.namespace, attributes.name) \
            or await self._objects.get_live("", "pods", attributes.namespace, attributes.name)
        if pod is None:
            raise errors.not_found("pods", "", attributes.name)
        return "" if pod["spec"].get("nodeName") == node else f'node "{node}" can only delete pods with spec.nodeName set to itself'

    async def _fault_of_owner(self, node: str, pod: Document) -> str:
        owner, known = pod["metadata"]["ownerReferences"][0], await self._objects.get("", "nodes", "", node)
        if known is None:
            raise errors.not_found("nodes", "", node)
        uid = known["metadata"]["uid"]
        return "" if owner.get("uid") == uid else f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}"

    async def _pod_status(self, node: str, attributes: Attributes) -> str:
        old, new = attributes.old, attributes.obj
        assert old is not None and new is not None
        if old["spec"].get("nodeName") != node:
            return f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
        if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
            return f'node "{node}" cannot update labels through pod status'
        if _claims(old) != _claims(new):
            return f'node "{node}" cannot update resource claim statues'
        return ""

    # --- the node itself

    async def _node(self, node: str, attributes: Attributes) -> str:
        if attributes.name != node:
            return f'node "{node}" is not allowed to modify node "{attributes.name}"'
        new, old = attributes.obj, attributes.old
        if new is None:
            return ""
        forbidden = ", ".join(sorted(filter(_is_forbidden, _changed_labels(new, old))))
        if old is None:
            return f'node "{node}" is not allowed to set the following labels: {forbidden}' if forbidden else ""
        if (old["spec"].get("taints") or []) != (new["spec"].get("taints") or []):
            return f'node "{node}" is not allowed to modify taints'
        if (old["metadata"].get("ownerReferences") or []) != (new["metadata"].get("ownerReferences") or []):
            return f'node "{node}" is not allowed to modify ownerReferences'
        return f"is not allowed to modify labels: {forbidden}" if forbidden else ""

    async def _token(self, node: str, attributes: Attributes) -> str:
        assert attributes.obj is not None
        bound = (attributes.obj.get("spec") or {}).get("boundObjectRef") or {}
        if bound.get("kind") != "Pod" or bound.get("apiVersion") != "v1" or not bound.get("name"):
            return "node requested token not bound to a pod"
        if not bound.get("uid"):
            return "node requested token with a pod binding without a uid"
        pod = await self._objects.get("", "pods", attributes.namespace, bound["name"])
        if pod is None:
            raise errors.not_found("pods", "", bound["name"])
        if pod["metadata"]["uid"] != bound["uid"]:
            raise errors.conflict("pods", "", bound["name"], f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record "
                                  f"({pod['metadata']['uid']}). The object might have been deleted and then recreated")
        return "" if pod["spec"].get("nodeName") == node else "node requested token bound to a pod scheduled on a different node"


def _faults_of_mirror(node: str, pod: Document) -> Iterator[str]:
    metadata, spec = pod["metadata"], pod["spec"]
    if MIRROR not in (metadata.get("annotations") or {}):
        yield f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.get("nodeName") != node:
        yield f'node "{node}" can only create pods with spec.nodeName set to itself'
    owners = metadata.get("ownerReferences") or []
    if len(owners) > 1:
        yield f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        yield f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        yield f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        yield f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    if spec.get("serviceAccountName"):
        yield f'node "{node}" can not create pods that reference a service account'
    plain = {**pod, "metadata": {**metadata, "annotations": {}}}
    for plural in sorted({plural for plural, _ in references(plain)} - {"serviceaccounts"}):
        yield f'node "{node}" can not create pods that reference {plural}'


def _claims(pod: Document) -> list[tuple[str, str]]:
    return [(one.get("name", ""), one.get("resourceClaimName", "")) for one in (pod.get("status") or {}).get("resourceClaimStatuses") or ()]


def _changed_labels(new: Document, old: Document | None) -> set[str]:
    has, had = (one["metadata"].get("labels") or {} if one is not None else {} for one in (new, old))
    return {key for key in has.keys() | had.keys() if has.get(key) != had.get(key)}


def _is_forbidden(label: str) -> bool:
    """Others' labels are the node's to choose; of Kubernetes' own those that are known, and none that pods are kept apart by."""
    namespace = label.partition("/")[0] if "/" in label else ""
    if _is_in(namespace, RESTRICTED):
        return True
    is_own = label in OWN_LABELS or any(_is_in(namespace, one) for one in OWN_NAMESPACES)
    return (_is_in(namespace, "kubernetes.io") or _is_in(namespace, "k8s.io")) and not is_own


def _is_in(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith(f".{domain}")


async def _claim(node: str, attributes: Attributes) -> str:
    return "may only update PVC status"


async def _lease(node: str, attributes: Attributes) -> str:
    if attributes.namespace != LEASES:
        return f'can only access leases in the "{LEASES}" system namespace'
    return "" if attributes.name == node else "can only access node lease with the same name as the requesting node"


async def _csi_node(node: str, attributes: Attributes) -> str:
    return "" if attributes.name == node else "can only access CSINode with the same name as the requesting node"


async def _slice(node: str, attributes: Attributes) -> str:
    if attributes.operation != "CREATE" or attributes.obj is None or attributes.obj["spec"].get("nodeName") == node:
        return ""
    return "can only create ResourceSlice with the same NodeName as the requesting node"


async def _request(node: str, attributes: Attributes) -> str:
    """A kubelet asks for certificates of its own name."""
    spec = (attributes.obj or {}).get("spec") or {}
    if attributes.operation != "CREATE" or spec.get("signerName") not in SIGNERS:
        return ""
    from cryptography import x509
    try:
        subject = x509.load_pem_x509_csr(base64.b64decode(spec.get("request", ""))).subject
    except (ValueError, binascii.Error) as error:
        return f"unable to parse csr: {error}"
    names = [str(one.value) for one in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return "" if names == [PREFIX + node] else f"can only create a node CSR with CN={PREFIX}{node}"
