"""kubectl run -i, attach and cp against real containers: what goes in comes out, and exit codes arrive."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ROOT, TestCluster, running_cluster

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="real containers need root")]
PODS, IMAGE = "/api/v1/namespaces/default/pods", "localhost/picokube/web:1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    archive = tmp_path_factory.mktemp("image") / "web.tar"
    subprocess.run([sys.executable, "hack/make-image", str(archive)], cwd=ROOT, check=True, timeout=120)
    with running_cluster(name="e2estreams") as found:
        assert found.picokube("image", "import", str(archive)).returncode == 0
        yield found


def kubectl(cluster: TestCluster, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    config = f"--kubeconfig={cluster.cluster.kubeconfig('admin')}"
    return subprocess.run([sys.executable, "-m", "kubectl", config, *arguments], cwd=ROOT, env=cluster.environment, capture_output=True,
                          text=True, timeout=120, check=False, input=stdin)


def names(cluster: TestCluster) -> set[str]:
    """Of pods that nobody has deleted."""
    return {one["metadata"]["name"] for one in cluster.request("GET", PODS)[1]["items"] if "deletionTimestamp" not in one["metadata"]}


def test_run_passes_its_input_on_and_leaves_nothing(cluster: TestCluster) -> None:
    told = kubectl(cluster, "run", "cat", f"--image={IMAGE}", "-i", "--rm", "--restart=Never", "--command", "--", "cat", stdin="hello\n")
    assert (told.returncode, told.stdout) == (0, 'hello\npod "cat" deleted from default namespace\n'), told.stderr
    assert "cat" not in names(cluster)


@pytest.mark.parametrize("code", [0, 7])
def test_run_exits_as_its_container_does(cluster: TestCluster, code: int) -> None:
    name = f"exits-{code}"
    told = kubectl(cluster, "run", name, f"--image={IMAGE}", "-i", "--rm", "-q", "--restart=Never", "--command", "--", "sh", "-c",
                   f"read line; echo got $line; exit {code}", stdin="x\n")
    assert (told.returncode, told.stdout) == (code, "got x\n"), told.stderr
    assert name not in names(cluster)


def test_run_tells_what_a_container_wrote_that_ended_at_once(cluster: TestCluster) -> None:
    told = kubectl(cluster, "run", "short", f"--image={IMAGE}", "--attach", "--restart=Never", "--command", "--", "echo", "done")
    assert (told.returncode, told.stdout) == (0, "done\n"), told.stderr
    assert "short" in names(cluster)


def a_pod(name: str, *command: str, **container: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [
        {"name": "c", "image": IMAGE, "command": list(command), **container}]}}


def test_attach_joins_a_container_that_runs(cluster: TestCluster) -> None:
    cluster.request("POST", PODS, a_pod("waiting", "sh", "-c", "read line; echo got $line", stdin=True, stdinOnce=True))
    cluster.until(f"{PODS}?fieldSelector=metadata.name%3Dwaiting", lambda pod: pod.get("status", {}).get("phase") == "Running")
    told = kubectl(cluster, "attach", "waiting", "-i", "-q", stdin="a line\n")
    assert (told.returncode, told.stdout) == (0, "got a line\n"), told.stderr


@pytest.fixture(scope="module")
def box(cluster: TestCluster) -> str:
    cluster.request("POST", PODS, a_pod("box", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"))
    cluster.until(f"{PODS}?fieldSelector=metadata.name%3Dbox", lambda pod: pod.get("status", {}).get("phase") == "Running")
    return "box"


def test_files_and_directories_are_copied_there_and_back(cluster: TestCluster, box: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "large").write_bytes(os.urandom(3_000_000))
    (tree / "text").write_text("hi")
    for source, target in ((str(tree), f"{box}:/tmp/tree"), (f"{box}:/tmp/tree", str(tmp_path / "back")),
                           (str(tree / "text"), f"{box}:/tmp/one"), (f"{box}:/tmp/one", str(tmp_path / "one"))):
        told = kubectl(cluster, "cp", source, target)
        assert told.returncode == 0, told.stderr
    assert (tmp_path / "back" / "below" / "large").read_bytes() == (tree / "below" / "large").read_bytes()
    assert (tmp_path / "one").read_text() == "hi"
    assert kubectl(cluster, "exec", box, "--", "cat", "/tmp/tree/text").stdout == "hi"


def test_what_is_not_there_is_told(cluster: TestCluster, box: str, tmp_path: Path) -> None:
    told = kubectl(cluster, "cp", f"{box}:/nope", str(tmp_path / "nope"))
    assert told.returncode == 1 and "nope" in told.stderr


def test_debug_adds_a_container_that_sees_the_target_s_processes(cluster: TestCluster, box: str) -> None:
    told = kubectl(cluster, "debug", box, f"--image={IMAGE}", "-i", "-q", "--target=c", "--profile=general", "--", "sh", "-c",
                   "read line; echo got $line; tr '\\0' ' ' < /proc/1/cmdline", stdin="x\n")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("got x\nsh -c trap"), (told.stdout, told.stderr)


def test_debug_changes_a_copy_of_a_pod_that_does_not_start(cluster: TestCluster) -> None:
    cluster.request("POST", PODS, a_pod("broken", "/no/such/program"))
    told = kubectl(cluster, "debug", "broken", "--copy-to=mended", "--container=c", "--profile=general", "--attach", "-q", "--", "echo", "well")
    assert (told.returncode, told.stdout) == (0, "well\n"), told.stderr


def test_debug_shows_a_node_s_files(cluster: TestCluster, tmp_path: Path) -> None:
    node = cluster.request("GET", "/api/v1/nodes")[1]["items"][0]["metadata"]["name"]
    (tmp_path / "on-the-node").write_text("seen\n")
    told = kubectl(cluster, "debug", f"node/{node}", f"--image={IMAGE}", "--attach", "-q", "--profile=sysadmin", "--", "cat",
                   f"/host{tmp_path}/on-the-node")
    assert (told.returncode, told.stdout) == (0, "seen\n"), told.stderr
