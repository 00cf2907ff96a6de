"""kubectl 1.20, which asks for OpenAPI v2 in protobuf before anything else: Debian's kubernetes-client, unpacked and never installed."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import ROOT, TestCluster, running_cluster

DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/web"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("kubectl")
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        pytest.skip("kubectl 1.20 comes from Debian's packages: there is no apt-get here")
    fetched = subprocess.run(["apt-get", "download", "kubernetes-client"], cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    packages = list(directory.glob("*.deb"))
    if not packages:
        pytest.skip(f"Debian's kubernetes-client cannot be fetched: {fetched.stderr.strip()[:200]}")
    subprocess.run(["dpkg", "-x", packages[0], directory], check=True, timeout=60)
    return str(next(directory.glob("usr/bin/kubectl")))


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", name="old") as running:
        yield running


def run(old: str, cluster: TestCluster, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    cache = f"--cache-dir={cluster.cluster.run}/kubectl-cache"
    return subprocess.run([old, f"--kubeconfig={cluster.cluster.kubeconfig('admin')}", cache, *arguments], cwd=ROOT, input=stdin,
                          env={"PATH": os.environ["PATH"], "HOME": str(Path(cluster.environment["PICOKUBE_HOME"]))}, capture_output=True,
                          text=True, timeout=120, check=False)


def test_the_demo_is_applied_with_validation_rolled_out_and_deleted(old: str, cluster: TestCluster) -> None:
    applied = run(old, cluster, "apply", "-f", "manifests/demo.yaml")
    assert applied.stdout.splitlines() == ["configmap/web-page created", "deployment.apps/web created", "service/web created"], applied.stderr
    assert "unchanged" in run(old, cluster, "apply", "-f", "manifests/demo.yaml").stdout
    assert "successfully rolled out" in run(old, cluster, "rollout", "status", "deployment/web", "--timeout=60s").stdout
    assert run(old, cluster, "scale", "deployment/web", "--replicas=3").stdout == "deployment.apps/web scaled\n"
    assert run(old, cluster, "get", "deployment", "web", "-o", "jsonpath={.spec.replicas}").stdout == "3"
    assert run(old, cluster, "delete", "-f", "manifests/demo.yaml").returncode == 0


def test_unknown_fields_are_found_before_they_are_sent(old: str, cluster: TestCluster) -> None:
    refused = run(old, cluster, "apply", "-f", "-", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: q}\nbogus: 1\n")
    assert refused.returncode == 1
    assert 'unknown field "bogus" in io.k8s.api.core.v1.ConfigMap' in refused.stderr


@pytest.mark.parametrize("arguments", [("namespace", "made"), ("deployment", "made", "--image=x"), ("configmap", "made", "--from-literal=a=b")])
def test_objects_are_created_from_flags(old: str, cluster: TestCluster, arguments: tuple[str, ...]) -> None:
    assert run(old, cluster, "create", *arguments).stdout.endswith("/made created\n")


def test_fields_are_explained(old: str, cluster: TestCluster) -> None:
    assert "containers\t<[]Object> -required-" in run(old, cluster, "explain", "pod.spec").stdout
