"""`docker-compose up`: a cluster of containers, used from the machine, with a node that dies and comes back."""
from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.compose.engine import Engine
from tests.e2e.compose.project import NODES, PODS, Project, node_is, node_path, running_project

MOVED_SECONDS = 20.0            # 8 until the node counts as lost, 5 of toleration, and the new pods' start


@pytest.fixture(scope="module")
def plain(engine: Engine) -> Iterator[Project]:
    with running_project(engine, "plain") as project:
        yield project
    for kind in ("container", "network", "volume"):
        assert "plain_" not in engine.docker(kind, "ls", *(["--all"] if kind == "container" else []))


def test_kubectl_on_the_machine_sees_three_nodes(plain: Project) -> None:
    assert plain.kubectl("get", "nodes", "-o", "name").split() == [f"node/{name}" for name in NODES]


def test_each_node_has_a_pod_and_every_pod_reaches_every_other(plain: Project) -> None:
    pods = plain.web_pods()
    assert {one["spec"]["nodeName"] for one in pods} == set(NODES)
    for one in pods:
        for other in pods:
            url = f"http://{other['status']['podIP']}:8080/"
            assert "picokube" in plain.kubectl("exec", one["metadata"]["name"], "--", "timeout", "10", "wget", "-q", "-O", "-", url)


def test_logs_come_from_every_node(plain: Project) -> None:
    for one in plain.web_pods():
        plain.kubectl("logs", one["metadata"]["name"])


TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_a_pod_finds_a_token_that_the_api_believes(plain: Project) -> None:
    """Made with the API server's sa.key, beside the CA that --root-ca-file puts into every namespace."""
    name = plain.web_pods()[0]["metadata"]["name"]
    token = plain.kubectl("exec", name, "--", "cat", f"{TOKEN}/token")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = json.loads(plain.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review).encode()))["status"]
    assert (status["authenticated"], status["user"]["username"]) == (True, "system:serviceaccount:default:default")
    assert plain.kubectl("exec", name, "--", "cat", f"{TOKEN}/ca.crt").strip() == plain.compose("exec", "-T", "node-1", "cat", "/pki/ca.crt").strip()


def test_the_scheduler_tells_what_it_decided(plain: Project) -> None:
    """By the command of docs/compose.md."""
    told = plain.compose("exec", "-T", "scheduler", "hack/compose/healthy", "http://127.0.0.1:10259/debug/attempts")
    assert plain.web_pods()[0]["metadata"]["name"] in told


def test_keys_are_their_components_only(plain: Project) -> None:
    """Whoever breaks out of a pod finds the node's own key at most."""
    for node in NODES:
        assert set(plain.compose("exec", "-T", node, "ls", "/pki").split()) == {"ca.crt", "kubeconfig", "kubelet.crt", "kubelet.key"}
        assert plain.compose("exec", "-T", node, "stat", "-c", "%a", "/pki/kubelet.key").strip() == "600"


def test_pods_of_a_killed_node_run_elsewhere_within_20_seconds_and_it_can_come_back(plain: Project) -> None:
    plain.scale(6)
    before = {one["metadata"]["name"]: one["spec"]["nodeName"] for one in plain.web_pods()}
    plain.compose("kill", "node-2")
    killed = time.monotonic()

    def left() -> float:
        return killed + MOVED_SECONDS - time.monotonic()

    plain.until(node_path("node-2"), node_is("Unknown"), left())
    print(f"node-2 is Unknown after {time.monotonic() - killed:.1f} s")
    for name in (name for name, node in before.items() if node == "node-2"):
        plain.until(f"{PODS}?fieldSelector=metadata.name%3D{name}", lambda pod: "deletionTimestamp" in pod["metadata"], left())
    print(f"its pods are deleted after {time.monotonic() - killed:.1f} s")
    plain.until_available(6, left())
    print(f"all run elsewhere after {time.monotonic() - killed:.1f} s")
    assert "node-2" not in {one["spec"]["nodeName"] for one in plain.web_pods()}

    plain.compose("start", "node-2")
    plain.until(node_path("node-2"), node_is("True"))
    plain.scale(9)
    assert "node-2" in {one["spec"]["nodeName"] for one in plain.web_pods()}


def test_every_component_can_be_started_again(plain: Project) -> None:
    before = {one["metadata"]["uid"] for one in plain.web_pods()}
    plain.compose("restart", "--timeout", "2", "etcd-1", "apiserver", "balancer", "controllers", "scheduler")
    plain.create_until_done("after-restart")
    plain.until_available(9)
    assert {one["metadata"]["uid"] for one in plain.web_pods()} == before
