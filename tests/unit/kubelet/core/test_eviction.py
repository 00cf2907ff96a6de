"""Who has to leave a node that is short of something, and what is said to them."""
from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.quantity import Format, Quantity
from kubelet.cri import ContainerStatus
from kubelet.eviction import ranking
from kubelet.eviction.observe import Observer, disk_usage, memory, observe_node
from kubelet.eviction.thresholds import Observation, parse_thresholds
from kubelet.eviction.usage import ContainerUsage, DiskUsage, PodUsage, excess, is_limited
from kubelet.hollow import HollowRuntime
from kubelet.podfiles import PodDirectory, log_directory
from tests.unit.kubelet.core.builders import UID, a_container, a_pod, ended, running

MI = 1 << 20
STORAGE = "ephemeral-storage"


def limited(name: str = "c", limit: str = "1Mi") -> Any:
    return a_container(name, resources={"limits": {STORAGE: limit}})


def cache(limit: str = "1Mi", **fields: Any) -> dict[str, Any]:
    return {"name": "cache", "emptyDir": {"sizeLimit": limit, **fields}}


def used(volumes: int = 0, **containers: int) -> PodUsage:
    return PodUsage({name: ContainerUsage(DiskUsage(size, 1)) for name, size in containers.items()}, {"cache": DiskUsage(volumes, 1)})


@pytest.mark.parametrize(("pod", "usage", "message"), [
    pytest.param(a_pod([limited()]), used(c=MI), "", id="exactly its limit"),
    pytest.param(a_pod([limited(), a_container("d")]), used(c=MI, d=1),
                 "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ", id="all of its containers together"),
    pytest.param(a_pod([limited(), limited("d", "2Mi")]), used(c=MI + 1),
                 'Container c exceeded its local ephemeral storage limit "1Mi". ', id="one container, within the pod's sum"),
    pytest.param(a_pod([limited(), limited("d", "2M")]), used(c=MI, d=3 * MI),
                 "Pod ephemeral local storage usage exceeds the total limit of containers 3048576. ", id="the sum in the first's format"),
    pytest.param(a_pod([limited()], volumes=[cache("5Mi")]), used(MI, c=1),
                 "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ", id="its volumes count"),
    pytest.param(a_pod(volumes=[cache()]), used(MI + 1), 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ', id="an emptyDir"),
    pytest.param(a_pod(volumes=[cache()]), used(MI), "", id="an emptyDir that is full"),
    pytest.param(a_pod(volumes=[cache("0")]), used(MI), "", id="no limit of an emptyDir"),
    pytest.param(a_pod(), used(5 * MI, c=5 * MI), "", id="no limits"),
])
def test_what_a_pod_has_too_much_of(pod: Pod, usage: PodUsage, message: str) -> None:
    assert excess(pod, usage) == message


@pytest.mark.parametrize(("pod", "is_so"), [
    pytest.param(a_pod(), False, id="no limits"), pytest.param(a_pod([limited()]), True, id="a container's limit"),
    pytest.param(a_pod(volumes=[cache()]), True, id="an emptyDir's"), pytest.param(a_pod(volumes=[cache(medium="Memory")]), False, id="memory's"),
])
def test_only_pods_with_limits_need_to_be_measured(pod: Pod, is_so: bool) -> None:
    assert is_limited(pod) is is_so


def candidate(name: str, priority: int = 0, memory: str = "0") -> Pod:
    return a_pod([a_container(resources={"requests": {"memory": memory}})], name=name, uid=name, priority=priority)


def uses(size: int) -> PodUsage:
    return PodUsage({"c": ContainerUsage(DiskUsage(size, size), size)}, processes=size)


@pytest.mark.parametrize(("resource", "pods", "usage", "order"), [
    pytest.param("memory", [candidate("within", memory="10Mi"), candidate("beyond", memory="1Mi")], {"within": 9 * MI, "beyond": 2 * MI},
                 ["beyond", "within"], id="who has more than it asked for"),
    pytest.param("memory", [candidate("important", 5), candidate("not")], {"important": 9 * MI, "not": MI}, ["not", "important"], id="priority"),
    pytest.param("memory", [candidate("small"), candidate("large")], {"small": MI, "large": 9 * MI}, ["large", "small"], id="usage"),
    pytest.param("memory", [candidate("a", memory="8Mi"), candidate("b", memory="1Mi")], {"a": 9 * MI, "b": 3 * MI}, ["b", "a"],
                 id="usage beyond what was asked for"),
    pytest.param("memory", [candidate("known"), candidate("unknown", 9)], {"known": 9 * MI}, ["unknown", "known"], id="unknown first"),
    pytest.param("pids", [candidate("many", 1), candidate("few")], {"many": 100, "few": 1}, ["few", "many"], id="processes by priority"),
    pytest.param("pids", [candidate("few"), candidate("many")], {"many": 100, "few": 1}, ["many", "few"], id="then by number"),
    pytest.param("ephemeral-storage", [candidate("small"), candidate("large")], {"small": 1, "large": 2}, ["large", "small"], id="disk"),
    pytest.param("inodes", [candidate("small"), candidate("large")], {"small": 1, "large": 2}, ["large", "small"], id="files"),
])
def test_who_goes_first(resource: str, pods: list[Pod], usage: dict[str, int], order: list[str]) -> None:
    found = ranking.ranked(pods, {uid: uses(size) for uid, size in usage.items()}, resource)
    assert [one.metadata.name for one in found] == order


@pytest.mark.parametrize(("pod", "is_so"), [
    pytest.param(a_pod(priority=2_000_000_000), True, id="system-cluster-critical"), pytest.param(a_pod(priority=1_999_999_999), False, id="less"),
    pytest.param(a_pod(metadata={"annotations": {"kubernetes.io/config.source": "file"}}), True, id="static"),
    pytest.param(a_pod(metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}), True, id="a static pod's mirror"),
    pytest.param(a_pod(metadata={"annotations": {"kubernetes.io/config.source": "api"}}), False, id="from the API"),
])
def test_who_never_goes(pod: Pod, is_so: bool) -> None:
    assert ranking.is_critical(pod) is is_so


