"""The scheduler in a whole cluster of hollow nodes: what users see of its decisions."""
from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster, running_cluster

Document = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"


CONFIGURATION = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
podMaxBackoffSeconds: 2
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  plugins:
    score:
      disabled: [{name: "*"}]
      enabled: [{name: NodeResourcesFit}]
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu}]}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    file = tmp_path_factory.mktemp("scheduler") / "config.yaml"
    file.write_text(CONFIGURATION)
    with running_cluster("--runtime", "hollow", "--nodes", "3", "--component-arg", f"scheduler=--config={file}", name="sched") as cluster:
        cluster.until("/api/v1/namespaces/default/serviceaccounts", lambda one: one["metadata"]["name"] == "default")
        for number in (1, 2, 3):
            cluster.until(f"/api/v1/nodes/sched-{number}", is_ready)
        yield cluster


def is_ready(one: Document) -> bool:
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in one.get("status", {}).get("conditions", ()))


def create(cluster: TestCluster, name: str, labels: dict[str, str] | None = None, finalizers: tuple[str, ...] = (), **spec: Any) -> None:
    body = {"metadata": {"name": name, "labels": labels or {}, "finalizers": list(finalizers)},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "x"}], **spec}}
    code, answer = cluster.request("POST", PODS, body)
    assert code == 201, answer


def node_of(cluster: TestCluster, name: str) -> str:
    return str(cluster.until(f"{PODS}/{name}", is_ready)["spec"]["nodeName"])


def why_pending(cluster: TestCluster, name: str) -> str:
    pod = cluster.until(f"{PODS}/{name}", lambda one: bool(one["status"].get("conditions")))
    (condition,) = [one for one in pod["status"]["conditions"] if one["type"] == "PodScheduled"]
    assert condition["status"] == "False", pod
    return str(condition["message"])


def attempts_of(cluster: TestCluster, pod: str) -> list[Document]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(cluster.cluster.scheduler_socket))
        connection.sendall(f"GET /debug/attempts?pod=default/{pod} HTTP/1.1\r\nHost: scheduler\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    return list(json.loads(answer.partition(b"\r\n\r\n")[2])["attempts"])


def test_pods_that_want_to_be_apart_get_a_node_each_and_the_last_waits_for_one(cluster: TestCluster) -> None:
    alone: Document = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "alone"}}}]}}}
    for number in range(3):
        create(cluster, f"alone-{number}", {"app": "alone"}, **alone)
    nodes = [node_of(cluster, f"alone-{number}") for number in range(3)]
    assert sorted(nodes) == ["sched-1", "sched-2", "sched-3"]
    create(cluster, "alone-3", {"app": "alone"}, **alone)
    assert why_pending(cluster, "alone-3").startswith("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.")
    assert cluster.request("DELETE", f"{PODS}/alone-1")[0] == 200
    assert node_of(cluster, "alone-3") == nodes[1]
    last, *_, first = attempts_of(cluster, "alone-3")
    assert {name: one["refusedBy"] for name, one in first["nodes"].items()} == dict.fromkeys(sorted(nodes), "InterPodAffinity")
    assert (last["node"], sorted(last["nodes"])) == (nodes[1], sorted(nodes))


def test_a_pod_goes_where_its_company_is(cluster: TestCluster) -> None:
    near: Document = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "company"}}}]}}}
    create(cluster, "follower", **near)
    assert why_pending(cluster, "follower").startswith("0/3 nodes are available: 3 node(s) didn't match pod affinity rules.")
    create(cluster, "company", {"app": "company"}, nodeSelector={"kubernetes.io/hostname": "sched-2"})
    assert node_of(cluster, "follower") == "sched-2"


def asking_for(millis: int) -> Document:
    return {"nodeSelector": {"kubernetes.io/hostname": "sched-3"},
            "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": f"{millis}m"}}}]}


def test_a_pod_is_placed_by_the_profile_it_names(cluster: TestCluster) -> None:
    millis = 50 * int(cluster.request("GET", "/api/v1/nodes/sched-1")[1]["status"]["allocatable"]["cpu"])      # 5 %: less is no difference
    some: Document = {"schedulerName": "packer", "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": f"{millis}m"}}}]}
    create(cluster, "packed-0", **some)
    first = node_of(cluster, "packed-0")
    for number in (1, 2, 3):
        create(cluster, f"packed-{number}", **some)
        assert node_of(cluster, f"packed-{number}") == first
    told = cluster.until("/api/v1/namespaces/default/events?fieldSelector=reason%3DScheduled", lambda one: one["involvedObject"]["name"] == "packed-0")
    assert told["source"]["component"] == "packer"


def test_a_less_important_pod_makes_room(cluster: TestCluster) -> None:
    for name, value in (("minor", 10), ("major", 1000)):
        body = {"metadata": {"name": name}, "value": value}
        assert cluster.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", body)[0] == 201
    millis = 600 * int(cluster.request("GET", "/api/v1/nodes/sched-3")[1]["status"]["allocatable"]["cpu"])
    hold = "example.com/hold"
    create(cluster, "victim", finalizers=(hold,), priorityClassName="minor", **asking_for(millis))
    assert node_of(cluster, "victim") == "sched-3"
    create(cluster, "equal", priorityClassName="minor", **asking_for(millis))
    assert why_pending(cluster, "equal") == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are "
        "available: 1 Insufficient cpu, 2 Preemption is not helpful for scheduling.")
    create(cluster, "important", priorityClassName="major", **asking_for(millis))
    cluster.until(f"{PODS}/important", lambda one: one["status"].get("nominatedNodeName") == "sched-3")
    victim = cluster.until(f"{PODS}/victim", lambda one: "deletionTimestamp" in one["metadata"])
    (told,) = [one for one in victim["status"]["conditions"] if one["type"] == "DisruptionTarget"]
    assert (told["status"], told["reason"], told["message"]) == (
        "True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod")
    events = cluster.until("/api/v1/namespaces/default/events?fieldSelector=reason%3DPreempted", lambda one: one["reason"] == "Preempted")
    uid = cluster.request("GET", f"{PODS}/important")[1]["metadata"]["uid"]
    assert (events["involvedObject"]["name"], events["message"]) == ("victim", f"Preempted by pod {uid} on node sched-3")
    assert cluster.request("PATCH", f"{PODS}/victim", {"metadata": {"finalizers": None}}, "application/merge-patch+json")[0] == 200
    assert node_of(cluster, "important") == "sched-3"
    assert "nominatedNodeName" not in cluster.request("GET", f"{PODS}/important")[1]["status"], "it has arrived"
    assert cluster.request("GET", f"{PODS}/equal")[1]["spec"].get("nodeName") is None
