"""The launcher itself killed: its supervisor, the warm parent, everything at once; the next one finds its place."""
from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from picokube.processes import ProcessId, identify, wait_gone
from tests.cluster import TestCluster, running_cluster

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", name="launched") as cluster:
        yield cluster


def parent_of(cluster: TestCluster) -> ProcessId:
    found = cluster.cluster.parent()
    assert found is not None
    return found


def children_of(parent: ProcessId) -> dict[str, ProcessId]:
    """By the name each gave itself."""
    pids = [int(pid) for task in Path(f"/proc/{parent.pid}/task").iterdir() for pid in (task / "children").read_text().split()]
    processes = [one for one in map(identify, pids) if one is not None]
    return {Path(f"/proc/{one.pid}/comm").read_text().strip(): one for one in processes}


def slay(*victims: ProcessId) -> None:
    subprocess.run(["kill", f"-{signal.SIGKILL}", *(str(one.pid) for one in victims)], check=True, timeout=10)
    for one in victims:
        assert wait_gone(one, 30)


def a_deployment(name: str) -> dict[str, object]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 3, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}}


def works(cluster: TestCluster, name: str) -> None:
    """Every component has a part in this."""
    assert cluster.request("POST", DEPLOYMENTS, a_deployment(name))[0] == 201
    cluster.until(f"{DEPLOYMENTS}/{name}", lambda one: one.get("status", {}).get("availableReplicas") == 3)


def test_a_killed_supervisor_is_replaced_and_looks_after_what_runs(cluster: TestCluster) -> None:
    parent, before = parent_of(cluster), cluster.components()
    slay(children_of(parent)["pk-supervisor"])
    works(cluster, "beside")
    assert {name: one["pid"] for name, one in cluster.components().items()} == {name: one["pid"] for name, one in before.items()}
    cluster.kill("controllers")             # the new supervisor starts it again
    works(cluster, "after")
    assert cluster.picokube("status").returncode == 0
    assert cluster.components()["controllers"]["restarts"] == 1


def test_with_the_warm_parent_everything_ends_and_up_begins_again(cluster: TestCluster) -> None:
    works(cluster, "before")
    parent = parent_of(cluster)
    children = children_of(parent)
    slay(parent)
    assert all(wait_gone(one, 30) for one in children.values())
    up = cluster.picokube("up")
    assert up.returncode == 0, up.stdout + up.stderr
    works(cluster, "after")
    assert cluster.request("GET", f"{DEPLOYMENTS}/before")[1]["status"]["availableReplicas"] == 3


def test_up_at_once_after_a_kill_of_everything_waits_for_what_is_dying(cluster: TestCluster) -> None:
    works(cluster, "before")
    parent = parent_of(cluster)
    everyone = [parent, *children_of(parent).values()]
    subprocess.run(["kill", f"-{signal.SIGKILL}", *(str(one.pid) for one in everyone)], check=True, timeout=10)
    up = cluster.picokube("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert not any(one.is_alive for one in everyone)
    works(cluster, "after")
    assert len(cluster.request("GET", "/api/v1/namespaces/default/pods")[1]["items"]) == 6


@pytest.mark.parametrize("moment", ["at once", "after the pieces are back"])
def test_everything_killed_twice_in_a_row_is_back_too(cluster: TestCluster, moment: str) -> None:
    works(cluster, "before")
    for _ in range(2):
        slay(parent_of(cluster), *children_of(parent_of(cluster)).values())
        up = cluster.picokube("up")
        assert up.returncode == 0, up.stdout + up.stderr
        if moment != "at once":
            cluster.until(f"{DEPLOYMENTS}/before", lambda one: one.get("status", {}).get("availableReplicas") == 3)
    works(cluster, "after")
