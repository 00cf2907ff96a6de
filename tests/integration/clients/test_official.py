"""The official Python client (kubernetes on PyPI), as its own end-to-end tests use it."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster

kubernetes = pytest.importorskip("kubernetes", reason="the official client is not installed")
# The library leaves a watch's connection to the garbage collector.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{name}") for name in (
    "DeprecationWarning", "ResourceWarning", "pytest.PytestUnraisableExceptionWarning")]
LABELS = {"app": "web"}


@pytest.fixture(scope="module")
def client(cluster: TestCluster) -> Iterator[Any]:
    config = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(cluster.cluster.kubeconfig("admin")), client_configuration=config)
    with kubernetes.client.ApiClient(config) as client:
        yield client


def a_deployment(replicas: int = 2) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}


def test_a_deployment_from_a_document_to_ready_pods_and_away(client: Any, namespace: str) -> None:
    apps, core = kubernetes.client.AppsV1Api(client), kubernetes.client.CoreV1Api(client)
    apps.create_namespaced_deployment(namespace, a_deployment())
    watch = kubernetes.watch.Watch()
    for event in watch.stream(apps.list_namespaced_deployment, namespace, timeout_seconds=60):
        if event["object"].status.available_replicas == 2:
            watch.stop()
    assert event["object"].status.available_replicas == 2
    pods = core.list_namespaced_pod(namespace, label_selector="app=web").items
    assert [pod.status.phase for pod in pods] == ["Running"] * 2
    assert all(pod.spec.node_name and pod.status.pod_ip for pod in pods)
    scaled = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    assert scaled.spec.replicas == 1
    assert apps.read_namespaced_deployment_scale("web", namespace).spec.replicas == 1
    apps.delete_namespaced_deployment("web", namespace, propagation_policy="Foreground")
    for event in watch.stream(apps.list_namespaced_deployment, namespace, timeout_seconds=60):
        if event["type"] == "DELETED":
            watch.stop()
    assert event["type"] == "DELETED"
    assert core.list_namespaced_pod(namespace, label_selector="app=web").items == []        # foreground: they went first


def test_typed_objects_go_and_come(client: Any, namespace: str) -> None:
    core, models = kubernetes.client.CoreV1Api(client), kubernetes.client
    made = core.create_namespaced_config_map(namespace, models.V1ConfigMap(metadata=models.V1ObjectMeta(name="c"), data={"a": "1"}))
    made.data["b"] = "2"
    replaced = core.replace_namespaced_config_map("c", namespace, made)
    assert replaced.data == {"a": "1", "b": "2"}
    with pytest.raises(kubernetes.client.ApiException) as stale:
        core.replace_namespaced_config_map("c", namespace, made)
    assert stale.value.status == 409
    core.patch_namespaced_config_map("c", namespace, {"data": {"a": None}})
    assert core.read_namespaced_config_map("c", namespace).data == {"b": "2"}
    secret = core.create_namespaced_secret(namespace, models.V1Secret(metadata=models.V1ObjectMeta(name="s"), string_data={"k": "v"}))
    assert secret.data == {"k": "dg=="}
    core.delete_collection_namespaced_config_map(namespace, field_selector="metadata.name=c")
    assert "c" not in [one.metadata.name for one in core.list_namespaced_config_map(namespace).items]


def test_pages_and_resumed_watches(client: Any, namespace: str) -> None:
    core = kubernetes.client.CoreV1Api(client)
    for number in range(5):
        core.create_namespaced_config_map(namespace, {"metadata": {"name": f"c{number}", "labels": {"page": "1"}}})
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(namespace, limit=2, label_selector="page", _continue=token)
        names += [one.metadata.name for one in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"c{number}" for number in range(5)]
    core.delete_namespaced_config_map("c0", namespace)
    watch = kubernetes.watch.Watch()
    events = watch.stream(core.list_namespaced_config_map, namespace, resource_version=page.metadata.resource_version, timeout_seconds=1)
    assert ("DELETED", "c0") in [(event["type"], event["object"].metadata.name) for event in events]


def test_exceptions_carry_the_status(client: Any, namespace: str) -> None:
    with pytest.raises(kubernetes.client.ApiException) as missing:
        kubernetes.client.CoreV1Api(client).read_namespaced_pod("none", namespace)
    assert missing.value.status == 404
    assert '"reason":"NotFound"' in missing.value.body


def test_the_dynamic_client_discovers_applies_and_watches(client: Any, namespace: str) -> None:
    dynamic = kubernetes.dynamic.DynamicClient(client)
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1"}}
    maps.server_side_apply(body=body, namespace=namespace, field_manager="test")
    assert maps.get(name="applied", namespace=namespace).data.a == "1"
    assert [event["raw_object"]["metadata"]["name"] for event in maps.watch(namespace=namespace, timeout=1, field_selector="metadata.name=applied")] == ["applied"]
    maps.delete(name="applied", namespace=namespace)
    assert {"Deployment", "Pod", "Lease"} <= {one.kind for one in dynamic.resources.search()}


def test_create_from_yaml(client: Any, namespace: str) -> None:
    from tests.cluster import ROOT
    kubernetes.utils.create_from_yaml(client, str(ROOT / "manifests" / "demo.yaml"), namespace=namespace)
    assert kubernetes.client.CoreV1Api(client).read_namespaced_service("web", namespace).spec.cluster_ip


def test_every_resource_is_listed(client: Any) -> None:
    for api in (kubernetes.client.CoreV1Api, kubernetes.client.AppsV1Api, kubernetes.client.BatchV1Api, kubernetes.client.RbacAuthorizationV1Api,
                kubernetes.client.NetworkingV1Api, kubernetes.client.StorageV1Api, kubernetes.client.PolicyV1Api,
                kubernetes.client.AutoscalingV2Api, kubernetes.client.DiscoveryV1Api, kubernetes.client.CoordinationV1Api):
        made = api(client)
        for name in dir(made):
            if name.startswith("list_") and name.endswith(("_for_all_namespaces", "_node", "_namespace")) and "http" not in name:
                getattr(made, name)()
