"""The whole control plane on a real etcd: what users see of it, and what it survives."""
from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from picokube.processes import identify
from tests.cluster import TestCluster, running_cluster

Document = dict[str, Any]


@pytest.fixture(scope="module")
def control_plane() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "kubelet") as cluster:
        yield cluster


def a_deployment(name: str, replicas: int = 2, **template: Any) -> Document:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x"}], **template}}}}


def test_what_every_cluster_has_is_there_from_the_start(control_plane: TestCluster) -> None:
    for path in ("/api/v1/namespaces/default", "/api/v1/namespaces/kube-system", "/api/v1/namespaces/kube-public",
                 "/api/v1/namespaces/kube-node-lease", "/api/v1/namespaces/default/services/kubernetes",
                 "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical"):
        assert control_plane.request("GET", path)[0] == 200, path
    control_plane.until("/api/v1/namespaces/default/serviceaccounts", lambda one: one["metadata"]["name"] == "default")


def test_what_is_lost_is_restored(control_plane: TestCluster) -> None:
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    uid = control_plane.request("GET", f"{path}/system-node-critical")[1]["metadata"]["uid"]
    assert control_plane.request("DELETE", f"{path}/system-node-critical")[0] == 200
    control_plane.until(path, lambda one: one["metadata"]["name"] == "system-node-critical" and one["metadata"]["uid"] != uid)
    account = "/api/v1/namespaces/default/serviceaccounts"
    uid = control_plane.until(account, lambda one: one["metadata"]["name"] == "default")["metadata"]["uid"]
    control_plane.request("DELETE", f"{account}/default")
    control_plane.until(account, lambda one: one["metadata"]["name"] == "default" and one["metadata"]["uid"] != uid)


def test_without_credentials_only_health_and_version_answer(control_plane: TestCluster) -> None:
    def asked(path: str) -> str:
        return subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"{control_plane.cluster.server}{path}"],
                              capture_output=True, text=True, timeout=30, check=True).stdout

    assert {path: asked(path) for path in ("/healthz", "/livez", "/readyz", "/version", "/api/v1/pods", "/api", "/metrics")} == {
        "/healthz": "200", "/livez": "200", "/readyz": "200", "/version": "200", "/api/v1/pods": "403", "/api": "403", "/metrics": "403"}


PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
POD: Document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}


def with_container(**fields: Any) -> Document:
    return {**POD, "spec": {"containers": [{"name": "c", "image": "x", **fields}]}}


@pytest.mark.parametrize(("path", "body", "code", "told"), [
    pytest.param(f"{PODS}?fieldValidation=Strict", with_container(imag="y"), 400,
                 'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imag"',
                 id="unknown field"),
    pytest.param(f"{PODS}?fieldValidation=Strict", b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","name":"q"}}', 400,
                 'strict decoding error: duplicate field "metadata.name"', id="duplicate field"),
    pytest.param(DEPLOYMENTS, {**a_deployment("a"), "spec": {"replicas": "three"}}, 400,
                 "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", id="wrong type"),
    pytest.param(PODS, {**POD, "metadata": {"name": "A_b"}}, 422, 'Pod "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase '
                 "RFC 1123 subdomain must consist of lower case alphanumeric characters", id="bad name"),
    pytest.param(PODS, with_container(resources={"requests": {"cpu": "abc"}}), 400,
                 "quantities must match the regular expression", id="bad quantity"),
    pytest.param(DEPLOYMENTS, {**a_deployment("a"), "spec": {**a_deployment("a")["spec"], "selector": {"matchLabels": {"app": "other"}}}},
                 422, "`selector` does not match template `labels`", id="selector not matching its template"),
    pytest.param(PODS, b"a: b: c", 400, "yaml: mapping values are not allowed in this context", id="invalid YAML"),
    pytest.param(PODS, b'{"a":"' + b"x" * (4 << 20) + b'"}', 413, "Request entity too large: limit is 3145728", id="4 MiB"),
    pytest.param("/apis/apps/v1/namespaces/default/foos", POD, 404, "the server could not find the requested resource", id="unknown kind"),
    pytest.param(PODS, {**POD, "kind": "Node"}, 400, "", id="another kind"),
    pytest.param("/api/v1/namespaces/nowhere/pods", POD, 404, 'namespaces "nowhere" not found', id="no such namespace"),
    pytest.param(PODS, {**POD, "spec": {"containers": []}}, 422, "spec.containers: Required value", id="no containers"),
])
def test_wrong_input_is_refused_with_a_reason(control_plane: TestCluster, path: str, body: Any, code: int, told: str) -> None:
    media = "application/yaml" if body == b"a: b: c" else "application/json"
    answered, status = control_plane.request("POST", path, body, media)
    assert answered == code, status
    assert status["kind"] == "Status"
    assert status["code"] == code
    assert told in status["message"]