LOW_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "


@pytest.mark.parametrize(("pod", "usage", "message"), [
    pytest.param(candidate("p", memory="1Mi"), uses(3 * MI), f"{LOW_MEMORY}Container c was using 3Mi, request is 1Mi, has larger consumption of memory. ",
                 id="more than it asked for"),
    pytest.param(candidate("p"), uses(3000), f"{LOW_MEMORY}Container c was using 3000, request is 0, has larger consumption of memory. ",
                 id="asked for nothing"),
    pytest.param(candidate("p", memory="4Mi"), uses(3 * MI), LOW_MEMORY, id="less than it asked for"),
    pytest.param(candidate("p"), None, LOW_MEMORY, id="nothing is known"),
    pytest.param(a_pod(name="whole", resources={"requests": {"memory": "1Mi"}}), uses(2 * MI),
                 f"{LOW_MEMORY}Pod whole was using 2Mi, request is 1Mi, has larger consumption of memory. "
                 "Container c was using 2Mi, request is 0, has larger consumption of memory. ", id="what the pod as a whole asked for"),
])
def test_what_is_said(pod: Pod, usage: PodUsage | None, message: str) -> None:
    seen = {"memory.available": Observation(Quantity.of(50 * MI, Format.BINARY_SI), Quantity.of(1000 * MI, Format.BINARY_SI))}
    assert ranking.message(pod, usage, "memory", parse_thresholds({"memory.available": "100Mi"}, {}, {}, {}), seen) == message


# --- measured

def test_a_tree_counts_what_it_takes_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    empty = disk_usage(tmp_path)
    (tmp_path / "deep" / "er" / "file").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "deep" / "er" / "file", tmp_path / "link")
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "to-elsewhere").symlink_to("/usr")
    found = disk_usage(tmp_path)
    assert 100_000 <= found.bytes - empty.bytes < 200_000, "hard links once, holes not at all, links not followed"
    assert (empty.inodes, found.inodes - empty.inodes) == (3, 3)


def test_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert disk_usage(tmp_path / "gone") == DiskUsage()


def test_what_the_machine_has_left(tmp_path: Path) -> None:
    seen = memory("MemTotal:  1000 kB\nMemFree:  100 kB\nInactive:  500 kB\nInactive(file):  50 kB\nHugePages_Total:   0\n")
    assert (str(seen.available), str(seen.capacity)) == ("150Ki", "1000Ki")
    (tmp_path / "images").mkdir()
    observed = observe_node(tmp_path)
    assert {"memory.available", "nodefs.available", "imagefs.available", "pid.available"} <= observed.keys()
    assert all(Quantity.of(0) < one.available <= one.capacity for one in observed.values())


def test_pods_are_measured_where_their_things_lie(tmp_path: Path) -> None:
    """Their running containers' layers and logs, and their emptyDirs on the disk, but not those in memory."""
    layer, pod = tmp_path / "layer", a_pod(volumes=[{"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory"}}])
    volumes = PodDirectory(tmp_path, UID)
    for number, directory in enumerate((layer, log_directory(tmp_path, pod) / "c", volumes.volume("empty-dir", "disk"),
                                        volumes.volume("empty-dir", "memory")), 1):
        directory.mkdir(parents=True)
        (directory / "file").write_bytes(b"x" * number * MI)

    class Runtime(HollowRuntime):
        async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> list[ContainerStatus]:
            return [running("c", writable_layer=str(layer)), ended("init")]

    observer = Observer(tmp_path, Runtime(), lambda pod: 0)
    usage = asyncio.run(observer.disk([pod]))[UID]
    assert {name: one.disk.bytes // MI for name, one in usage.containers.items()} == {"c": 3}
    assert {name: one.bytes // MI for name, one in usage.volumes.items()} == {"disk": 3}
    assert usage.disk.bytes // MI == 6
