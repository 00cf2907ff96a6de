"""`hostUsers: false`: a pod whose root is nobody on the node, and whose files are its own nevertheless."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kubelet.runc.usernamespace import PLACE
from tests.e2e.kubelet.place import Place, can_run_pods, container, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
# Before Linux 6.3 volumes in memory have no mapping: a pod gets along without its token then (docs/limits.md).
MAPS_MEMORY = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3)
OWN: Document = {"hostUsers": False, **({} if MAPS_MEMORY else {"automountServiceAccountToken": False})}
DATA = {"name": "data", "mountPath": "/data"}


def users_of(pid: int) -> tuple[int, int, int]:
    """(first inside, first outside, how many)"""
    inside, outside, count = Path(f"/proc/{pid}/uid_map").read_text().split()
    return int(inside), int(outside), int(count)


def uid_of(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


def namespace(pid: int, kind: str) -> int:
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino


def test_root_in_the_pod_is_nobody_on_the_node(place: Place) -> None:
    pod = place.running("p", sleeper(), sleeper("second", securityContext={"runAsUser": 1000}), **OWN)
    other = place.running("other", sleeper(), **OWN)
    pids, (elsewhere, *_) = processes_of(pod), processes_of(other)
    inside, first, count = users_of(pids[0])
    assert (inside, count, first % 65536) == (0, 65536, 0) and first >= 65536
    assert {uid_of(pid) for pid in pids} == {first, first + 1000}
    assert {users_of(pid) for pid in pids} == {(0, first, 65536)} and len({namespace(pid, "user") for pid in pids}) == 1
    assert users_of(elsewhere)[1] != first, "each pod has users of its own"
    assert namespace(pids[0], "user") not in {namespace(elsewhere, "user"), namespace(os.getpid(), "user")}
    assert place.exec("p", "id", "-u", container="main") == "0\n"


def test_what_it_may_in_its_own_namespaces_and_not_on_the_node(place: Place) -> None:
    pod = place.running("p", sleeper(securityContext={"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN"]}}), **OWN)
    assert place.exec("p", "sh", "-c", "ip link set lo down && ip link set lo up && echo yes") == "yes\n"
    assert place.exec("p", "sh", "-c", "hostname other && hostname") == "other\n"
    assert "denied" in place.exec("p", "sh", "-c", "echo 1 >/proc/sys/kernel/panic 2>&1 || echo denied")
    assert place.exec("p", "sh", "-c", "echo x >/dev/shm/x && stat -c %u /dev/shm/x") == "0\n"
    assert pod["status"]["podIP"] in place.exec("p", "ip", "addr")


@pytest.mark.skipif(not MAPS_MEMORY, reason="this kernel, before 6.3, does not map users on tmpfs")
def test_files_are_its_own(place: Place) -> None:
    """In its image, in what it writes there, and in volumes; on the disk they belong to whom they belong inside."""
    place.create(f"/api/v1/namespaces/{place.namespace}/configmaps",
                 {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"key": "value"}})
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "fast", "emptyDir": {"medium": "Memory"}}, {"name": "config", "configMap": {"name": "c"}}]
    mounts = [DATA, {"name": "fast", "mountPath": "/fast"}, {"name": "config", "mountPath": "/config"}]
    pod = place.running("p", sleeper(volumeMounts=mounts), volumes=volumes, **OWN)
    first = users_of(processes_of(pod)[0])[1]
    script = ("touch /made /data/by-root /fast/by-root && chown 1000:1000 /data && cat /config/key && "
              "stat -c ' %u:%g' / /bin/sh /made /data /data/by-root /fast/by-root /etc/hosts /config/..data/key")
    assert place.exec("p", "sh", "-c", script).split() == ["value", "0:0", "0:0", "0:0", "1000:1000", "0:0", "0:0", "0:0", "0:0"]
    data = place.node_directory / "pods" / pod["metadata"]["uid"] / "volumes" / "kubernetes.io~empty-dir" / "data"
    assert (data.stat().st_uid, (data / "by-root").stat().st_uid) == (1000, 0)
    layers = list((place.node_directory / "runtime" / "containers").glob("*/upper/made"))
    assert [one.stat().st_uid for one in layers] == [first], "in its writable layer they are the node's"


@pytest.mark.parametrize("spec", [
    pytest.param({"shareProcessNamespace": True}, id="processes shared"),
    pytest.param({"initContainers": [shell("touch /data/x", "first", volumeMounts=[DATA])], "volumes": [{"name": "data", "emptyDir": {}}]}, id="init container"),
    pytest.param({"securityContext": {"runAsUser": 1000, "fsGroup": 2000}}, id="not root"),
])
def test_with_other_things_that_pods_do(place: Place, spec: Document) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    place.running("p", container("main", readinessProbe=probe), **OWN, **spec)
    assert "inside" in place.exec("p", "echo", "inside")


def test_a_successor_of_the_kubelet_knows_whose_users_are_taken(place: Place) -> None:
    first = users_of(processes_of(place.running("p", sleeper(), **OWN))[0])[1]
    component = f"kubelet-{place.node}"
    place.cluster.process_of(component, besides=place.cluster.kill(component))
    assert users_of(processes_of(place.running("next", sleeper(), **OWN))[0])[1] != first
    pod = place.cluster.request("GET", f"{place.pods}/p")[1]
    assert users_of(processes_of(pod)[0])[1] == first
    place.delete_all()
    assert users_of(processes_of(place.running("later", sleeper(), **OWN))[0])[1] <= first, "what is given back is given again"


def test_nothing_of_it_is_left(place: Place) -> None:
    pod = place.running("p", sleeper(volumeMounts=[DATA]), volumes=[{"name": "data", "emptyDir": {}}], **OWN)
    identifier = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    assert str(PLACE / identifier / "rootfs") in Path("/proc/mounts").read_text()
    place.delete_all()
    assert identifier not in Path("/proc/mounts").read_text() and not (PLACE / identifier).exists()


@pytest.mark.parametrize("field", ["hostNetwork", "hostPID", "hostIPC"])
def test_it_does_not_go_with_the_node_s_namespaces(place: Place, field: str) -> None:
    code, answer = place.cluster.request("POST", place.pods, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [container()], field: True, **OWN}})
    assert code == 422 and "when `hostUsers` is false" in answer["message"]
