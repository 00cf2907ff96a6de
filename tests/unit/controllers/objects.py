"""Objects for the tests of controllers: a node, a pod on it, a Service, as the API would show them."""
from __future__ import annotations

from typing import Any, TypeVar

from kubeapi.generated.models.core_v1 import Node, Pod, Service
from kubeclient.testing import FakeClient

Document = dict[str, Any]
M = TypeVar("M", Node, Pod, Service)


def change(fake: FakeClient, obj: M) -> M:
    """What is there under its name becomes *obj* and stays the same object."""
    meta = obj.metadata
    before = fake.find(type(obj), meta.name, meta.namespace)
    assert before is not None
    kept = meta.evolve(uid=before.metadata.uid, creation_timestamp=before.metadata.creation_timestamp)
    return fake.add(obj.evolve(metadata=kept))


def a_node(name: str = "n1", *, ready: str = "True", zone: str = "", region: str = "", taints: list[Document] | None = None,
           labels: dict[str, str] | None = None) -> Node:
    topology = {"topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": region}
    conditions = [{"type": type, "status": "False", "reason": "Fine"} for type in ("MemoryPressure", "DiskPressure", "PIDPressure")]
    ready_condition = [{"type": "Ready", "status": ready, "reason": "KubeletReady"}] if ready else []
    return Node.from_wire({"metadata": {"name": name, "labels": {**{key: value for key, value in topology.items() if value}, **(labels or {})}},
                           "spec": {"taints": taints or []}, "status": {"conditions": [*conditions, *ready_condition] if ready else []}})


def a_pod(name: str = "p1", *, ip: str = "10.0.0.1", node: str = "n1", ready: bool | None = True, phase: str = "Running",
          labels: Document | None = None, ports: list[Document] | None = None, going: bool = False, since: str = "2026-01-01T00:00:00Z",
          namespace: str = "default", tolerations: list[Document] | None = None, finalizers: list[str] | None = None, **spec: Any) -> Pod:
    """`going`: it has been deleted and is still there."""
    ips = ip.split(",") if ip else []
    conditions = [] if ready is None else [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}]
    meta: Document = {"name": name, "namespace": namespace, "labels": {"app": "web"} if labels is None else labels}
    if going:
        meta |= {"deletionTimestamp": since, "deletionGracePeriodSeconds": 30}
    if finalizers or going:
        meta["finalizers"] = finalizers or ["test/keeps-it"]
    return Pod.from_wire({
        "metadata": meta,
        "spec": {"nodeName": node, "containers": [{"name": "c", "ports": ports or []}], "tolerations": tolerations or [], **spec},
        "status": {"phase": phase, "conditions": conditions, **({"podIP": ips[0], "podIPs": [{"ip": one} for one in ips]} if ips else {})}})


def a_service(name: str = "web", *, ports: list[Document] | None = None, selector: Document | None = None, labels: Document | None = None,
              **spec: Any) -> Service:
    given = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}] if ports is None else ports
    return Service.from_wire({"metadata": {"name": name, "namespace": "default", "labels": labels or {}}, "spec": {
        "clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"], "type": "ClusterIP", "selector": {"app": "web"} if selector is None else selector,
        "ports": given, **spec}})