def test_a_deployment_becomes_pods_and_goes_with_all_of_them(control_plane: TestCluster) -> None:
    assert control_plane.request("POST", DEPLOYMENTS, a_deployment("web", 3))[0] == 201
    control_plane.until(f"{DEPLOYMENTS}/web", lambda one: one.get("status", {}).get("updatedReplicas") == 3)
    pods = control_plane.request("GET", f"{PODS}?labelSelector=app%3Dweb")[1]["items"]
    assert len(pods) == 3
    pending = control_plane.until(f"{PODS}/{pods[0]['metadata']['name']}", lambda one: bool(one["status"].get("conditions")))
    assert pending["status"]["conditions"][0]["message"] == "0/0 nodes are available: no nodes available to schedule pods."
    assert control_plane.request("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 1}}, "application/merge-patch+json")[0] == 200
    control_plane.until(f"{DEPLOYMENTS}/web", lambda one: one.get("status", {}).get("replicas") == 1)
    assert control_plane.request("DELETE", f"{DEPLOYMENTS}/web")[0] == 200
    everything_gone(control_plane, "app%3Dweb")


def everything_gone(cluster: TestCluster, selector: str) -> None:
    """Deletions are told by a watch from a list on."""
    left = {one["metadata"]["name"] for one in cluster.request("GET", f"{PODS}?labelSelector={selector}")[1]["items"]}
    deadline = time.monotonic() + 90
    while left:
        assert time.monotonic() < deadline, left
        left = {one["metadata"]["name"] for one in cluster.request("GET", f"{PODS}?labelSelector={selector}")[1]["items"]}


def test_a_namespace_takes_its_contents_with_it(control_plane: TestCluster) -> None:
    assert control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "gone"}})[0] == 201
    control_plane.request("POST", "/api/v1/namespaces/gone/configmaps", {"metadata": {"name": "c"}, "data": {"a": "b"}})
    assert control_plane.request("DELETE", "/api/v1/namespaces/gone")[0] == 200
    deadline = time.monotonic() + 90
    while control_plane.request("GET", "/api/v1/namespaces/gone")[0] != 404:
        assert time.monotonic() < deadline
    assert control_plane.request("GET", "/api/v1/namespaces/gone/configmaps/c")[0] == 404


def test_a_list_in_pages_is_one_snapshot(control_plane: TestCluster) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    for number in range(5):
        control_plane.request("POST", path, {"metadata": {"name": f"page-{number}", "labels": {"of": "pages"}}})
    first = control_plane.request("GET", f"{path}?limit=2&labelSelector=of%3Dpages")[1]
    control_plane.request("DELETE", f"{path}/page-4")
    names = [one["metadata"]["name"] for one in first["items"]]
    token = first["metadata"]["continue"]
    while token:
        page = control_plane.request("GET", f"{path}?limit=2&labelSelector=of%3Dpages&continue={token}")[1]
        names += [one["metadata"]["name"] for one in page["items"]]
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        token = page["metadata"].get("continue", "")
    assert names == [f"page-{number}" for number in range(5)]


