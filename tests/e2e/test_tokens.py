"""What a real container finds of its ServiceAccount, and what the API server says to it."""
from __future__ import annotations

import json
import runpy
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import ROOT, TestCluster, running_cluster
from tests.e2e.runtime.node import can_run_pods

pytestmark = [pytest.mark.root, can_run_pods]
DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TestCluster]:
    archive = tmp_path / "web.tar"
    runpy.run_path(str(ROOT / "hack" / "make-image"))["write"](archive)
    with running_cluster(name="mounted") as cluster:
        assert cluster.picokube("image", "import", str(archive)).returncode == 0
        yield cluster
        assert cluster.picokube("down").returncode == 0
        assert str(cluster.cluster.data) not in Path("/proc/mounts").read_text()


def test_a_container_finds_a_token_that_speaks_for_its_pod(cluster: TestCluster) -> None:
    """The authority's certificate is the one that this server's is signed with."""
    cluster.until("/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt", lambda one: bool(one["data"]["ca.crt"]))
    pods = "/api/v1/namespaces/default/pods"
    code, made = cluster.request("POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [
        {"name": "c", "image": "localhost/picokube/web:1", "imagePullPolicy": "Never"}]}})
    assert code == 201, made
    pod = cluster.until(f"{pods}?fieldSelector=metadata.name%3Dp", lambda one: one["status"].get("phase") == "Running")

    def read(name: str) -> str:
        printed = cluster.picokube("kubectl", "--name", "mounted", "exec", "p", "--", "cat", f"{DIRECTORY}/{name}")
        assert printed.returncode == 0, printed.stderr
        return printed.stdout

    assert read("namespace") == "default"
    authority = read("ca.crt")
    assert authority == (cluster.cluster.pki / "ca.crt").read_text()
    request = urllib.request.Request(f"{cluster.cluster.server}/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}",
                                     {"Authorization": f"Bearer {read('token')}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30, context=ssl.create_default_context(cadata=authority)) as answer:
        user = json.loads(answer.read())["status"]["userInfo"]
    assert user["username"] == "system:serviceaccount:default:default"
    assert user["extra"]["authentication.kubernetes.io/pod-uid"] == [pod["metadata"]["uid"]]
    assert user["extra"]["authentication.kubernetes.io/node-name"] == ["mounted-1"]
