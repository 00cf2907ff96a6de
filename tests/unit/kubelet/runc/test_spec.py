from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubelet.cri import ContainerConfig, CriError, LinuxResources, Mount, PortMapping, SandboxConfig, SecurityContext
from kubelet.runc import pause, spec
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.records import ContainerRecord, SandboxRecord
from kubelet.runc.shims import signal_number
from kubelet.runc.users import User, resolve

SANDBOX = SandboxConfig("p", "ns", "u", 0, "host", "/logs", "/pods/u", port_mappings=(PortMapping("TCP", 80, 8080),), sysctls={"a": "b"})
CONTAINER = ContainerConfig("c", 0, "sha256:x", command=("run",), env=(("A", "1"),), mounts=(Mount("/m", "/h"),),
                            security=SecurityContext(supplemental_groups=(5,), add_capabilities=("NET_ADMIN",)))
ALL = frozenset(spec.CAPABILITIES)


@pytest.mark.parametrize(("command", "args", "expected"), [
    pytest.param((), (), ["entry", "cmd"], id="the-image-s"),
    pytest.param(("c",), (), ["c"], id="command-alone"),
    pytest.param((), ("a",), ["entry", "a"], id="args-alone"),
    pytest.param(("c",), ("a",), ["c", "a"], id="both"),
])
def test_command(command: tuple[str, ...], args: tuple[str, ...], expected: list[str]) -> None:
    config = replace(CONTAINER, command=command, args=args)
    assert spec.command(config, {"Entrypoint": ["entry"], "Cmd": ["cmd"]}) == expected


def test_nothing_to_run() -> None:
    with pytest.raises(CriError, match="no command specified"):
        spec.command(replace(CONTAINER, command=()), {})


def test_the_pod_s_environment_wins() -> None:
    found = spec.environment(CONTAINER, SANDBOX, {"Env": ["A=0", "B=2=3", "PATH=/p"]}, User(home="/h"))
    assert dict(one.split("=", 1) for one in found) == {"A": "1", "B": "2=3", "PATH": "/p", "HOSTNAME": "host", "HOME": "/h"}


@pytest.mark.parametrize(("security", "expected"), [
    pytest.param(SecurityContext(), set(spec.DEFAULT_CAPABILITIES), id="default"),
    pytest.param(SecurityContext(drop_capabilities=("ALL",)), set(), id="drop-all"),
    pytest.param(SecurityContext(drop_capabilities=("ALL",), add_capabilities=("CAP_NET_BIND_SERVICE",)), {"NET_BIND_SERVICE"}, id="one"),
    pytest.param(SecurityContext(add_capabilities=("sys_time",)), {*spec.DEFAULT_CAPABILITIES, "SYS_TIME"}, id="add"),
    pytest.param(SecurityContext(add_capabilities=("ALL",), drop_capabilities=("KILL",)), ALL - {"KILL"}, id="all-but"),
    pytest.param(SecurityContext(privileged=True, drop_capabilities=("ALL",)), ALL, id="privileged"),
])
def test_capabilities(security: SecurityContext, expected: set[str]) -> None:
    assert set(spec.capabilities(security, ALL)) == expected
    assert set(spec.capabilities(security, frozenset({"KILL"}))) == expected & {"KILL"}


def test_unknown_capability() -> None:
    with pytest.raises(CriError, match="unknown capability FLY"):
        spec.capabilities(SecurityContext(add_capabilities=("FLY",)), ALL)


def document(config: ContainerConfig) -> dict[str, Any]:
    return spec.spec(config, SANDBOX, {}, User(), cgroup="/g", namespaces={"pid": "", "network": "/n"}, shm="/shm")


def test_inner_mounts_come_after_outer_ones_and_replace_the_defaults() -> None:
    mounts = (Mount("/a/b", "/2"), Mount("/a", "/1", readonly=True, propagation="rslave"), Mount("/dev/shm", "/3"))
    found = document(replace(CONTAINER, mounts=mounts))
    assert [one["destination"] for one in found["mounts"]][-3:] == ["/a", "/a/b", "/dev/shm"]
    assert [one["source"] for one in found["mounts"] if one["destination"] == "/dev/shm"] == ["/3"]
    assert found["linux"]["rootfsPropagation"] == "rslave"


def test_what_is_masked_shows_to_the_privileged() -> None:
    assert "/proc/kcore" in document(CONTAINER)["linux"]["maskedPaths"]
    found = document(replace(CONTAINER, security=SecurityContext(privileged=True)))
    assert "maskedPaths" not in found["linux"] and found["linux"]["resources"]["devices"][0] == {"allow": True, "access": "rwm"}


def test_limits() -> None:
    limits = LinuxResources(cpu_shares=100, cpu_quota=5000, memory_limit_bytes=1 << 20, pids_limit=9)
    found = document(replace(CONTAINER, resources=limits))["linux"]["resources"]
    assert found["cpu"] == {"shares": 100, "quota": 5000, "period": 100000}
    assert (found["memory"], found["pids"]) == ({"limit": 1 << 20}, {"limit": 9})
    assert "memory" not in document(CONTAINER)["linux"]["resources"]


def test_records_survive_the_disk() -> None:
    sandbox = SandboxRecord("id", SANDBOX, 5, "10.0.0.1")
    container = ContainerRecord("id", "s", "u", CONTAINER, 5, "image", "ref", "/log", "SIGTERM", "/g")
    assert SandboxRecord.from_document(json.loads(json.dumps(sandbox.to_document()))) == sandbox
    assert ContainerRecord.from_document(json.loads(json.dumps(container.to_document()))) == container


