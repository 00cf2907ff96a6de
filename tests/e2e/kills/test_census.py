"""The instrument itself: two living processes of one container are found, one after the other are not."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubelet.cri import LinuxResources
from kubelet.runc.cgroups import Cgroups, cluster_path, node_path
from tests.e2e.kills.census import Census, Place
from tests.e2e.runtime.node import can_run_pods

pytestmark = [pytest.mark.root, can_run_pods]
CLUSTER = f"census{os.getpid() % 10000}"


@contextmanager
def a_container(nodes: Path, container_id: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    record = nodes / "n" / "runtime" / "containers" / container_id
    record.mkdir(parents=True)
    (record / "container.json").write_text(json.dumps({"config": {"name": name}}))
    cgroups, path = Cgroups.detect(), f"{node_path(CLUSTER, 'n')}/podu1/{container_id}"
    cgroups.create(path, LinuxResources())
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            cgroups.procs(path).write_text(str(process.pid))
            yield process
        finally:
            process.kill()


@pytest.fixture
def census(tmp_path: Path) -> Iterator[Census]:
    yield Census(CLUSTER, tmp_path)
    Cgroups.detect().remove(cluster_path(CLUSTER))


@pytest.mark.parametrize(("names", "faults"), [
    pytest.param(("web", "web"), 1, id="two attempts at one container"),
    pytest.param(("web", "side"), 0, id="two containers of one pod"),
])
def test_what_lives_at_once_is_told(census: Census, names: tuple[str, str], faults: int) -> None:
    with a_container(census.nodes, "c1", names[0]), a_container(census.nodes, "c2", names[1]):
        census.walk()
    assert len(census.faults) == faults


def test_one_after_the_other_is_fine(census: Census) -> None:
    for container_id in ("c1", "c2"):
        with a_container(census.nodes, container_id, "web"):
            census.walk()
    assert census.faults == []
    assert len(census.seen[Place("u1", "web")]) == 2
