"""`picokube up --nodes 3`: node 1 on the machine, the others in network namespaces of their own."""
from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ROOT, TestCluster, running_cluster

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="real containers need root")]
NAME = "e2enodes"
PODS = "/api/v1/namespaces/default/pods"
UNKNOWN_SERVICE = 7


def traces() -> dict[str, list[str]]:
    """What a cluster of this name can leave on the machine."""
    def lines(*command: str) -> list[str]:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()

    roots = [str(one) for pattern in ("picokube/", "*/picokube/") for one in Path("/sys/fs/cgroup").glob(pattern + NAME)]
    return {"cgroups": roots, "links": [line for line in lines("ip", "-o", "link") if f"picokube/{NAME}/" in line],
            "namespaces": [line for line in lines("ip", "netns", "list") if NAME in line],
            "tables": [line for line in lines("nft", "list", "tables") if NAME in line],
            "routes": [line for line in lines("ip", "route") if "proto 117" in line],
            "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if NAME in line]}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    archive = tmp_path_factory.mktemp("image") / "web.tar"
    subprocess.run([sys.executable, "hack/make-image", str(archive)], cwd=ROOT, check=True, timeout=120)
    with running_cluster("--nodes", "3", name=NAME) as cluster:
        assert cluster.picokube("image", "import", str(archive)).returncode == 0
        for number in (1, 2, 3):
            assert cluster.request("POST", PODS, a_pod(number))[0] == 201
        for number in (1, 2, 3):
            cluster.until(f"{PODS}?fieldSelector=metadata.name%3Dweb-{number}", is_running)
        yield cluster
        before = set(traces()["routes"])
        assert cluster.picokube("down").returncode == 0
        left = traces()
        assert left | {"routes": []} == dict.fromkeys(left, [])
        assert before - set(left["routes"]), "down removed no route"


def a_pod(number: int) -> dict[str, Any]:
    container = {"name": "web", "image": "localhost/picokube/web:1"}
    return {"metadata": {"name": f"web-{number}"}, "spec": {
        "containers": [container], "nodeName": f"{NAME}-{number}", "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}]}}


def is_running(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def kubectl(cluster: TestCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = f"--kubeconfig={cluster.cluster.kubeconfig('admin')}"
    return subprocess.run([sys.executable, "-m", "kubectl", config, *arguments], cwd=ROOT, env=cluster.environment, capture_output=True,
                          text=True, timeout=120, check=False)


def address(cluster: TestCluster, number: int) -> str:
    return str(cluster.request("GET", f"{PODS}/web-{number}")[1]["status"]["podIP"])


def fetch(cluster: TestCluster, number: int, url: str) -> subprocess.CompletedProcess[str]:
    return kubectl(cluster, "exec", f"web-{number}", "--", "timeout", "5", "wget", "-q", "-O", "-", url)


def test_each_node_has_an_address_and_a_range_of_its_own(three: TestCluster) -> None:
    nodes = three.request("GET", "/api/v1/nodes")[1]["items"]
    assert len({node["spec"]["podCIDR"] for node in nodes}) == 3
    assert len({node["status"]["addresses"][0]["address"] for node in nodes}) == 3


@pytest.mark.parametrize("server", [1, 2, 3])
@pytest.mark.parametrize("client", [1, 2, 3])
def test_every_pod_reaches_every_other(three: TestCluster, client: int, server: int) -> None:
    assert fetch(three, client, f"http://{address(three, server)}:8080/").stdout


@pytest.mark.parametrize("server", [1, 2, 3])
def test_the_machine_reaches_every_pod(three: TestCluster, server: int) -> None:
    with urllib.request.urlopen(f"http://{address(three, server)}:8080/", timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("client", [1, 2, 3])
def test_addresses_that_nobody_has_are_refused_and_not_sent_out(three: TestCluster, client: int) -> None:
    services, pods = three.cluster.settings.service_cidr, three.cluster.settings.pod_cidr
    for unknown in (services.rpartition(".")[0] + f".{UNKNOWN_SERVICE}", pods.split(".0.0/")[0] + ".250.9"):
        refused = fetch(three, client, f"http://{unknown}/")
        assert refused.returncode == 1, f"{unknown}: {refused}"      # 143 is what timeout says of silence
        assert "refused" in refused.stderr or "No route to host" in refused.stderr


@pytest.mark.parametrize("number", [1, 2, 3])
def test_logs_come_from_each_nodes_kubelet(three: TestCluster, number: int) -> None:
    assert kubectl(three, "logs", f"web-{number}").returncode == 0
    assert kubectl(three, "exec", f"web-{number}", "--", "hostname").stdout == f"web-{number}\n"


def test_a_killed_kubelet_of_another_node_finds_its_pod_again(three: TestCluster) -> None:
    before = three.request("GET", f"{PODS}/web-2")[1]
    three.kill(f"kubelet-{NAME}-2")
    assert three.request("POST", PODS, a_pod(2) | {"metadata": {"name": "web-after"}})[0] == 201
    three.until(f"{PODS}?fieldSelector=metadata.name%3Dweb-after", is_running)
    after = three.request("GET", f"{PODS}/web-2")[1]
    assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]
    assert fetch(three, 1, f"http://{address(three, 2)}:8080/").stdout


def test_a_node_is_added_to_the_running_cluster_and_removed_again(three: TestCluster) -> None:
    before = {name: one["pid"] for name, one in three.components().items()}
    added = three.picokube("node", "add")
    assert (added.returncode, added.stdout) == (0, f"node {NAME}-4 is Ready\n"), added.stderr
    assert {name: one["pid"] for name, one in three.components().items() if name in before} == before
    listed = [line.split()[:2] for line in three.picokube("image", "list").stdout.splitlines()]
    assert [f"{NAME}-4", "localhost/picokube/web:1"] in listed, "images that were imported before a node was there are there, too"
    assert three.request("POST", PODS, a_pod(4))[0] == 201
    three.until(f"{PODS}?fieldSelector=metadata.name%3Dweb-4", is_running)
    assert fetch(three, 1, f"http://{address(three, 4)}:8080/").stdout

    removed = three.picokube("node", "rm", f"{NAME}-4")
    assert (removed.returncode, removed.stdout) == (0, f"node {NAME}-4 is gone\n"), removed.stderr
    assert three.request("GET", f"/api/v1/nodes/{NAME}-4")[0] == 404
    assert three.request("GET", f"{PODS}/web-4")[0] == 404
    assert not [line for one in traces().values() for line in one if f"{NAME}-4" in line]
    assert not three.cluster.node_directory(f"{NAME}-4").exists()
    again = three.picokube("node", "rm", f"{NAME}-4")
    assert again.returncode == 0, again.stderr
