"""Endpoints, nodes that are lost, and what every namespace has, on a real etcd with hollow nodes."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from picokube.ready import connection
from tests.cluster import ROOT, TestCluster, running_cluster

Document = dict[str, Any]
NAMESPACE = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D"
NO_EXECUTE = ("node.kubernetes.io/unreachable", "NoExecute")
# A kubelet renews its Lease every ten seconds and a bit.
QUICKLY = ("--node-monitor-grace-period=14s", "--node-monitor-period=1s")


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--nodes", "2", *(f"--component-arg=controllers={one}" for one in QUICKLY)) as cluster:
        yield cluster


@contextmanager
def a_kubelet(cluster: TestCluster, name: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One more hollow node, whose process is the test's to kill."""
    found = cluster.cluster
    kubeconfig = found.kubeconfig(f"kubelet-{found.node_names()[0]}")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kubelet", f"--kubeconfig={kubeconfig}", f"--node-name={name}", "--node-ip=127.0.0.1", "--port=0",
             "--runtime=hollow", f"--root-dir={directory}", f"--cluster-cidr={found.settings.pod_cidr}",
             f"--service-cidr={found.settings.service_cidr}"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def a_deployment(name: str, replicas: int, **spec: Any) -> Document:
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]}], **spec}}}}


def a_service(name: str) -> Document:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]}}


def make(cluster: TestCluster, path: str, body: Document) -> Document:
    code, made = cluster.request("POST", path, body)
    assert code == 201, made
    return made


def until_list(cluster: TestCluster, path: str, is_so: Callable[[dict[str, Document]], bool]) -> dict[str, Document]:
    """Lists a collection and watches it from there on until it is as wanted, by name."""
    listed = cluster.request("GET", path)[1]
    found: dict[str, Document] = {one["metadata"]["name"]: one for one in listed["items"]}
    if is_so(found):
        return found
    api = connection(cluster.cluster, 95)
    try:
        query = f"watch=true&timeoutSeconds=90&resourceVersion={listed['metadata']['resourceVersion']}"
        api.request("GET", f"{path}{'&' if '?' in path else '?'}{query}")
        answer = api.getresponse()
        while line := answer.readline():
            event = json.loads(line)
            name = event["object"]["metadata"]["name"]
            found.pop(name, None)
            if event["type"] != "DELETED":
                found[name] = event["object"]
            if is_so(found):
                return found
    finally:
        api.close()
    raise AssertionError(f"{path} did not become as wanted; last seen: {json.dumps(found)[:3000]}")


def ready_addresses(slices: dict[str, Document]) -> set[str]:
    return {address for one in slices.values() for each in one.get("endpoints") or () if each["conditions"]["ready"]
            for address in each["addresses"]}


def test_a_service_s_endpoints_follow_its_pods(cluster: TestCluster) -> None:
    make(cluster, "/apis/apps/v1/namespaces/default/deployments", a_deployment("web", 3))
    service = make(cluster, f"{NAMESPACE}/services", a_service("web"))
    slices = until_list(cluster, f"{SLICES}web", lambda found: len(ready_addresses(found)) == 3)
    (one,) = slices.values()
    assert one["metadata"]["ownerReferences"][0]["uid"] == service["metadata"]["uid"]
    assert [port["port"] for port in one["ports"]] == [8080]
    endpoints = cluster.until(f"{NAMESPACE}/endpoints?fieldSelector=metadata.name%3Dweb", lambda one: bool(one.get("subsets"))
                              and len(one["subsets"][0].get("addresses", ())) == 3)
    assert {each["ip"] for each in endpoints["subsets"][0]["addresses"]} == ready_addresses(slices)
    scale = "/apis/apps/v1/namespaces/default/deployments/web/scale"
    assert cluster.request("PATCH", scale, {"spec": {"replicas": 120}}, "application/merge-patch+json")[0] == 200
    slices = until_list(cluster, f"{SLICES}web", lambda found: len(ready_addresses(found)) == 120)
    assert max(len(one["endpoints"]) for one in slices.values()) <= 100
    assert cluster.request("PATCH", scale, {"spec": {"replicas": 0}}, "application/merge-patch+json")[0] == 200
    left = until_list(cluster, f"{SLICES}web", lambda found: not any(one.get("endpoints") for one in found.values()))
    assert len(left) == 1
    assert cluster.request("DELETE", f"{NAMESPACE}/services/web")[0] == 200
    everything_is_gone(cluster, f"{SLICES}web")
    everything_is_gone(cluster, f"{NAMESPACE}/endpoints?fieldSelector=metadata.name%3Dweb")


def everything_is_gone(cluster: TestCluster, path: str) -> None:
    until_list(cluster, path, lambda found: not found)


