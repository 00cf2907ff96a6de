"""Pods that have to go: those that wrote more than they may, and those on a node that is short of something (it only thinks so)."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubelet.place import Place, can_run_pods, is_ready, processes_of, running_place, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
MI = 1 << 20
IDLE = "trap exit TERM; while :; do sleep 1; done"
SMALL = {"limits": {"ephemeral-storage": "1Mi"}}


def writes(path: str, name: str = "main", megabytes: int = 3, **fields: Any) -> Document:
    return shell(f"dd if=/dev/zero of={path} bs=1048576 count={megabytes} 2>/dev/null; {IDLE}", name, **fields)


def evicted(place: Place, name: str) -> Document:
    return place.until(name, lambda pod: pod["status"].get("reason") == "Evicted")


CACHE = {"name": "cache", "mountPath": "/cache"}


@pytest.mark.parametrize(("containers", "volumes", "message"), [
    pytest.param([writes("/file", resources=SMALL), sleeper("second", resources={"limits": {"ephemeral-storage": "1Gi"}})], [],
                 'Container main exceeded its local ephemeral storage limit "1Mi". ', id="its writable layer"),
    pytest.param([shell(f"dd if=/dev/zero bs=1024 count=40 2>/dev/null | tr '\\0' x; {IDLE}",
                        resources={"limits": {"ephemeral-storage": "32Ki"}}),
                  sleeper("second", resources={"limits": {"ephemeral-storage": "1Gi"}})], [],
                 'Container main exceeded its local ephemeral storage limit "32Ki". ', id="its log"),
    pytest.param([writes("/cache/file", resources=SMALL, volumeMounts=[CACHE])], [{"name": "cache", "emptyDir": {}}],
                 "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ", id="its emptyDir"),
    pytest.param([writes("/cache/file", volumeMounts=[CACHE])], [{"name": "cache", "emptyDir": {"sizeLimit": "1Mi"}}],
                 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ', id="a sizeLimit"),
])
def test_who_writes_more_than_it_may_is_evicted(place: Place, containers: list[Document], volumes: list[Document], message: str) -> None:
    pod = place.pod("p", *containers, volumes=volumes)
    ended = evicted(place, "p")
    assert (ended["status"]["phase"], ended["status"]["message"]) == ("Failed", message)
    assert place.until_event("Evicted")["message"] == message
    assert processes_of(pod) == []
    assert all(one["state"]["terminated"]["exitCode"] in (0, 137, 143) for one in ended["status"]["containerStatuses"])


def test_what_an_evicted_pod_held_is_free_and_a_successor_of_the_kubelet_leaves_its_status_alone(place: Place) -> None:
    pod = place.pod("p", writes("/cache/file", resources=SMALL, volumeMounts=[CACHE]), volumes=[{"name": "cache", "emptyDir": {}}])
    ended = evicted(place, "p")
    component = f"kubelet-{place.node}"
    place.cluster.process_of(component, besides=place.cluster.kill(component))
    place.running("next")
    assert not (place.node_directory / "pods" / pod["metadata"]["uid"]).exists(), "though the pod is not deleted"
    assert place.cluster.request("GET", f"{place.pods}/p")[1]["status"] == ended["status"]


def test_who_keeps_within_its_limits_stays(place: Place) -> None:
    in_memory = {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}
    place.running("p", writes("/cache/file", resources=SMALL, volumeMounts=[CACHE]), volumes=[in_memory])
    place.pod("greedy", writes("/file", resources=SMALL))
    evicted(place, "greedy")
    assert is_ready(place.cluster.request("GET", f"{place.pods}/p")[1])


# --- a node that is short of something

class Node:
    """Its kubelet is started anew with other thresholds."""

    def __init__(self, place: Place, file: Path) -> None:
        self.place, self._file = place, file

    @staticmethod
    def write(file: Path, hard: dict[str, str]) -> None:
        fields = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "evictionPressureTransitionPeriod": "1s",
                  "evictionHard": hard}
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(fields))
        temporary.rename(file)

    def lacks(self, **percents: str) -> None:
        self.write(self._file, {signal.replace("_", "."): amount for signal, amount in percents.items()})
        component = f"kubelet-{self.place.node}"
        self.place.cluster.process_of(component, besides=self.place.cluster.kill(component))

    def until(self, condition: str, status: str) -> Document:
        """The condition, once it is so."""
        def found(node: Document) -> Document:
            return next((one for one in node["status"]["conditions"] if one["type"] == condition), {})
        node = self.place.cluster.until(f"/api/v1/nodes?fieldSelector=metadata.name%3D{self.place.node}", lambda one: found(one).get("status") == status)
        return found(node)

    def until_taint(self, key: str, *, is_there: bool) -> None:
        self.place.cluster.until(f"/api/v1/nodes?fieldSelector=metadata.name%3D{self.place.node}",
                                 lambda one: any(taint["key"] == key for taint in one["spec"].get("taints", ())) is is_there)


@pytest.fixture(scope="module")
def short_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("short")
    Node.write(directory / "config.yaml", {})
    with running_place(directory, "klev", config=str(directory / "config.yaml")) as place:
        yield Node(place, directory / "config.yaml")


@pytest.fixture
def node(short_node: Node) -> Iterator[Node]:
    with short_node.place.new_namespace() as place:
        yield Node(place, short_node._file)
    short_node.lacks()
    for condition in ("MemoryPressure", "DiskPressure", "PIDPressure"):
        short_node.until(condition, "False")


def disrupted(pod: Document) -> tuple[str, str]:
    found = next(one for one in pod["status"]["conditions"] if one["type"] == "DisruptionTarget")
    return found["status"], found["reason"]


def test_memory_pressure(node: Node) -> None:
    place = node.place
    place.running("besteffort", sleeper())
    place.running("critical", sleeper(), priorityClassName="system-node-critical")
    node.lacks(memory_available="99.9%")
    ended = evicted(place, "besteffort")
    assert ended["status"]["phase"] == "Failed" and disrupted(ended) == ("True", "TerminationByKubelet")
    message = ended["status"]["message"]
    assert message.startswith("The node was low on resource: memory. Threshold quantity: ") and ", available: " in message
    assert "Container main was using " in message and message.endswith(", request is 0, has larger consumption of memory. ")
    condition = node.until("MemoryPressure", "True")
    assert (condition["reason"], condition["message"]) == ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
    node.until_taint("node.kubernetes.io/memory-pressure", is_there=True)
    place.pod("late", nodeName=place.node)
    refused = evicted(place, "late")
    assert refused["status"]["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert is_ready(place.cluster.request("GET", f"{place.pods}/critical")[1])
    node.lacks()
    assert node.until("MemoryPressure", "False")["reason"] == "KubeletHasSufficientMemory"
    node.until_taint("node.kubernetes.io/memory-pressure", is_there=False)


def test_disk_pressure(node: Node) -> None:
    place = node.place
    place.running("small", sleeper())
    place.running("large", writes("/file"))
    node.lacks(nodefs_available="99.9%")
    message = evicted(place, "large")["status"]["message"]
    assert message.startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
    assert "Container main was using 3" in message and "has larger consumption of ephemeral-storage. " in message
    assert node.until("DiskPressure", "True")["reason"] == "KubeletHasDiskPressure"
    node.until_taint("node.kubernetes.io/disk-pressure", is_there=True)
    events = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.kind%3DNode"
    place.cluster.until(events, lambda one: (one["reason"], one["message"]) == ("EvictionThresholdMet", "Attempting to reclaim ephemeral-storage"))
    place.cluster.until(events, lambda one: one["message"] == f"Node {place.node} status is now: NodeHasDiskPressure")
    evicted(place, "small")


def test_pid_pressure(node: Node) -> None:
    place = node.place
    place.running("important", sleeper(), priority=None)
    node.lacks(pid_available="99.9%")
    assert evicted(place, "important")["status"]["message"].startswith("The node was low on resource: pids. Threshold quantity: ")
    condition = node.until("PIDPressure", "True")
    assert (condition["reason"], condition["message"]) == ("KubeletHasInsufficientPID", "kubelet has insufficient PID available")
