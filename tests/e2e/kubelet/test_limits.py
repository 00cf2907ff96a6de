"""What a pod may use of the node: processes, and huge pages where the machine has some."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubelet.runc.cgroups import Cgroups
from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import MOST_PIDS, Place, can_run_pods, running_place, shell, sleeper

pytestmark = can_run_pods
PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


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


@pytest.fixture(scope="module")
def huge_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A node with eight huge pages, as far as the machine gives them."""
    before = PAGES.read_text() if PAGES.exists() else ""
    if not before:
        pytest.skip(f"this machine has no huge pages of 2 MiB ({PAGES} is missing)")
    PAGES.write_text(str(int(before) + 8))
    try:
        if (given := int(PAGES.read_text())) < int(before) + 8:
            pytest.skip(f"this machine cannot set aside huge pages now: 8 asked for, {given - int(before)} given")
        with running_place(tmp_path_factory.mktemp("huge"), "klhp") as found:
            yield found
    finally:
        PAGES.write_text(before)


def test_huge_pages(huge_place: Place) -> None:
    node = huge_place.cluster.request("GET", f"/api/v1/nodes/{huge_place.node}")[1]["status"]
    assert node["allocatable"]["hugepages-2Mi"] == node["capacity"]["hugepages-2Mi"] != "0"
    asked = {"limits": {"hugepages-2Mi": "8Mi", "memory": "32Mi", "cpu": "100m"}}
    volume = {"name": "huge", "emptyDir": {"medium": "HugePages-2Mi"}}
    with huge_place.new_namespace() as place:
        pod = place.running("p", sleeper(resources=asked, volumeMounts=[{"name": "huge", "mountPath": "/huge"}]), volumes=[volume])
        mounted = place.exec("p", "grep", " /huge ", "/proc/mounts")
        assert " hugetlbfs " in mounted and "pagesize=2M" in mounted
        control = Cgroups.detect()
        if control.has_huge_pages(groups.path_of(pod)):
            directory = control.directory("hugetlb", groups.path_of(pod, "main"))
            assert directory is not None
            file = "hugetlb.2MB.max" if control.unified else "hugetlb.2MB.limit_in_bytes"
            assert (directory / file).read_text().strip() == str(8 << 20)
        place.pod("much", sleeper(resources={"limits": {"hugepages-2Mi": "1Gi", "memory": "32Mi", "cpu": "100m"}}))
        refused = place.until("much", lambda one: bool(one["status"].get("conditions")))
        assert "Insufficient hugepages-2Mi" in refused["status"]["conditions"][0]["message"]
