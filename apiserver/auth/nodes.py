"""The Node authorizer: what a kubelet needs for the pods that are bound to it, and no more.

A kubelet is a user system:node:NAME in the group system:nodes. What it may read is found by way of the pods of its node; what it
writes is looked at once more by NodeRestriction, which sees the object. Upstream: plugin/pkg/auth/authorizer/node.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from apiserver.auth.access import ALLOWED, NO_OPINION, Access, Rules, Verdict
from apiserver.auth.following import Following
from apiserver.auth.podreferences import references
from apiserver.auth.user import User
from apiserver.cacher import CachedObject
from apiserver.registry.stores import Stores
from kubeapi.meta import ObjectKey
from kubeapi.rbac import rule_of
from kubeapi.resource import GroupResource

Document = dict[str, Any]
PREFIX, NODES = "system:node:", "system:nodes"
LEASES = "kube-node-lease"
READ = frozenset({"get", "list", "watch"})
OWN = frozenset({"get", "create", "update", "patch", "delete"})


def node_of(name: str, groups: Sequence[str]) -> str:
    """The node whose kubelet this user is, or ""."""
    return name.removeprefix(PREFIX) if NODES in groups and name.startswith(PREFIX) else ""


class PodsByNode:
    """Follows the pods; which ones a node has is known without decoding any."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._pods: dict[str, dict[ObjectKey, CachedObject]] = {}
        self._following = Following(stores[GroupResource("", "pods")].cacher, self._pods.clear, self._changed)

    def _changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        if old is not None and (there := self._pods.get(old.fields.get("spec.nodeName", ""))) is not None:
            there.pop(old.key, None)
        if new is not None and (node := new.fields.get("spec.nodeName", "")):
            self._pods.setdefault(node, {})[new.key] = new

    def has(self, node: str, key: ObjectKey) -> bool:
        self._following.catch_up()
        return key in self._pods.get(node, {})

    def refer_to(self, node: str, plural: str, namespace: str, name: str) -> bool:
        """Few pods are decoded: only those whose bytes hold the name."""
        self._following.catch_up()
        needle = b"" if plural == "persistentvolumeclaims" else name.encode()       # an ephemeral volume's claim is named by its pod
        return any((plural, name) in references(pod.document()) for key, pod in self._pods.get(node, {}).items()
                   if key.namespace == namespace and (needle in pod.body or plural == "serviceaccounts"))

    def volumes(self, node: str) -> Iterator[Document]:
        """PersistentVolumes that are bound to claims of the node's pods."""
        self._following.catch_up()
        for pod in self._pods.get(node, {}).values():
            if b'"volumes"' in pod.body:
                for plural, name in references(pod.document()):
                    claim = self._get("", plural, pod.namespace, name) if plural == "persistentvolumeclaims" else None
                    volume = self._get("", "persistentvolumes", "", claim["spec"].get("volumeName", "")) if claim else None
                    if volume is not None and _claim_of(volume) == (pod.namespace, name):
                        yield volume

    def attachment_is_of(self, node: str, name: str) -> bool:
        found = self._get("storage.k8s.io", "volumeattachments", "", name)
        return found is not None and found["spec"].get("nodeName") == node

    def slice_is_of(self, node: str, name: str) -> bool:
        found = self._get("resource.k8s.io", "resourceslices", "", name)
        return found is not None and found["spec"].get("nodeName") == node

    def _get(self, group: str, plural: str, namespace: str, name: str) -> Document | None:
        found = self._stores[GroupResource(group, plural)].cacher.get(ObjectKey(namespace, name))
        return found.document() if found is not None else None


def _claim_of(volume: Document) -> tuple[str, str]:
    claim = volume["spec"].get("claimRef") or {}
    return claim.get("namespace", ""), claim.get("name", "")


def _secrets_of(volume: Document) -> Iterator[tuple[str, str]]:
    """Namespace and name: a PersistentVolume's references name both."""
    for source in volume["spec"].values():
        if isinstance(source, dict):
            if "secretName" in source:
                yield source.get("secretNamespace") or _claim_of(volume)[0], source["secretName"]
            for field, value in source.items():
                if field.lower().endswith("secretref") and isinstance(value, dict):
                    yield value.get("namespace", ""), value.get("name", "")


