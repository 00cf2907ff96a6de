"""DaemonSets and ReplicationControllers on a whole cluster: real etcd, simulated nodes."""
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster, running_cluster

Document = dict[str, Any]
SETS, PODS = "/apis/apps/v1/namespaces/default/daemonsets", "/api/v1/namespaces/default/pods"
REVISIONS, CONTROLLERS = "/apis/apps/v1/namespaces/default/controllerrevisions", "/api/v1/namespaces/default/replicationcontrollers"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--nodes", "3", name="daemons") as running:
        yield running


def a_template(name: str, image: str = "i:1") -> Document:
    return {"metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image}]}}


def a_daemon_set(name: str, **spec: Any) -> Document:
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": a_template(name), **spec}}


def is_rolled_out(document: Document) -> bool:
    status = document.get("status") or {}
    desired = status.get("desiredNumberScheduled", 0)
    has_observed = status.get("observedGeneration", 0) >= document["metadata"]["generation"]
    return bool(has_observed and 0 < desired == status.get("updatedNumberScheduled") == status.get("numberAvailable"))


def active(cluster: TestCluster, name: str) -> list[Document]:
    found: list[Document] = cluster.request("GET", f"{PODS}?labelSelector=app%3D{name}")[1]["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def until_pods(cluster: TestCluster, name: str, nodes: list[str]) -> list[Document]:
    deadline = time.monotonic() + 60
    while True:
        found = active(cluster, name)
        if (on := sorted(pod["spec"].get("nodeName", "") for pod in found)) == nodes:
            return found
        assert time.monotonic() < deadline, on


def until_gone(cluster: TestCluster, path: str) -> None:
    deadline = time.monotonic() + 60
    while cluster.request("GET", path)[0] != 404:
        assert time.monotonic() < deadline


def nodes_of(cluster: TestCluster) -> list[str]:
    deadline = time.monotonic() + 60
    while len(found := cluster.request("GET", "/api/v1/nodes")[1]["items"]) < 3:
        assert time.monotonic() < deadline
    return sorted(node["metadata"]["name"] for node in found)


@pytest.mark.parametrize("rolling", [{"maxUnavailable": 1}, {"maxUnavailable": 0, "maxSurge": 1}], ids=["maxUnavailable", "maxSurge"])
def test_every_node_gets_a_pod_which_is_updated_and_rolled_back(cluster: TestCluster, rolling: Document) -> None:
    name = "surge" if "maxSurge" in rolling else "plain"
    path, nodes = f"{SETS}/{name}", nodes_of(cluster)
    code, made = cluster.request("POST", SETS, a_daemon_set(name, updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling}))
    assert code == 201, made
    cluster.until(path, is_rolled_out)
    before = until_pods(cluster, name, nodes)
    assert cluster.request("PATCH", path, {"spec": {"template": a_template(name, "i:2")}}, STRATEGIC)[0] == 200
    cluster.until(path, is_rolled_out)
    updated = until_pods(cluster, name, nodes)
    assert {pod["spec"]["containers"][0]["image"] for pod in updated} == {"i:2"}
    assert {pod["metadata"]["labels"]["pod-template-generation"] for pod in updated} == {"2"}
    assert not {pod["metadata"]["uid"] for pod in updated} & {pod["metadata"]["uid"] for pod in before}
    revisions = sorted((each for each in cluster.request("GET", REVISIONS)[1]["items"] if each["metadata"]["labels"]["app"] == name),
                       key=lambda each: int(each["revision"]))
    assert [each["revision"] for each in revisions] == [1, 2]
    assert cluster.request("PATCH", path, revisions[0]["data"], STRATEGIC)[0] == 200
    cluster.until(path, is_rolled_out)
    assert {pod["spec"]["containers"][0]["image"] for pod in until_pods(cluster, name, nodes)} == {"i:1"}
    assert cluster.request("GET", f"{REVISIONS}/{revisions[0]['metadata']['name']}")[1]["revision"] == 3
    assert cluster.request("DELETE", path)[0] == 200
    until_pods(cluster, name, [])


def test_a_cordoned_node_keeps_its_daemon_and_a_taint_sends_it_away(cluster: TestCluster) -> None:
    nodes = nodes_of(cluster)
    cluster.request("POST", SETS, a_daemon_set("tainted"))
    cluster.until(f"{SETS}/tainted", is_rolled_out)
    node = f"/api/v1/nodes/{nodes[0]}"
    assert cluster.request("PATCH", node, {"spec": {"unschedulable": True}}, MERGE)[0] == 200
    until_pods(cluster, "tainted", nodes)
    taint = {"key": "maintenance", "effect": "NoExecute"}
    cluster.request("PATCH", node, {"spec": {"unschedulable": None, "taints": [taint]}}, MERGE)
    cluster.until(f"{SETS}/tainted", lambda each: each["status"]["desiredNumberScheduled"] == 2)
    until_pods(cluster, "tainted", nodes[1:])
    cluster.request("PATCH", node, {"spec": {"taints": []}}, MERGE)
    cluster.until(f"{SETS}/tainted", lambda each: each["status"]["desiredNumberScheduled"] == 3 and is_rolled_out(each))
    until_pods(cluster, "tainted", nodes)
    cluster.request("DELETE", f"{SETS}/tainted")


def test_its_pods_are_bound_by_the_scheduler_to_the_node_they_are_made_for(cluster: TestCluster) -> None:
    nodes = nodes_of(cluster)
    cluster.request("POST", SETS, a_daemon_set("pinned"))
    for pod in until_pods(cluster, "pinned", nodes):
        terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert terms == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [pod["spec"]["nodeName"]]}]}]
        scheduled = next(each for each in pod["status"]["conditions"] if each["type"] == "PodScheduled")
        assert scheduled["status"] == "True"
    cluster.request("DELETE", f"{SETS}/pinned")


