"""Stores whose caches are fed by hand: what a test stores there is known at once, to whoever only reads caches."""
from __future__ import annotations

from typing import Any

from apiserver.cacher import WatchHub, encode_for_storage
from apiserver.registry.stores import Stores, make_stores
from apiserver.storage.interface import StorageEvent
from apiserver.storage.memory import MemoryStorage
from kubeapi.catalog import RESOURCES
from kubeapi.resource import GroupResource
from tests.virtualtime import VirtualWorld

Document = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
PLURALS = {one.kind: one for one in RESOURCES if one.group in ("", RBAC, "storage.k8s.io", "certificates.k8s.io") and "get" in one.verbs}


class Stored:
    def __init__(self, *documents: Document) -> None:
        storage = MemoryStorage()
        self.hub = WatchHub(storage)
        self.stores: Stores = make_stores(storage, self.hub, VirtualWorld())
        for document in documents:
            self.put(document)

    def put(self, document: Document) -> None:
        self._write(document, encode_for_storage(document))

    def delete(self, document: Document) -> None:
        self._write(document, None)

    def _write(self, document: Document, value: bytes | None) -> None:
        resource, metadata = PLURALS[document["kind"]], document["metadata"]
        store = self.stores[GroupResource(resource.group, resource.plural)]
        revision = self.hub.clock.revision + 1
        key = store.key(metadata.get("namespace", ""), metadata["name"])
        store.cacher.apply(StorageEvent("DELETE" if value is None else "PUT", key, value, revision))
        self.hub.clock.advance(revision)


def a_role(name: str, *rules: Document, namespace: str = "") -> Document:
    kind = "Role" if namespace else "ClusterRole"
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            "rules": list(rules)}


def a_rule(verbs: str, resources: str, groups: str = "", names: str = "") -> Document:
    found: Document = {"verbs": verbs.split(","), "apiGroups": groups.split(","), "resources": resources.split(",")}
    return {**found, "resourceNames": names.split(",")} if names else found


def a_url_rule(verbs: str, urls: str) -> Document:
    return {"verbs": verbs.split(","), "nonResourceURLs": urls.split(",")}


def a_binding(name: str, role: str, *subjects: str, namespace: str = "", role_kind: str = "ClusterRole") -> Document:
    """Subjects: `User/jane`, `Group/devs`, `ServiceAccount/ns:name`."""
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role}, "subjects": [_subject(one) for one in subjects]}


def _subject(text: str) -> Document:
    kind, _, name = text.partition("/")
    if kind != "ServiceAccount":
        return {"kind": kind, "name": name, "apiGroup": RBAC}
    namespace, _, name = name.rpartition(":")
    return {"kind": kind, "name": name, **({"namespace": namespace} if namespace else {})}