def test_a_write_over_a_stale_version_conflicts(control_plane: TestCluster) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    made = control_plane.request("POST", path, {"metadata": {"name": "contested"}, "data": {"a": "1"}})[1]
    assert control_plane.request("PUT", f"{path}/contested", {**made, "data": {"a": "2"}})[0] == 200
    code, status = control_plane.request("PUT", f"{path}/contested", {**made, "data": {"a": "3"}})
    assert (code, status["reason"]) == (409, "Conflict")
    assert status["message"] == ('Operation cannot be fulfilled on configmaps "contested": the object has been modified; please apply '
                                 "your changes to the latest version and try again")


def test_while_etcd_does_not_answer_requests_say_so_and_go_on_afterwards(control_plane: TestCluster) -> None:
    etcd = control_plane.kill("etcd", signal.SIGSTOP)
    try:
        code, status = control_plane.request("GET", "/api/v1/namespaces/default/configmaps")
        assert (code, status["reason"]) == (503, "ServiceUnavailable")
        code, text = control_plane.request("GET", "/readyz?verbose")
        assert code == 503
        assert "[-]etcd failed" in text["text"]
    finally:
        control_plane.kill("etcd", signal.SIGCONT)
    deadline = time.monotonic() + 60
    while control_plane.request("GET", "/api/v1/namespaces/default/configmaps")[0] != 200:
        assert time.monotonic() < deadline
    assert etcd.is_alive


@pytest.mark.parametrize("component", ["scheduler", "controllers", "apiserver", "etcd"])
def test_a_killed_component_is_started_again_and_nothing_is_lost(control_plane: TestCluster, component: str) -> None:
    path, name = "/api/v1/namespaces/default/configmaps", f"before-{component}"
    code, made = control_plane.request("POST", path, {"metadata": {"name": name}})
    assert code == 201
    killed = control_plane.kill(component)
    deadline = time.monotonic() + 90
    while True:
        assert time.monotonic() < deadline
        try:
            code, found = control_plane.request("GET", f"{path}/{name}")
        except OSError:
            continue
        if code == 200:
            break
        assert code == 503, found
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    control_plane.process_of(component, besides=killed)


def test_up_again_is_fine_and_status_tells_what_runs(control_plane: TestCluster) -> None:
    again = control_plane.picokube("up")
    assert (again.returncode, "already running" in again.stdout) == (0, True)
    assert "apiserver" in control_plane.picokube("status").stdout


def test_down_leaves_no_process_and_up_finds_the_data_again() -> None:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,controllers,scheduler", name="data") as cluster:
        cluster.request("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}, "data": {"a": "b"}})
        pids = [one["pid"] for one in cluster.components().values()]
        assert cluster.picokube("down").returncode == 0
        assert [pid for pid in pids if identify(pid) is not None] == []
        up = cluster.picokube("up")
        assert up.returncode == 0, up.stdout + up.stderr
        assert cluster.request("GET", "/api/v1/namespaces/default/configmaps/kept")[1]["data"] == {"a": "b"}


def test_after_everything_was_killed_up_starts_again() -> None:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,controllers,scheduler", name="killed") as cluster:
        parent = cluster.cluster.parent()
        assert parent is not None
        pids = [one["pid"] for one in cluster.components().values()]
        subprocess.run(["kill", "-9", str(parent.pid), *map(str, pids)], check=True, timeout=10)
        deadline = time.monotonic() + 30
        while any(identify(pid) is not None for pid in (parent.pid, *pids)):
            assert time.monotonic() < deadline
        up = cluster.picokube("up")
        assert up.returncode == 0, up.stdout + up.stderr
        assert json.loads((cluster.cluster.run / "parent.json").read_text())["pid"] != parent.pid