def test_the_endpoints_of_the_service_kubernetes_are_the_api_server_s(cluster: TestCluster) -> None:
    for path in (f"{NAMESPACE}/endpoints/kubernetes", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"):
        assert cluster.request("GET", path)[1]["metadata"].get("generation", 1) == 1
    found = cluster.request("GET", f"{SLICES}kubernetes")[1]["items"]
    assert [one["metadata"]["name"] for one in found] == ["kubernetes"]


def test_every_namespace_has_the_root_ca_and_it_is_put_right(cluster: TestCluster) -> None:
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fresh"}})[0] == 201
    path = "/api/v1/namespaces/fresh/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt"
    made = cluster.until(path, lambda one: True)
    assert made["data"]["ca.crt"] == (cluster.cluster.pki / "ca.crt").read_text()
    changed = {**made, "data": {"ca.crt": "something else"}}
    assert cluster.request("PUT", "/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt", changed)[0] == 200
    cluster.until(path, lambda one: one["data"] == made["data"])
    assert cluster.request("DELETE", "/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt")[0] == 200
    cluster.until(path, lambda one: bool(one["metadata"]["uid"] != made["metadata"]["uid"]))


def test_a_job_goes_when_its_time_is_over(cluster: TestCluster) -> None:
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    job = make(cluster, jobs, {"metadata": {"name": "brief"}, "spec": {"ttlSecondsAfterFinished": 1, "suspend": True, "template": {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}})
    now = job["metadata"]["creationTimestamp"]
    done = [{"type": type, "status": "True", "lastTransitionTime": now} for type in ("SuccessCriteriaMet", "Complete")]
    code, answer = cluster.request("PATCH", f"{jobs}/brief/status", {"status": {
        "startTime": now, "completionTime": now, "conditions": done}}, "application/merge-patch+json")
    assert code == 200, answer
    everything_is_gone(cluster, f"{jobs}?fieldSelector=metadata.name%3Dbrief")


def test_a_lost_node_is_left_by_its_pods_and_taken_out_of_service(cluster: TestCluster, tmp_path: Path) -> None:
    nodes, pods = "/api/v1/nodes?fieldSelector=metadata.name%3Dlost", f"{NAMESPACE}/pods?labelSelector=app%3Dmoves"
    tolerations = [{"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
                   for name in ("unreachable", "not-ready")]
    with a_kubelet(cluster, "lost", tmp_path) as kubelet:
        cluster.until(nodes, lambda one: readiness(one) == "True" and not one["spec"].get("taints"))
        make(cluster, "/apis/apps/v1/namespaces/default/deployments", a_deployment("moves", 6, tolerations=tolerations))
        make(cluster, f"{NAMESPACE}/services", a_service("moves"))
        before = until_list(cluster, pods, lambda found: len(running(found)) == 6)
        assert any(one["spec"]["nodeName"] == "lost" for one in before.values())
        until_list(cluster, f"{SLICES}moves", lambda found: len(ready_addresses(found)) == 6)
        kubelet.kill()
        silent = cluster.until(nodes, lambda one: readiness(one) == "Unknown")
        assert {one["message"] for one in silent["status"]["conditions"]} == {"Kubelet stopped posting node status."}
        cluster.until(nodes, lambda one: NO_EXECUTE in {(taint["key"], taint["effect"]) for taint in one["spec"].get("taints", ())})
        after = until_list(cluster, pods, lambda found: len(running(found)) == 6 and all(
            one["spec"]["nodeName"] != "lost" for one in running(found)))
        slices = until_list(cluster, f"{SLICES}moves", lambda found: len(ready_addresses(found)) == 6)
        assert ready_addresses(slices) == {one["status"]["podIP"] for one in running(after)}
        assert {one["spec"]["nodeName"] for one in after.values() if "deletionTimestamp" in one["metadata"]} == {"lost"}
        out = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        taints = cluster.request("GET", "/api/v1/nodes/lost")[1]["spec"]["taints"]
        assert cluster.request("PATCH", "/api/v1/nodes/lost", {"spec": {"taints": [*taints, out]}}, "application/merge-patch+json")[0] == 200
        until_list(cluster, pods, lambda found: len(found) == 6 and all(one["spec"]["nodeName"] != "lost" for one in found.values()))
    assert cluster.request("DELETE", "/api/v1/nodes/lost")[0] == 200


def readiness(node: Document) -> str:
    return next((str(one["status"]) for one in node["status"].get("conditions", ()) if one["type"] == "Ready"), "")


def running(pods: dict[str, Document]) -> list[Document]:
    """Ready, and not on their way out."""
    return [one for one in pods.values() if "deletionTimestamp" not in one["metadata"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in one["status"].get("conditions", ()))]


def test_an_idle_cluster_writes_nothing_but_leases(cluster: TestCluster) -> None:
    """Every write has its revision: twenty in a row that are all Leases' leave no room for another. Each node has renewed by then."""
    api = connection(cluster.cluster, 95)
    last, in_a_row = 0, 0
    renewed: set[str] = set()
    try:
        api.request("GET", "/apis/coordination.k8s.io/v1/leases?watch=true&timeoutSeconds=90")
        answer = api.getresponse()
        while in_a_row < 20 and (line := answer.readline()):
            metadata = json.loads(line)["object"]["metadata"]
            revision = int(metadata["resourceVersion"])
            in_a_row = in_a_row + 1 if revision == last + 1 else 0
            renewed = renewed | {metadata["name"]} if in_a_row else set()
            last = revision
    finally:
        api.close()
    assert in_a_row == 20
    assert set(cluster.cluster.node_names()) <= renewed
