"""`picokube node join` on a second machine: a network namespace on the cluster's bridge, with a directory of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubelet.network import create_node_namespace, delete_node_namespace
from tests.cluster import ROOT, TestCluster, running_cluster

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="real containers need root")]
NAME, FAR, NUMBER = "e2ejoin", "far", 77
PODS = "/api/v1/namespaces/default/pods"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    directory = tmp_path_factory.mktemp("far")
    subprocess.run([sys.executable, "hack/make-image", str(directory / "web.tar")], cwd=ROOT, check=True, timeout=120)
    with running_cluster("--nodes", "2", name=NAME) as cluster:
        space = create_node_namespace(NAME, NUMBER)
        try:
            kubelet = join(cluster, directory, space.path, space.address, space.gateway)
            try:
                cluster.until(f"/api/v1/nodes?fieldSelector=metadata.name%3D{FAR}", is_ready)
                assert cluster.request("POST", PODS, a_pod("far", FAR))[0] == 201
                assert cluster.request("POST", PODS, a_pod("near", f"{NAME}-1"))[0] == 201
                for name in ("far", "near"):
                    cluster.until(f"{PODS}?fieldSelector=metadata.name%3D{name}", is_running)
                cluster.until(REQUESTS, lambda one: one["spec"]["signerName"].endswith("/kubelet-serving") and bool(one["status"].get("certificate")))
                yield cluster
                assert kubectl(cluster, "delete", "pod", "far", "--timeout=60s").returncode == 0
            except BaseException:
                print((directory / "log").read_text()[-5000:])
                raise
            finally:
                kubelet.terminate()
                kubelet.wait(30)
        finally:
            from kubelet.runc.cleanup import cleanup_node
            cleanup_node(NAME, FAR, NUMBER, directory / "root")
            delete_node_namespace(NAME, NUMBER)


def join(cluster: TestCluster, directory: Path, namespace: str, address: str, gateway: str) -> subprocess.Popen[bytes]:
    """By the command that `node token` prints, with an image imported before."""
    told = cluster.picokube("node", "token")
    assert told.returncode == 0, told.stderr
    arguments = told.stdout.split()[3:]
    if cluster.cluster.settings.node_ip.startswith("127."):       # a machine without a network: its bridge is all there is
        arguments[1] = f"https://{gateway}:{cluster.cluster.settings.port}"
    picokube, root = [sys.executable, "-m", "picokube"], str(directory / "root")
    subprocess.run([*picokube, "image", "import", str(directory / "web.tar"), "--root-dir", root], cwd=ROOT, check=True, timeout=120)
    assert cluster.picokube("image", "import", str(directory / "web.tar")).returncode == 0
    command = ["nsenter", f"--net={namespace}", *picokube, "node", "join", *arguments, "--node-name", FAR, "--node-ip", address, "--root-dir", root]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def a_pod(name: str, node: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "localhost/picokube/web:1"}], "nodeName": node,
                                                 "terminationGracePeriodSeconds": 1}}


def is_ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions", []))


def is_running(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def kubectl(cluster: TestCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = f"--kubeconfig={cluster.cluster.kubeconfig('admin')}"
    return subprocess.run([sys.executable, "-m", "kubectl", config, *arguments], cwd=ROOT, env=cluster.environment, capture_output=True,
                          text=True, timeout=120, check=False)


def test_commands_reach_a_pod_of_the_joined_node(joined: TestCluster) -> None:
    told = kubectl(joined, "exec", "far", "--", "hostname")
    assert (told.returncode, told.stdout) == (0, "far\n"), told.stderr
    logs = kubectl(joined, "logs", "far")
    assert logs.returncode == 0, logs.stderr


@pytest.mark.parametrize(("client", "server"), [("far", "near"), ("near", "far")])
def test_pods_of_both_machines_reach_each_other(joined: TestCluster, client: str, server: str) -> None:
    address = joined.request("GET", f"{PODS}/{server}")[1]["status"]["podIP"]
    told = kubectl(joined, "exec", client, "--", "timeout", "10", "wget", "-q", "-O", "-", f"http://{address}:8080/")
    assert (told.returncode, bool(told.stdout)) == (0, True), told.stderr


def test_its_serving_certificate_was_approved_by_itself(joined: TestCluster) -> None:
    found = [one for one in joined.request("GET", REQUESTS)[1]["items"] if one["spec"]["signerName"] == "kubernetes.io/kubelet-serving"]
    assert [(one["spec"]["username"], one["status"]["conditions"][0]["reason"]) for one in found] == [(f"system:node:{FAR}", "AutoApproved")]
