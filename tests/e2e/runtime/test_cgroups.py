"""A container's control group, looked at from the machine: limits, what the kernel does at them, what a container sees of it.

What is said of version 2 or of systemd is skipped where there is none; `make test-vm` has both.
"""
from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from kubelet.cri import LinuxResources, SecurityContext
from kubelet.runc.cgroups import Cgroups, cluster_path
from tests.e2e.runtime.node import Surroundings, can_run_pods, output, running_node

GROUPS = Cgroups.detect()
pytestmark = [pytest.mark.root, can_run_pods]
on_version_2 = pytest.mark.skipif(not GROUPS.unified, reason="this machine's cgroups are of version 1")
on_systemd = pytest.mark.skipif(not Path("/run/systemd/system").is_dir(), reason="this machine does not run systemd")
EATS_MEMORY = "tail /dev/zero"
LIMITED = LinuxResources(cpu_shares=512, cpu_quota=50000, memory_limit_bytes=64 << 20, pids_limit=100)
LIMITS = {"cpu.weight": "20", "cpu.max": "50000 100000", "memory.max": str(64 << 20), "pids.max": "100"} if GROUPS.unified else {
    "cpu.shares": "512", "cpu.cfs_quota_us": "50000", "memory.limit_in_bytes": str(64 << 20), "pids.max": "100"}


def limits(path: str) -> dict[str, str]:
    """Of a group, as the kernel tells them."""
    places = {name: GROUPS.directory(name.partition(".")[0], path) for name in LIMITS}
    return {name: (place / name).read_text().strip() for name, place in places.items() if place is not None}


def test_every_limit_is_set_on_the_pod_s_group_and_on_the_container_s(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox(resources=LIMITED)
            container_id = await node.start(sandbox, "sleep", "1000", resources=LIMITED)
            assert limits(sandbox.config.cgroup_parent) == LIMITS
            assert limits(f"{sandbox.config.cgroup_parent}/{container_id}") == LIMITS
    asyncio.run(scene())


@pytest.mark.parametrize("of_pod", [pytest.param(False, id="the-container-s"), pytest.param(True, id="the-pod-s")])
def test_a_container_beyond_its_memory_is_killed_and_says_so(place: Surroundings, of_pod: bool) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            little = LinuxResources(memory_limit_bytes=24 << 20)
            sandbox = await node.sandbox(resources=little if of_pod else LinuxResources())
            status = await node.run(sandbox, "sh", "-c", f"exec {EATS_MEMORY}", resources=LinuxResources() if of_pod else little)
            assert (status.reason, status.exit_code) == ("OOMKilled", 137)
    asyncio.run(scene())


@on_version_2
def test_all_of_a_container_dies_when_one_of_its_processes_takes_too_much_memory(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.run(await node.sandbox(), "sh", "-c", f"{EATS_MEMORY}; echo survived; exit 0",
                                    resources=LinuxResources(memory_limit_bytes=24 << 20))
            assert (status.reason, status.exit_code, output(status)) == ("OOMKilled", 137, [])
    asyncio.run(scene())


@on_version_2
def test_a_container_does_not_swap(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            container_id = await node.start(sandbox, "sleep", "1000")
            group = Path(f"{GROUPS.unified}{sandbox.config.cgroup_parent}/{container_id}")
            assert (group / "memory.swap.max").read_text() == "0\n"
    asyncio.run(scene())


@on_version_2
@pytest.mark.parametrize("privileged", [pytest.param(False, id="only-its-own"), pytest.param(True, id="all-if-privileged")])
def test_the_cgroups_a_container_sees(place: Surroundings, privileged: bool) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            status = await node.run(sandbox, "sh", "-c", "cat /proc/self/cgroup; ls -d /sys/fs/cgroup/picokube /sys/fs/cgroup/cgroup.procs",
                                    security=SecurityContext(privileged=privileged), resources=LinuxResources(memory_limit_bytes=64 << 20))
            own = f"{sandbox.config.cgroup_parent}/{status.id}" if privileged else "/"
            found = [line for line in output(status) if "No such file" not in line]
            assert found[0] == f"0::{own}"
            assert ("/sys/fs/cgroup/picokube" in found, "/sys/fs/cgroup/cgroup.procs" in found) == (privileged, True)
    asyncio.run(scene())


def test_a_group_that_forks_while_it_is_killed_ends() -> None:
    path = f"/picokube/killed{os.getpid()}/pod"
    GROUPS.create(path, LinuxResources(pids_limit=200))
    try:
        forking = f"echo $$ > {GROUPS.procs(path)}; f() {{ while :; do f & sleep 0.01; done; }}; f & f & echo forking; f"
        with subprocess.Popen(["busybox", "sh", "-c", forking], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None and process.stdout.readline() == b"forking\n"
            GROUPS.kill(path)
            assert not GROUPS.pids(path)
    finally:
        GROUPS.kill(path)
        GROUPS.remove(path.rpartition("/")[0])
        GROUPS.remove_root()


def test_a_frozen_group_ends(place: Surroundings) -> None:
    """A runc killed while it kills what it has frozen leaves it so."""
    path = f"{cluster_path(place.cluster)}/pod"
    GROUPS.create(path, LinuxResources())
    group = GROUPS.directory("freezer", path) or Path("/nonexistent")
    group.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["sleep", "1000"]) as process:
        for one in (GROUPS.procs(path), group / "cgroup.procs"):
            one.write_text(str(process.pid))
        (group / ("cgroup.freeze" if GROUPS.unified else "freezer.state")).write_text("1" if GROUPS.unified else "FROZEN")
        GROUPS.end(path)
        assert process.wait(30) == -signal.SIGKILL
    assert not [one for one in GROUPS.directories(path) if one.exists()]


@on_systemd
def test_systemd_leaves_the_limits_alone_whatever_it_does_to_its_own_units(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox(resources=LIMITED)
            await node.start(sandbox, "sleep", "1000", resources=LIMITED)
            unit = ["systemd-run", "--quiet", "--wait", "--collect", "-p", "CPUQuota=50%", "-p", "MemoryMax=1G", "true"]
            for command in (unit, ["systemctl", "daemon-reload"], unit, ["systemctl", "daemon-reexec"], unit):
                await asyncio.to_thread(subprocess.run, command, check=True, timeout=120)
            assert limits(sandbox.config.cgroup_parent) == LIMITS
    asyncio.run(scene())
