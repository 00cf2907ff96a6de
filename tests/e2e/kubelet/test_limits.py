"""What a pod may use of the node: processes, and huge pages where the machine has some."""
from __future__ import annotations

from pathlib import Path

from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import MOST_PIDS, Place, can_run_pods, shell, sleeper

pytestmark = can_run_pods


def test_a_pod_has_as_many_processes_as_the_node_lets_pods_have(place: Place) -> None:
    pod = place.running("p", sleeper(), sleeper("second"))
    assert groups.read(groups.path_of(pod), "pids.max") == str(MOST_PIDS)


def test_a_fork_bomb_ends_at_the_limit(place: Place) -> None:
    counts = "i=0; while [ $i -lt 2000 ]; do sleep 60 & i=$((i+1)); done; echo all"
    pod = place.ended("p", shell(f"{{ {counts}; }} 2>&1; wait"), activeDeadlineSeconds=30)
    assert pod["status"]["phase"] == "Failed"
    log = place.log()
    assert "can't fork" in log and "all" not in log.split()


def test_the_node_tells_of_its_huge_pages(place: Place) -> None:
    node = place.cluster.request("GET", f"/api/v1/nodes/{place.node}")[1]["status"]
    for size, name in ((2 << 10, "hugepages-2Mi"), (1 << 20, "hugepages-1Gi")):
        if (file := Path(f"/sys/kernel/mm/hugepages/hugepages-{size}kB/nr_hugepages")).exists():
            pages = int(file.read_text())
            assert node["capacity"][name] == (f"{pages * size // 1024}Mi" if pages else "0")
