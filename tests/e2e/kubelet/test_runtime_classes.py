"""RuntimeClasses: which runtime runs a pod, what its sandbox costs, and where it may run."""
from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import Place, can_run_pods, container, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
MI = 1 << 20


@pytest.fixture
def runtime_class(place: Place) -> Iterator[Any]:
    made: list[str] = []

    def make(handler: str, **fields: Any) -> str:
        name = f"{place.namespace}-{handler}"
        if name in made:
            return name
        place.create(CLASSES, {"metadata": {"name": name}, "handler": handler, **fields})
        made.append(name)
        return name
    yield make
    for name in made:
        place.cluster.request("DELETE", f"{CLASSES}/{name}")


def test_a_handler_names_the_runtime(place: Place, runtime_class: Any) -> None:
    pod = place.running("p", sleeper(), runtimeClassName=runtime_class("runc"))
    assert pod["status"]["containerStatuses"][0]["containerID"].startswith("runc://")


@pytest.mark.skipif(shutil.which("crun") is None, reason="crun is not installed")
def test_another_binary_runs_containers_as_well(place: Place, runtime_class: Any) -> None:
    pod = place.running("p", sleeper(resources={"limits": {"memory": "32Mi"}}), runtimeClassName=runtime_class("crun"))
    assert pod["status"]["containerStatuses"][0]["containerID"].startswith("crun://")
    assert groups.memory_limit(groups.path_of(pod, "main")) == 32 * MI
    assert place.exec("p", "sh", "-c", "echo $0 | tr a-z A-Z") == "SH\n"
    place.ended("q", shell("echo out; exit 3"), runtimeClassName=runtime_class("crun"))
    assert place.log("q") == "out\n"


def test_a_pod_can_be_pretended(place: Place, runtime_class: Any) -> None:
    pod = place.running("p", container("main", image="in.no.registry/x:1"), runtimeClassName=runtime_class("pretend"))
    assert pod["status"]["containerStatuses"][0]["containerID"].startswith("hollow://")
    assert not processes_of(pod) and "podIP" not in pod["status"]
    place.cluster.request("DELETE", f"{place.pods}/p")
    place.wait_gone("p")


def test_a_node_says_which_handlers_it_has(place: Place) -> None:
    node = place.cluster.request("GET", f"/api/v1/nodes/{place.node}")[1]
    assert {"", "runc", "pretend"} <= {one["name"] for one in node["status"]["runtimeHandlers"]}


def test_an_unknown_handler_makes_no_sandbox(place: Place, runtime_class: Any) -> None:
    place.pod("p", sleeper(), runtimeClassName=runtime_class("bogus"))
    place.until_event("FailedCreatePodSandBox", 'Failed to create pod sandbox: failed to get sandbox runtime: no runtime for "bogus" is configured')
    assert place.cluster.request("GET", f"{place.pods}/p")[1]["status"]["phase"] == "Pending"


def test_what_the_sandbox_costs_is_the_pod_s(place: Place, runtime_class: Any) -> None:
    name = runtime_class("runc", overhead={"podFixed": {"cpu": "50m", "memory": "16Mi"}})
    pod = place.running("p", sleeper(resources={"limits": {"cpu": "100m", "memory": "32Mi"}}), runtimeClassName=name)
    assert pod["spec"]["overhead"] == {"cpu": "50m", "memory": "16Mi"}
    whole, own = groups.path_of(pod), groups.path_of(pod, "main")
    assert (groups.milli_cpu_limit(whole), groups.memory_limit(whole)) == (150, 48 * MI)
    assert (groups.milli_cpu_limit(own), groups.memory_limit(own)) == (100, 32 * MI)


def test_overhead_counts_where_the_pod_is_to_fit(place: Place, runtime_class: Any) -> None:
    name = runtime_class("runc", overhead={"podFixed": {"cpu": "1000"}})
    place.pod("p", sleeper(), runtimeClassName=name)
    place.until_event("FailedScheduling", "Insufficient cpu")


def test_its_scheduling_is_the_pod_s_too(place: Place, runtime_class: Any) -> None:
    toleration = {"key": "special", "operator": "Exists", "effect": "NoSchedule"}
    name = runtime_class("runc", scheduling={"nodeSelector": {"special": "yes"}, "tolerations": [toleration]})
    pod = place.pod("p", sleeper(), runtimeClassName=name, nodeSelector={"kubernetes.io/os": "linux"})
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", "special": "yes"}
    assert toleration in pod["spec"]["tolerations"]
    place.until_event("FailedScheduling")


def test_there_must_be_such_a_class(place: Place) -> None:
    code, answer = place.cluster.request("POST", place.pods, {"metadata": {"name": "p"}, "spec": {
        "containers": [sleeper()], "runtimeClassName": "none"}})
    assert (code, answer["message"]) == (403, 'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found')
