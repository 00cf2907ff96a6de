"""Pods of a RuntimeClass that containerd runs, in a cluster whose other pods runc runs."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubelet.remotepods import remote_pods
from tests.cluster import ROOT
from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import SECONDS, Place, container, is_ready, processes_of, running_place, shell, sleeper
from tests.e2e.kubelet.test_streams import forwarded
from tests.e2e.runtime.containerd import NOTHING, Containerd, containerd, has_containerd

pytestmark = [pytest.mark.root, has_containerd]
Document = dict[str, Any]
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
MI = 1 << 20


@pytest.fixture(scope="module")
def found() -> Iterator[Containerd]:
    with containerd() as running:
        yield running


@pytest.fixture(scope="module")
def the_cluster(found: Containerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    endpoint = f"unix://{found.socket}"
    handlers = {"containerd": {"type": "cri", "endpoint": endpoint}, "strange": {"type": "cri", "endpoint": endpoint, "handler": "strange"}}
    directory = tmp_path_factory.mktemp("place")
    config = directory / "of-containerd.json"
    config.write_text(json.dumps({"apiVersion": "kubelet.picokube.io/v1", "kind": "RuntimeHandlers", "runtimeHandlers": handlers}))
    with running_place(directory, f"cd{os.getpid()}", runtime_handlers_config=str(config)) as place:
        for name in handlers:
            place.create(CLASSES, {"metadata": {"name": name}, "handler": name})
        yield place


@pytest.fixture
def place(the_cluster: Place, found: Containerd) -> Iterator[Place]:
    """Nothing of a test's pods stays with containerd, or with the node; pods that had ended are gone from the API before that."""
    with the_cluster.new_namespace() as made:
        yield made
    deadline = time.monotonic() + SECONDS
    while (left := (found.leftovers(), [*remote_pods(the_cluster.node_directory)])) != (NOTHING, []):
        assert time.monotonic() < deadline, left


def of(place: Place, name: str, *containers: Document, **spec: Any) -> Document:
    return place.running(name, *containers, runtimeClassName="containerd", **spec)


def main(pod: Document) -> Document:
    [status] = pod["status"]["containerStatuses"]
    return dict(status)


def exec_in(place: Place, *command: str, stdin: str = "", name: str = "p") -> subprocess.CompletedProcess[str]:
    config = f"--kubeconfig={place.cluster.cluster.kubeconfig('admin')}"
    return subprocess.run([sys.executable, "-m", "kubectl", config, "-n", place.namespace, "exec", *(["-i"] if stdin else []), name, "--", *command],
                          cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_a_pod_is_run_by_containerd(place: Place, found: Containerd) -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}}
    pod = of(place, "p", container(readinessProbe=probe, resources={"limits": {"memory": "32Mi", "cpu": "100m"}}))
    status = main(pod)
    assert status["containerID"].startswith("containerd://") and status["image"] == "localhost/picokube/web:1"
    assert status["containerID"].removeprefix("containerd://") in found.ctr("containers", "ls", "--quiet")
    assert pod["status"]["podIP"].startswith(f"10.253.{found.number}.") and is_ready(pod)
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/", timeout=SECONDS) as answer:
        assert answer.read() == b"Hello from picokube.\n"
    own = groups.path_of(pod, "main")
    assert (groups.milli_cpu_limit(own), groups.memory_limit(own)) == (100, 32 * MI)
    assert groups.memory_limit(groups.path_of(pod)) == 32 * MI
    hosts = exec_in(place, "cat", "/etc/hosts").stdout
    assert hosts.startswith("# Kubernetes-managed hosts file.") and f"{pod['status']['podIP']}\tp\n" in hosts


def test_logs_and_commands(place: Place) -> None:
    of(place, "p", shell("echo out; echo err >&2; trap exit TERM; while :; do sleep 1; done"))
    assert sorted(place.log().split()) == ["err", "out"]
    done = exec_in(place, "sh", "-c", "cat; echo told >&2; exit 3", stdin="typed")
    assert (done.stdout, "told" in done.stderr, done.returncode) == ("typed", True, 3)
    assert exec_in(place, "nothing-like-it").returncode == 127


def test_ports_are_forwarded(place: Place) -> None:
    of(place, "p")
    with forwarded(place, "pod/p", "8080") as (port, _), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=SECONDS) as answer:
        assert answer.read() == b"Hello from picokube.\n"


