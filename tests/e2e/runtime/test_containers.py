"""Real containers: what runs in them, how they end, what their logs say."""
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kubelet.cri import ContainerState, CriError, LinuxResources, Mount, SecurityContext
from tests.e2e.runtime.node import Surroundings, can_run_pods, environment, log_lines, output, running_node

pytestmark = [pytest.mark.root, can_run_pods]


def test_output_and_exit_code_are_kept(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            status = await node.run(sandbox, "sh", "-c", "echo one; echo two >&2; printf three; exit 42")
            assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 42, "Error")
            assert sorted(log_lines(status)) == [("stderr", "F", "two"), ("stdout", "F", "one"), ("stdout", "F", "three")]
            assert status.created_at < status.started_at < status.finished_at
    asyncio.run(scene())


def test_a_container_gets_three_descriptors_and_none_of_those_who_made_it(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.run(await node.sandbox(), "sh", "-c", "for one in /proc/$$/fd/*; do readlink $one; done")
            assert [one.partition(":")[0] for one in output(status)] == ["/dev/null", "pipe", "pipe"]
    asyncio.run(scene())


def test_long_lines_are_logged_in_parts(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.run(await node.sandbox(), "sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x; echo; echo end")
            lines = log_lines(status)
            assert "".join(text for _, _, text in lines) == "x" * 40000 + "end"
            assert [tag for _, tag, _ in lines] == ["P", "P", "F", "F"]
    asyncio.run(scene())


def test_command_environment_and_host_name(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox(hostname="web-1")
            status = await node.run(sandbox, "env", env=(("A", "1"), ("PATH", "/bin:/x")))
            assert environment(status).items() >= {"A": "1", "PATH": "/bin:/x", "HOSTNAME": "web-1", "HOME": "/root"}.items()
            status = await node.run(sandbox, name="args", command=("hostname",))
            assert output(status) == ["web-1"]
            status = await node.run(sandbox, "pwd", name="directory", working_dir="/made/up")
            assert output(status) == ["/made/up"]
    asyncio.run(scene())


@pytest.mark.parametrize(("command", "why"), [
    pytest.param("/nowhere", "no such file or directory", id="missing-path"),
    pytest.param("nowhere", "executable file not found in $PATH", id="missing-on-path"),
    pytest.param("/etc/passwd", "permission denied", id="not-executable"),
])
def test_what_cannot_start_says_why(place: Surroundings, command: str, why: str) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            with pytest.raises(CriError, match=why.replace("$", "\\$")) as caught:
                await node.start(sandbox, command)
            assert caught.value.reason == "RunContainerError"
            (status,) = await node.runtime.list_containers(sandbox.id)
            assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 128, "StartError")
            assert why in status.message
    asyncio.run(scene())


def test_memory_limit_kills(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            limit = LinuxResources(memory_limit_bytes=16 << 20)
            status = await node.run(await node.sandbox(), "sh", "-c", "tail /dev/zero", resources=limit)
            assert (status.reason, status.exit_code) == ("OOMKilled", 137)
    asyncio.run(scene())


def test_stop_signals_and_waits(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            polite = await node.start(sandbox, "sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done")
            deaf = await node.start(sandbox, "sleep", "1000", name="deaf")
            listening = node.runtime.exec_sync(polite, ["true"], 10)
            await listening
            await node.runtime.stop_container(polite, 30)
            await node.runtime.stop_container(deaf, 0.1)
            await node.runtime.stop_container(deaf, 0.1)
            assert (await node.runtime.container_status(polite)).exit_code == 7
            assert (await node.runtime.container_status(deaf)).exit_code == 137
    asyncio.run(scene())


@pytest.mark.parametrize(("security", "expected"), [
    pytest.param(SecurityContext(), "0 0 0", id="image-default"),
    pytest.param(SecurityContext(run_as_user=1000, run_as_group=2000), "1000 2000 2000", id="user-and-group"),
    pytest.param(SecurityContext(run_as_user=65534), "65534 65534 65534", id="group-from-passwd"),
    pytest.param(SecurityContext(run_as_user=1000, supplemental_groups=(5, 6)), "1000 0 0 5 6", id="supplemental-groups"),
])
def test_user(place: Surroundings, security: SecurityContext, expected: str) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.run(await node.sandbox(), "sh", "-c", "echo $(id -u) $(id -g) $(id -G)", security=security)
            assert output(status) == [expected]
    asyncio.run(scene())


def test_root_is_refused_where_it_must_not_be(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            with pytest.raises(CriError, match="image will run as root"):
                await node.start(await node.sandbox(), "true", security=SecurityContext(run_as_non_root=True))
    asyncio.run(scene())


def test_capabilities_and_read_only_root(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            bits = ("sh", "-c", "grep CapEff /proc/self/status | cut -f2; touch /x 2>/dev/null; echo $?")
            status = await node.run(sandbox, *bits)
            assert output(status) == ["00000000a80425fb", "0"]
            none = SecurityContext(drop_capabilities=("ALL",), readonly_rootfs=True, no_new_privs=True)
            status = await node.run(sandbox, *bits, name="none", security=none)
            assert output(status)[0] == "0000000000000000" and output(status)[-1] == "1"
            status = await node.run(sandbox, "sh", "-c", "dmesg >/dev/null && ls -d /sys/kernel /dev/null", name="all",
                                    security=SecurityContext(privileged=True))
            assert status.exit_code == 0
    asyncio.run(scene())


def test_mounts(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            shared = Path(place.directory / "volume")
            shared.mkdir()
            (shared / "file").write_text("content\n")
            mounts = (Mount("/v", str(shared)), Mount("/v/ro", str(shared), readonly=True), Mount("/etc/hosts", str(shared / "file")))
            status = await node.run(await node.sandbox(), "sh", "-c", "cat /v/file /etc/hosts; echo new > /v/new; echo x > /v/ro/y",
                                    mounts=mounts)
            assert output(status)[:2] == ["content", "content"]
            assert status.exit_code == 1 and (shared / "new").read_text() == "new\n"
            missing = (Mount("/v", str(place.directory / "missing")),)
            with pytest.raises(CriError, match="no such file or directory"):
                await node.start(await node.sandbox(), "true", name="bad", mounts=missing)
    asyncio.run(scene())


def test_shared_process_namespace_and_memory(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox(share_process_namespace=True)
            one = await node.start(sandbox, "sh", "-c", "echo shared > /dev/shm/x; sleep 1000 & exec sleep 1001")
            status = await node.run(sandbox, "sh", "-c", "cat /dev/shm/x; ps -o args | grep -c 'sleep 100[01]$'; ps -o pid,args | head -2",
                                    name="other")
            assert output(status)[:2] == ["shared", "2"]
            assert output(status)[3].split() == ["1", "/pause"]
            assert len(await node.runtime.list_containers(sandbox.id)) == 2
            await node.runtime.stop_container(one, 0)
            status = await node.run(sandbox, "sh", "-c", "ps -o args | grep -c 'sleep 100[01]$'", name="after")
            assert output(status) == ["0"]
    asyncio.run(scene())


def test_a_shared_process_namespace_gives_its_address_back(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox(share_process_namespace=True)
            await node.start(sandbox, "sleep", "1000")
            assert len(in_use()) == 1
            await node.runtime.remove_pod_sandbox(sandbox.id)
            assert in_use() == []

    def in_use() -> list[str]:
        return [path.name for path in place.directory.glob("**/network/addresses/*") if path.name != "last"]
    asyncio.run(scene())


def test_sysctls_are_the_pods_own(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            before = Path("/proc/sys/kernel/shm_rmid_forced").read_text()
            sandbox = await node.sandbox(sysctls={"net.core.somaxconn": "1024", "kernel.shm_rmid_forced": "1"})
            status = await node.run(sandbox, "cat", "/proc/sys/net/core/somaxconn", "/proc/sys/kernel/shm_rmid_forced")
            assert output(status) == ["1024", "1"]
            assert Path("/proc/sys/kernel/shm_rmid_forced").read_text() == before
            with pytest.raises(CriError, match="not the pod's own"):
                await node.sandbox(sysctls={"vm.swappiness": "1"})
    asyncio.run(scene())


def test_limits_show_in_the_pods_and_the_containers_group(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            pod = LinuxResources(cpu_shares=512, cpu_quota=50000, memory_limit_bytes=64 << 20, pids_limit=100)
            sandbox = await node.sandbox(resources=pod)
            container = LinuxResources(cpu_shares=256, memory_limit_bytes=32 << 20, pids_limit=50)
            container_id = await node.start(sandbox, "sleep", "1000", resources=container)
            groups = node.runtime._cgroups
            parent, own = sandbox.config.cgroup_parent, f"{sandbox.config.cgroup_parent}/{container_id}"
            for path, pids in ((parent, "100"), (own, "50")):
                directory = groups.directory("pids", path)
                assert directory is not None and (directory / "pids.max").read_text().strip() == pids
            (stats,) = await node.runtime.container_stats()
            assert stats.container_id == container_id and 0 < stats.memory_working_set_bytes < 32 << 20
    asyncio.run(scene())


def test_fifty_pods_at_once(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            async def one(number: int) -> int:
                return (await node.run(await node.sandbox(), "sh", "-c", f"exit {number}")).exit_code
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(number)) for number in range(50)]
            assert [task.result() for task in tasks] == list(range(50))
            addresses = {address for sandbox in await node.runtime.list_pod_sandboxes() for address in sandbox.ips}
            assert len(addresses) == 50
            await node.runtime.teardown()
            assert not await node.runtime.list_pod_sandboxes() and not await node.runtime.list_containers()
            assert not list((place.directory / "runtime" / "containers").iterdir())
    asyncio.run(scene())
