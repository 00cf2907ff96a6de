"""`picokube up` with real containers: the demo, as the README promises it."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picokube.processes import ProcessId, identify
from tests.cluster import ROOT, TestCluster, running_cluster

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="real containers need root")]
PODS = "/api/v1/namespaces/default/pods"
WEB = "/apis/apps/v1/namespaces/default/deployments/web"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    archive = tmp_path_factory.mktemp("image") / "web.tar"
    subprocess.run([sys.executable, "hack/make-image", str(archive)], cwd=ROOT, check=True, timeout=120)
    with running_cluster(name="e2e") as cluster:
        assert cluster.picokube("image", "import", str(archive)).returncode == 0
        applied = kubectl(cluster, "apply", "-f", "manifests/demo.yaml")
        assert applied.returncode == 0, applied.stderr
        cluster.until(WEB, lambda one: one.get("status", {}).get("availableReplicas") == 2)
        yield cluster
        node = cluster.cluster.node_directory("e2e-1")
        assert cluster.picokube("down").returncode == 0
        assert str(node) not in Path("/proc/mounts").read_text(), "down left mounts"
        assert "picokube-e2e" not in subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True, timeout=30).stdout


def kubectl(cluster: TestCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = f"--kubeconfig={cluster.cluster.kubeconfig('admin')}"
    return subprocess.run([sys.executable, "-m", "kubectl", config, *arguments], cwd=ROOT, env=cluster.environment, capture_output=True,
                          text=True, timeout=120, check=False)


def pods(cluster: TestCluster) -> list[dict[str, Any]]:
    return list(cluster.request("GET", f"{PODS}?labelSelector=app%3Dweb")[1]["items"])


def processes_of(pod: dict[str, Any]) -> list[ProcessId]:
    """The web servers whose host name is the pod's."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if b"httpd" in (one / "cmdline").read_bytes() and f"HOSTNAME={pod['metadata']['name']}".encode() in (one / "environ").read_bytes():
                found.append(identify(int(one.name)))
        except OSError:
            continue
    return [process for process in found if process is not None]


def test_the_web_server_answers_on_its_pod_ip(demo: TestCluster) -> None:
    for pod in pods(demo):
        with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/", timeout=10) as answer:
            assert answer.read() == b"Hello from picokube.\n"


def test_exec_runs_in_the_container_and_tells_its_exit_code(demo: TestCluster) -> None:
    name = pods(demo)[0]["metadata"]["name"]
    assert kubectl(demo, "exec", name, "--", "hostname").stdout == f"{name}\n"
    assert kubectl(demo, "exec", name, "--", "sh", "-c", "exit 3").returncode == 3


def test_a_killed_container_is_started_again_and_counted(demo: TestCluster) -> None:
    pod = pods(demo)[0]
    first, *more = processes_of(pod)
    assert not more
    os.kill(first.pid, signal.SIGKILL)
    again = demo.until(f"{PODS}/{pod['metadata']['name']}", lambda one: one["status"]["containerStatuses"][0]["restartCount"] == 1
                       and one["status"]["containerStatuses"][0]["ready"])
    assert again["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137


def test_pods_outlive_their_kubelet(demo: TestCluster) -> None:
    before = [processes_of(pod) for pod in pods(demo)]
    kubelet = demo.kill("kubelet-e2e-1")
    assert not kubelet.is_alive
    assert kubectl(demo, "scale", "deployment/web", "--replicas=3").returncode == 0
    demo.until(WEB, lambda one: one.get("status", {}).get("availableReplicas") == 3)
    running = [processes_of(pod) for pod in pods(demo)]
    assert all(processes in running for processes in before)
    assert all(len(processes) == 1 for processes in running)


def test_a_rollout_that_cannot_pull_says_so_and_is_undone(demo: TestCluster) -> None:
    assert kubectl(demo, "set", "image", "deployment/web", "web=localhost/picokube/nothing:1").returncode == 0
    demo.until(f"{PODS}?labelSelector=app%3Dweb", lambda one: any(
        status.get("state", {}).get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")
        for status in one.get("status", {}).get("containerStatuses", ())))
    assert kubectl(demo, "rollout", "undo", "deployment/web").returncode == 0
    done = kubectl(demo, "rollout", "status", "deployment/web", "--timeout=90s")
    assert "successfully rolled out" in done.stdout
