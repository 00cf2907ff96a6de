"""Objects for kubeclient's tests, said in a line."""
from __future__ import annotations

from kubeapi.generated.models.core_v1 import ConfigMap, Pod
from kubeapi.meta import ObjectKey
from kubeclient.testing import FakeClient
from tests.virtualtime import VirtualWorld


def a_pod(name: str = "a", *, node: str = "", phase: str = "Pending", namespace: str = "default", labels: dict[str, str] | None = None) -> Pod:
    return Pod.from_wire({"metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
                          "spec": {"nodeName": node, "containers": []}, "status": {"phase": phase}})


def a_config(name: str = "a", namespace: str = "default", **data: str) -> ConfigMap:
    return ConfigMap.from_wire({"metadata": {"name": name, "namespace": namespace}, "data": data})


def a_key(name: str = "a", namespace: str = "default") -> ObjectKey:
    return ObjectKey(namespace, name)


def a_fake(*objects: Pod | ConfigMap) -> FakeClient:
    return FakeClient(*objects, world=VirtualWorld())
