"""lightkube (PyPI), synchronous and asynchronous."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster

lightkube = pytest.importorskip("lightkube", reason="lightkube is not installed")
# The library leaves a watch's connection to the garbage collector.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{name}") for name in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(scope="module")
def config(cluster: TestCluster) -> Any:
    return lightkube.KubeConfig.from_file(str(cluster.cluster.kubeconfig("admin")))


@pytest.fixture
def client(config: Any, namespace: str) -> Iterator[Any]:
    yield lightkube.Client(config=config, namespace=namespace, field_manager="test")


def test_objects_are_created_changed_watched_and_deleted(client: Any, namespace: str) -> None:
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap
    made = client.create(ConfigMap(metadata=ObjectMeta(name="c"), data={"a": "1"}))
    assert made.metadata.namespace == namespace
    client.patch(ConfigMap, "c", {"data": {"b": "2"}})
    assert client.get(ConfigMap, "c").data == {"a": "1", "b": "2"}
    operation, seen = next(client.watch(ConfigMap, fields={"metadata.name": "c"}, server_timeout=5))
    assert (operation, seen.metadata.name) == ("ADDED", "c")
    client.delete(ConfigMap, "c")
    with pytest.raises(lightkube.ApiError) as gone:
        client.get(ConfigMap, "c")
    assert gone.value.status.code == 404


def test_server_side_apply_conflicts_and_is_forced(config: Any, namespace: str) -> None:
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap
    first, second = (lightkube.Client(config=config, namespace=namespace, field_manager=name) for name in ("first", "second"))
    first.apply(ConfigMap(metadata=ObjectMeta(name="shared"), data={"a": "1"}))
    other = ConfigMap(metadata=ObjectMeta(name="shared"), data={"a": "2"})
    with pytest.raises(lightkube.ApiError) as conflict:
        second.apply(other)
    assert conflict.value.status.reason == "Conflict"
    assert second.apply(other, force=True).data == {"a": "2"}


def test_a_deployment_is_waited_for_and_scaled(client: Any) -> None:
    from lightkube.models.apps_v1 import DeploymentSpec
    from lightkube.models.autoscaling_v1 import ScaleSpec
    from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
    from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
    from lightkube.resources.apps_v1 import Deployment
    labels = {"app": "a"}
    client.create(Deployment(metadata=ObjectMeta(name="d"), spec=DeploymentSpec(
        replicas=2, selector=LabelSelector(matchLabels=labels), template=PodTemplateSpec(
            metadata=ObjectMeta(labels=labels), spec=PodSpec(containers=[Container(name="c", image="i")])))))
    client.wait(Deployment, "d", for_conditions=["Available"])
    client.replace(Deployment.Scale(metadata=ObjectMeta(name="d"), spec=ScaleSpec(replicas=3)), "d")
    assert client.get(Deployment, "d").spec.replicas == 3
    assert client.get(Deployment.Scale, "d").spec.replicas == 3


def test_logs_of_a_simulated_pod_are_an_answer(client: Any) -> None:
    from lightkube.models.core_v1 import Container, PodSpec
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import Pod
    client.create(Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=[Container(name="c", image="i")])))
    client.wait(Pod, "p", for_conditions=["Ready"])
    assert list(client.log("p")) is not None