@pytest.mark.parametrize(("name", "number"), [("SIGTERM", 15), ("quit", 3), ("9", 9), ("SIGRTMIN+3", 37), ("nonsense", 15)])
def test_stop_signals(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_pause_is_a_small_executable(machine: str) -> None:
    assert pause.executable(machine).startswith(b"\x7fELF") and len(pause.executable(machine)) < 310


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nweb:x:33:44::/var/www:/bin/sh\nbroken\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\nextra:x:55:other,web\nstaff:x:66:\n")
    return tmp_path


@pytest.mark.parametrize(("image_user", "security", "expected"), [
    pytest.param("", SecurityContext(), User(0, 0, (0,), "/root"), id="root"),
    pytest.param("web", SecurityContext(), User(33, 44, (44, 55), "/var/www"), id="name"),
    pytest.param("33", SecurityContext(), User(33, 44, (44, 55), "/var/www"), id="number"),
    pytest.param("web:staff", SecurityContext(), User(33, 66, (66, 55), "/var/www"), id="name-and-group"),
    pytest.param("1000:1001", SecurityContext(), User(1000, 1001, (1001,), "/"), id="unknown-numbers"),
    pytest.param("web", SecurityContext(run_as_user=7), User(7, 0, (0,), "/"), id="the-pod-wins"),
    pytest.param("web", SecurityContext(run_as_group=7, supplemental_groups=(7, 8)), User(33, 7, (7, 8, 55), "/var/www"), id="groups"),
    pytest.param("web", SecurityContext(supplemental_groups=(8,), strict_groups=True), User(33, 44, (44, 8), "/var/www"), id="strict"),
])
def test_users(rootfs: Path, image_user: str, security: SecurityContext, expected: User) -> None:
    assert resolve(rootfs, image_user, security) == expected


def test_users_that_do_not_exist(rootfs: Path) -> None:
    with pytest.raises(CriError, match="unable to find user nobody"):
        resolve(rootfs, "nobody", SecurityContext())
    with pytest.raises(CriError, match="unable to find group none"):
        resolve(rootfs, "web:none", SecurityContext())


def test_passwd_is_looked_up_inside_the_root(rootfs: Path) -> None:
    (rootfs / "etc" / "passwd").unlink()
    (rootfs / "etc" / "passwd").symlink_to("/etc/own")
    (rootfs / "etc" / "own").write_text("inside:x:5:6::/:/bin/sh\n")
    assert resolve(rootfs, "inside", SecurityContext()).uid == 5


V1 = """31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /cg/pids rw - cgroup cgroup rw,pids
40 31 0:37 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw
"""


@pytest.mark.parametrize(("table", "unified", "mounts", "procs", "counter"), [
    pytest.param(V1, "", ["/cg/cpu", "/cg/memory", "/cg/pids", "/cg/systemd", "/cg/unified"], "/cg/pids/p/cgroup.procs",
                 "/cg/memory/p/memory.oom_control", id="hybrid"),
    pytest.param("24 23 0:22 / /cg rw - cgroup2 cgroup2 rw\n", "/cg", ["/cg"], "/cg/p/cgroup.procs", "/cg/p/memory.events", id="v2"),
])
def test_control_group_hierarchies(tmp_path: Path, table: str, unified: str, mounts: list[str], procs: str, counter: str) -> None:
    (tmp_path / "mountinfo").write_text(table)
    found = Cgroups.detect(str(tmp_path / "mountinfo"))
    assert (found.unified, found.mounts) == (unified, mounts)
    assert str(found.procs("/p")) == procs and found.oom_counter("/p") == (counter, "oom_kill")


def test_limits_of_a_pod_on_version_2(tmp_path: Path) -> None:
    found = Cgroups(unified=str(tmp_path))
    found.create("/a/pod", LinuxResources(cpu_shares=1024, cpu_quota=5000, memory_limit_bytes=7, pids_limit=8))
    pod = tmp_path / "a" / "pod"
    assert {path.name: path.read_text() for path in pod.iterdir()} == {
        "cpu.weight": "39", "cpu.max": "5000 100000", "memory.max": "7", "pids.max": "8"}


def test_what_version_2_does_for_a_container_goes_as_far_as_its_kernel(tmp_path: Path) -> None:
    found = Cgroups(unified=str(tmp_path))
    found.create("/a/pod", LinuxResources())
    assert found.of_containers("/a/pod") == {"memory.oom.group": "1"}
    (tmp_path / "a" / "pod" / "memory.swap.max").touch()
    assert found.of_containers("/a/pod") == {"memory.oom.group": "1", "memory.swap.max": "0"}
    assert Cgroups(controllers={"memory": str(tmp_path)}).of_containers("/a/pod") == {}


@pytest.mark.parametrize(("unified", "privileged", "hidden"), [
    pytest.param({"memory.oom.group": "1"}, False, True, id="v2"),
    pytest.param({"memory.oom.group": "1"}, True, False, id="v2-privileged"),
    pytest.param({}, False, False, id="v1"),
])
def test_only_on_version_2_a_container_has_a_view_of_cgroups_of_its_own(unified: dict[str, str], privileged: bool, hidden: bool) -> None:
    config = replace(CONTAINER, security=SecurityContext(privileged=privileged))
    linux = spec.spec(config, SANDBOX, {}, User(), cgroup="/g", namespaces={"pid": ""}, shm="/shm", unified=unified)["linux"]
    assert ({"type": "cgroup"} in linux["namespaces"]) == hidden
    assert linux["resources"].get("unified", {}) == unified