def test_ends_are_seen_and_answered(place: Place) -> None:
    pod = place.ended("p", shell("echo last words > /dev/termination-log; exit 3"), runtimeClassName="containerd")
    terminated = main(pod)["state"]["terminated"]
    assert (pod["status"]["phase"], terminated["exitCode"], terminated["reason"], terminated["message"]) == ("Failed", 3, "Error", "last words\n")
    place.pod("q", shell("test -e /tmp/x && sleep 1000; exit 1"), runtimeClassName="containerd")
    again = place.until("q", lambda one: any(status["restartCount"] for status in one["status"].get("containerStatuses", ())))
    assert main(again)["lastState"]["terminated"]["exitCode"] == 1
    place.until_event("BackOff", "Back-off restarting failed container main in pod q_", "q")


def test_what_takes_too_much_memory_is_killed(place: Place) -> None:
    pod = place.ended("p", shell("exec tail /dev/zero", resources={"limits": {"memory": "16Mi"}}), runtimeClassName="containerd")
    assert main(pod)["state"]["terminated"]["reason"] == "OOMKilled"


def test_init_containers_volumes_and_shared_processes(place: Place) -> None:
    volume = {"name": "v", "mountPath": "/v"}
    pod = of(place, "p", sleeper("main", volumeMounts=[volume]), sleeper("other"), shareProcessNamespace=True,
             initContainers=[shell("echo made > /v/file", "first", volumeMounts=[volume])], volumes=[{"name": "v", "emptyDir": {}}])
    assert place.exec("p", "cat", "/v/file", container="main") == "made\n"
    assert place.exec("p", "sh", "-c", "ls -d /proc/[0-9]* | wc -l", container="main").strip() >= "3"
    assert len(processes_of(pod)) >= 3


def test_the_container_runs_on_while_the_kubelet_is_gone(place: Place) -> None:
    before = main(of(place, "p", sleeper()))
    place.pod("short", shell("while ! test -e /tmp/end; do sleep 0.1; done; exit 7"), runtimeClassName="containerd", restartPolicy="Never")
    short = place.until("short", lambda one: one["status"].get("phase") == "Running")
    place.cluster.kill(f"kubelet-{place.node}")
    root = next(one for one in map(Path, (f"/proc/{pid}/root" for pid in processes_of(short))) if (one / "www").exists() and b"end" in (
        one.parent / "cmdline").read_bytes())
    (root / "tmp" / "end").touch()
    ended = place.until("short", lambda one: one["status"].get("phase") == "Failed")
    assert main(ended)["state"]["terminated"]["exitCode"] == 7
    assert place.exec("p", "echo", "here") == "here\n"
    after = main(place.cluster.request("GET", f"{place.pods}/p")[1])
    assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)


def test_containerd_may_die_and_come_again(place: Place, found: Containerd) -> None:
    before = main(of(place, "p", sleeper()))
    place.running("other", sleeper())
    found.stop(signal.SIGKILL)
    place.running("meanwhile", sleeper())                 # pods of the node's own runtime do not care
    place.pod("late", sleeper(), runtimeClassName="containerd")
    place.until_event("FailedCreatePodSandBox", "c.sock: RunPodSandbox", "late")
    found.start()
    assert place.exec("p", "echo", "here") == "here\n"
    place.until("late", is_ready)
    after = main(place.cluster.request("GET", f"{place.pods}/p")[1])
    assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)


def test_pods_that_were_deleted_while_the_kubelet_was_gone(place: Place, found: Containerd) -> None:
    of(place, "p", sleeper())
    place.cluster.kill(f"kubelet-{place.node}", signal.SIGSTOP)
    place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds=0")
    place.cluster.kill(f"kubelet-{place.node}")
    place.running("q", sleeper())
    place.cluster.request("DELETE", f"{place.pods}/q?gracePeriodSeconds=0")


def test_a_handler_that_containerd_does_not_have(place: Place) -> None:
    place.pod("p", sleeper(), runtimeClassName="strange")
    place.until_event("FailedCreatePodSandBox", 'failed to get sandbox runtime: no runtime for "strange" is configured')
    assert place.cluster.request("GET", f"{place.pods}/p")[1]["status"]["phase"] == "Pending"