class NodeAuthorizer:
    def __init__(self, stores: Stores, rules: Sequence[Document]) -> None:
        """`rules`: for what is not decided here."""
        self._pods = PodsByNode(stores)
        self._rules = [rule_of(one) for one in rules]
        self._deciding: dict[tuple[str, str], Callable[[str, Access], Verdict]] = {
            ("", "secrets"): self._read_related, ("", "configmaps"): self._read_related,
            ("", "persistentvolumeclaims"): self._claim, ("", "persistentvolumes"): self._get_related,
            ("resource.k8s.io", "resourceclaims"): self._get_related, ("storage.k8s.io", "volumeattachments"): self._get_related,
            ("resource.k8s.io", "resourceslices"): self._slice, ("", "serviceaccounts"): self._token, ("", "nodes"): self._node,
            ("", "pods"): self._pod, ("coordination.k8s.io", "leases"): self._lease, ("storage.k8s.io", "csinodes"): self._csi_node}

    def rules_of(self, user: User, namespace: str) -> Rules:
        return Rules(incomplete="node authorizer does not support user rule resolution" if node_of(user.name, user.groups) else "")

    def authorize(self, access: Access) -> Verdict:
        user = access.user
        if NODES not in user.groups or not user.name.startswith(PREFIX):
            return NO_OPINION
        node = node_of(user.name, user.groups)
        if not node:
            return Verdict(None, f'unknown node for user "{user.name}"')
        decide = self._deciding.get((access.group, access.resource)) if access.path is None else None
        if decide is not None:
            return decide(node, access)
        if access.path is None and any(rule.is_about(access.verb, access.group, access.resource, access.subresource) for rule in self._rules):
            return ALLOWED
        return NO_OPINION

    # --- what pods refer to

    def _read_related(self, node: str, access: Access) -> Verdict:
        if access.verb not in READ:
            return Verdict(None, "can only read resources of this type")
        if access.subresource:
            return Verdict(None, "cannot read subresource")
        if not access.namespace:
            return Verdict(None, "can only read namespaced object of this type")
        return self._related(node, access)

    def _get_related(self, node: str, access: Access) -> Verdict:
        if access.verb != "get":
            return Verdict(None, "can only get individual resources of this type")
        return Verdict(None, "cannot get subresource") if access.subresource else self._related(node, access)

    def _claim(self, node: str, access: Access) -> Verdict:
        if access.subresource != "status":
            return self._get_related(node, access)
        return self._related(node, access) if access.verb in ("update", "patch") else Verdict(None, "can only get/update/patch this type")

    def _related(self, node: str, access: Access) -> Verdict:
        if not access.name:
            return Verdict(None, "No Object name found")
        is_so = self._is_related(node, access.resource, access.namespace, access.name)
        return ALLOWED if is_so else Verdict(None, f"no relationship found between node '{node}' and this object")

    def _is_related(self, node: str, plural: str, namespace: str, name: str) -> bool:
        match plural:
            case "pods":
                return self._pods.has(node, ObjectKey(namespace, name))
            case "persistentvolumes":
                return any(volume["metadata"]["name"] == name for volume in self._pods.volumes(node))
            case "volumeattachments":
                return self._pods.attachment_is_of(node, name)
            case "resourceslices":
                return self._pods.slice_is_of(node, name)
        return self._pods.refer_to(node, plural, namespace, name) or plural == "secrets" and any(
            (namespace, name) in _secrets_of(volume) for volume in self._pods.volumes(node))

    def _token(self, node: str, access: Access) -> Verdict:
        if access.verb != "create" or not access.name:
            return Verdict(None, "can only create tokens for individual service accounts")
        if access.subresource != "token":
            return Verdict(None, "can only create token subresource of serviceaccount")
        return self._related(node, access)

    # --- pods, and what is the node's own

    def _pod(self, node: str, access: Access) -> Verdict:
        match access.subresource, access.verb:
            case "", "get":
                return self._related(node, access)
            case "", "list" | "watch":
                if access.fields.exact("spec.nodeName") == node:
                    return ALLOWED
                return self._related(node, access) if access.name else Verdict(None, "can only list/watch pods with spec.nodeName field selector")
            case ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create"):
                return ALLOWED
        return NO_OPINION

    def _node(self, node: str, access: Access) -> Verdict:
        match access.subresource, access.verb:
            case ("", "create" | "update" | "patch") | ("status", "update" | "patch"):
                return ALLOWED
            case "", "get" | "list" | "watch":
                if access.name == node:
                    return ALLOWED
                what = f"'{access.name}'" if access.name else "all nodes"
                return Verdict(None, f"node '{node}' cannot read {what}, only its own Node object")
        return NO_OPINION

    def _lease(self, node: str, access: Access) -> Verdict:
        if access.verb not in OWN:
            return Verdict(None, "can only get, create, update, patch, or delete a node lease")
        if access.namespace != LEASES:
            return Verdict(None, f'can only access leases in the "{LEASES}" system namespace')
        return self._named_like(node, access, "node lease")

    def _csi_node(self, node: str, access: Access) -> Verdict:
        if access.verb not in OWN:
            return Verdict(None, "can only get, create, update, patch, or delete a CSINode")
        return Verdict(None, "cannot authorize CSINode subresources") if access.subresource else self._named_like(node, access, "CSINode")

    def _named_like(self, node: str, access: Access, what: str) -> Verdict:
        """A new object's name is not known here: NodeRestriction looks at it."""
        if access.verb != "create" and access.name != node:
            return Verdict(None, f"can only access {what} with the same name as the requesting node")
        return ALLOWED

    def _slice(self, node: str, access: Access) -> Verdict:
        if access.subresource:
            return Verdict(None, "cannot authorize ResourceSlice subresources")
        match access.verb:
            case "create":
                return ALLOWED
            case "get" | "update" | "patch" | "delete":
                return self._related(node, access)
            case "watch" | "list" | "deletecollection" if access.fields.exact("spec.nodeName") == node:
                return ALLOWED
        return Verdict(None, "can only list/watch/deletecollection resourceslices with nodeName field selector")
