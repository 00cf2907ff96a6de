"""Huge pages: what the machine has, and what a pod's control groups are told of them."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubelet import hugepages
from kubelet.cri import LinuxResources
from kubelet.environment import ConfigError
from kubelet.resources import PodBounds, container_resources, pod_resources
from kubelet.runc.cgroups import Cgroups
from kubelet.volumes.manager import page_size
from tests.unit.kubelet.core.builders import a_container, a_pod

MI, GI = 1 << 20, 1 << 30


def test_a_machine_s_huge_pages_by_size(tmp_path: Path) -> None:
    for name, count in {"hugepages-2048kB": "4", "hugepages-1048576kB": "1"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "nr_hugepages").write_text(f"{count}\n")
    assert hugepages.capacity(tmp_path) == {"hugepages-1Gi": GI, "hugepages-2Mi": 8 * MI}
    assert hugepages.capacity(tmp_path / "none") == {}


@pytest.mark.parametrize(("size", "resource", "page"), [(2 * MI, "hugepages-2Mi", "2MB"), (GI, "hugepages-1Gi", "1GB"),
                                                        (64 << 10, "hugepages-64Ki", "64KB")])
def test_the_names_of_a_size(size: int, resource: str, page: str) -> None:
    assert (hugepages.resource_name(size), hugepages.size_of(resource), hugepages.page_name(size)) == (resource, size, page)


def test_whose_group_may_have_how_many() -> None:
    """What a pod did not ask for it may not have; within it each container has its own share."""
    greedy = a_container("greedy", resources={"limits": {"hugepages-2Mi": "4Mi"}})
    modest = a_container("modest")
    pod = a_pod([greedy, modest])
    assert container_resources(pod, greedy, GI).hugepage_limits == {"2MB": 4 * MI}
    assert container_resources(pod, modest, GI).hugepage_limits == {"2MB": 0}
    bounds = PodBounds(pids=5, hugepages=("hugepages-1Gi", "hugepages-2Mi"))
    assert pod_resources(pod, bounds).hugepage_limits == {"1GB": 0, "2MB": 4 * MI}
    assert pod_resources(pod, bounds).pids_limit == 5


def test_the_limits_as_version_2_has_them(tmp_path: Path) -> None:
    groups, pod = Cgroups(unified=str(tmp_path)), tmp_path / "pod"
    pod.mkdir()
    for controllers, limits in {"cpu": [], "cpu hugetlb": ["hugetlb.2MB.max"]}.items():
        (pod / "cgroup.controllers").write_text(f"{controllers}\n")
        groups.limit("/pod", LinuxResources(hugepage_limits={"2MB": 4 * MI}))
        assert [one.name for one in pod.glob("hugetlb.*")] == limits
    assert (pod / "hugetlb.2MB.max").read_text() == str(4 * MI)


def test_the_limits_as_version_1_has_them(tmp_path: Path) -> None:
    groups = Cgroups(controllers={"hugetlb": str(tmp_path)})
    groups.create("/pod", LinuxResources(hugepage_limits={"2MB": 4 * MI}))
    assert (tmp_path / "pod" / "hugetlb.2MB.limit_in_bytes").read_text() == str(4 * MI)


def test_a_machine_that_cannot_limit_them_is_no_fault(tmp_path: Path) -> None:
    Cgroups(controllers={"pids": str(tmp_path)}).create("/pod", LinuxResources(hugepage_limits={"2MB": 0}))
    assert list((tmp_path / "pod").iterdir()) == []


def asks(*names: str) -> Any:
    return a_pod([a_container(resources={"limits": dict.fromkeys(names, "1Gi")})])


@pytest.mark.parametrize(("medium", "names", "size"), [
    pytest.param("HugePages", ["hugepages-2Mi"], 2 * MI, id="the only size"), pytest.param("HugePages-1Gi", ["hugepages-1Gi", "hugepages-2Mi"], GI, id="named"),
])
def test_the_pages_of_an_empty_dir(medium: str, names: list[str], size: int) -> None:
    assert page_size(asks(*names), medium) == size


@pytest.mark.parametrize(("medium", "names"), [
    pytest.param("HugePages", [], id="none asked for"), pytest.param("HugePages", ["hugepages-1Gi", "hugepages-2Mi"], id="which of them"),
    pytest.param("HugePages-1Gi", ["hugepages-2Mi"], id="another size asked for"),
])
def test_an_empty_dir_of_pages_that_the_pod_may_not_have(medium: str, names: list[str]) -> None:
    with pytest.raises(ConfigError):
        page_size(asks(*names), medium)
