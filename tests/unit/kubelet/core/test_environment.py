"""Variables, expansion and the downward API."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import ConfigMap, Secret, Service
from kubelet.environment import ConfigError, Configs, environment, references, service_variables
from kubelet.expansion import expand
from kubelet.fieldrefs import NodeFacts
from tests.unit.kubelet.core.builders import a_container, a_pod

NODE = NodeFacts("n1", ("192.0.2.1",), {"cpu": "4", "memory": "8Gi"})
CONFIGS = Configs({"c": ConfigMap(data={"k": "v", "0bad=": "x"})}, {"s": Secret(data={"p": b"word"})})
RESOURCES = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "250m"}}


def env_of(*env: dict[str, Any], env_from: list[dict[str, Any]] | None = None, services: dict[str, str] | None = None,
           told: list[str] | None = None) -> dict[str, str]:
    container = a_container(env=list(env), envFrom=env_from or [], resources=RESOURCES)
    pod = a_pod([container], metadata={"labels": {"app": "x"}, "annotations": {"a/b": "c"}}, serviceAccountName="robot")
    return environment(pod, container, CONFIGS, NODE, ("10.0.0.5",), services or {}, (told if told is not None else []).append)


@pytest.mark.parametrize(("text", "expected"), [
    ("plain", "plain"), ("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$(NOPE)", "$(NOPE)"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$A", "$A"),
    ("$(A", "$(A"), ("$", "$"), ("$$", "$"), ("100%$", "100%$")])
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_values_see_what_was_defined_before_and_services() -> None:
    found = env_of({"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(S)$(C)"}, {"name": "C", "value": "3"}, services={"S": "2"})
    assert found == {"A": "1", "B": "12$(C)", "C": "3", "S": "2"}


@pytest.mark.parametrize(("path", "expected"), [
    ("metadata.name", "web"), ("metadata.namespace", "default"), ("metadata.uid", "u1"), ("spec.nodeName", "n1"),
    ("spec.serviceAccountName", "robot"), ("status.hostIP", "192.0.2.1"), ("status.podIP", "10.0.0.5"), ("status.podIPs", "10.0.0.5"),
    ("metadata.labels['app']", "x"), ("metadata.annotations['a/b']", "c"), ("metadata.labels['nope']", "")])
def test_field_references(path: str, expected: str) -> None:
    assert env_of({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}) == {"A": expected}


@pytest.mark.parametrize(("resource", "divisor", "expected"), [
    ("limits.memory", "", "67108864"), ("limits.memory", "1Mi", "64"), ("requests.cpu", "1m", "250"), ("requests.cpu", "", "1"),
    ("limits.cpu", "", "4"), ("requests.memory", "", "0")])
def test_resource_references(resource: str, divisor: str, expected: str) -> None:
    reference = {"resource": resource, **({"divisor": divisor} if divisor else {})}
    assert env_of({"name": "A", "valueFrom": {"resourceFieldRef": reference}}) == {"A": expected}


@pytest.mark.parametrize(("source", "expected"), [
    ({"configMapKeyRef": {"name": "c", "key": "k"}}, "v"), ({"secretKeyRef": {"name": "s", "key": "p"}}, "word")], ids=["ConfigMap", "Secret"])
def test_key_references(source: dict[str, Any], expected: str) -> None:
    assert env_of({"name": "A", "valueFrom": source}) == {"A": expected}


@pytest.mark.parametrize(("source", "message"), [
    ({"configMapKeyRef": {"name": "nope", "key": "k"}}, 'configmap "nope" not found'),
    ({"configMapKeyRef": {"name": "c", "key": "nope"}}, "couldn't find key nope in ConfigMap default/c"),
    ({"secretKeyRef": {"name": "nope", "key": "k"}}, 'secret "nope" not found'),
    ({"secretKeyRef": {"name": "s", "key": "nope"}}, "couldn't find key nope in Secret default/s"),
    ({"fieldRef": {"fieldPath": "spec.nope"}}, "unsupported fieldPath: spec.nope"),
    ({"resourceFieldRef": {"resource": "limits.cpu", "containerName": "nope"}}, "container nope not found")])
def test_what_is_missing_is_named(source: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        env_of({"name": "A", "valueFrom": source})
    assert str(caught.value) == message


@pytest.mark.parametrize("source", [
    {"configMapKeyRef": {"name": "nope", "key": "k", "optional": True}}, {"configMapKeyRef": {"name": "c", "key": "nope", "optional": True}},
    {"secretKeyRef": {"name": "s", "key": "nope", "optional": True}}], ids=["no ConfigMap", "no key", "no key of a Secret"])
def test_what_is_optional_may_be_missing(source: dict[str, Any]) -> None:
    assert env_of({"name": "A", "valueFrom": source}, {"name": "B", "value": "1"}) == {"B": "1"}


def test_whole_objects_with_a_prefix_and_invalid_names_skipped() -> None:
    told: list[str] = []
    found = env_of(env_from=[{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}, "prefix": "S_"},
                             {"secretRef": {"name": "nope", "optional": True}}], told=told)
    assert found == {"k": "v", "S_p": "word"}
    assert told == ["Keys [0bad=] from the EnvFrom configMap c were skipped since they are considered invalid environment variable names."]


def test_env_wins_over_env_from_and_services_over_nothing() -> None:
    found = env_of({"name": "k", "value": "mine"}, env_from=[{"configMapRef": {"name": "c"}}], services={"k": "service"})
    assert found["k"] == "mine"


def test_references_of_a_container() -> None:
    container = a_container(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}],
                            envFrom=[{"secretRef": {"name": "b"}}])
    found = references(container)
    assert sorted(found.config_maps) == ["a"]
    assert sorted(found.secrets) == ["b"]


def a_service(name: str, namespace: str = "default", ip: str = "10.96.0.7") -> Service:
    return Service.from_wire({"metadata": {"name": name, "namespace": namespace}, "spec": {
        "clusterIP": ip, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})


def test_variables_of_a_service() -> None:
    assert service_variables(a_pod(), [a_service("my-db")]) == {
        "MY_DB_SERVICE_HOST": "10.96.0.7", "MY_DB_SERVICE_PORT": "80", "MY_DB_SERVICE_PORT_HTTP": "80",
        "MY_DB_PORT": "tcp://10.96.0.7:80", "MY_DB_PORT_80_TCP": "tcp://10.96.0.7:80", "MY_DB_PORT_80_TCP_PROTO": "tcp",
        "MY_DB_PORT_80_TCP_PORT": "80", "MY_DB_PORT_80_TCP_ADDR": "10.96.0.7"}


@pytest.mark.parametrize(("links", "services", "hosts"), [
    (True, [a_service("a"), a_service("b", "other")], {"A_SERVICE_HOST"}),
    (False, [a_service("a"), a_service("kubernetes")], {"KUBERNETES_SERVICE_HOST"}),
    (True, [a_service("headless", ip="None")], set())], ids=["own namespace", "no links", "headless"])
def test_which_services(links: bool, services: list[Service], hosts: set[str]) -> None:
    found = service_variables(a_pod(enableServiceLinks=links), services)
    assert {name for name in found if name.endswith("_SERVICE_HOST")} == hosts