def test_a_killed_controller_manager_makes_no_second_pod(cluster: TestCluster) -> None:
    nodes = nodes_of(cluster)
    cluster.request("POST", SETS, a_daemon_set("killed"))
    cluster.kill("controllers")
    cluster.until(f"{SETS}/killed", is_rolled_out)
    until_pods(cluster, "killed", nodes)
    cluster.request("DELETE", f"{SETS}/killed")


def test_a_replication_controller_is_scaled_orphans_its_pods_and_adopts_them(cluster: TestCluster) -> None:
    document: Document = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "rc"}, "spec": {"replicas": 2, "template": a_template("rc")}}
    path = f"{CONTROLLERS}/rc"
    code, made = cluster.request("POST", CONTROLLERS, document)
    assert (code, made["spec"]["selector"]) == (201, {"app": "rc"}), made
    cluster.until(path, lambda each: each.get("status", {}).get("availableReplicas") == 2)
    code, scale = cluster.request("PATCH", f"{path}/scale", {"spec": {"replicas": 3}}, MERGE)
    assert (code, scale["spec"]["replicas"], scale["status"]["selector"]) == (200, 3, "app=rc")
    cluster.until(path, lambda each: each["status"].get("availableReplicas") == 3)
    before = {pod["metadata"]["uid"] for pod in active(cluster, "rc")}
    assert cluster.request("DELETE", path)[0] == 200            # of this kind, that orphans
    until_gone(cluster, path)
    assert {pod["metadata"]["uid"] for pod in active(cluster, "rc") if not pod["metadata"].get("ownerReferences")} == before
    document["spec"] |= {"replicas": 3}
    assert cluster.request("POST", CONTROLLERS, document)[0] == 201
    cluster.until(path, lambda each: each.get("status", {}).get("availableReplicas") == 3)
    assert {pod["metadata"]["uid"] for pod in active(cluster, "rc")} == before
    assert cluster.request("DELETE", f"{path}?propagationPolicy=Background")[0] == 200
    until_pods(cluster, "rc", [])
