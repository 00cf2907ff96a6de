"""Whatever is killed: no log line and no exit code is lost, and there are never two processes for one container."""
from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kubelet import linux
from kubelet.cri import ContainerState, SandboxState
from tests.e2e.runtime.node import ROOT, Surroundings, can_run_pods, output, running_node

pytestmark = [pytest.mark.root, can_run_pods]

KUBELET = """
import asyncio, json, sys
from pathlib import Path
from tests.e2e.runtime.node import Surroundings, running_node
async def main():
    place = Surroundings(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    async with running_node(place) as node:
        sandbox = await node.sandbox()
        names = [await node.start(sandbox, *command, name=f"c{n}") for n, command in enumerate(json.loads(sys.argv[4]))]
        print(json.dumps([sandbox.id, *names]), flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


def killed_kubelet(place: Surroundings, *commands: tuple[str, ...]) -> list[str]:
    """Has a process start these containers in a sandbox, and kills it; the ids."""
    arguments = [str(place.directory), str(place.number), str(place.image_archive), json.dumps(commands)]
    kubelet = subprocess.Popen([sys.executable, "-c", KUBELET, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert kubelet.stdout is not None
    ids = json.loads(kubelet.stdout.readline())
    kubelet.kill()
    kubelet.communicate(timeout=30)
    return list(ids)


def test_a_killed_kubelet_loses_nothing(place: Surroundings) -> None:
    script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); [ $((i % 20)) = 0 ] && sleep 0.05; done; exit 42"
    sandbox_id, short, long = killed_kubelet(place, ("sh", "-c", script), ("sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.05; done"))

    async def scene() -> None:
        async with running_node(place) as node:
            (sandbox,) = await node.runtime.list_pod_sandboxes()
            assert (sandbox.id, sandbox.state) == (sandbox_id, SandboxState.READY)
            status = await node.ended(short)
            assert status.exit_code == 42
            assert output(status) == [f"line {number}" for number in range(200)]
            assert (await node.runtime.container_status(long)).state is ContainerState.RUNNING
            assert (await node.runtime.exec_sync(long, ["echo", "still"], 20))[1] == b"still\n"
            again = await node.run(sandbox, "true", name="again")
            assert again.exit_code == 0
            await node.runtime.stop_container(long, 20)
            assert (await node.runtime.container_status(long)).exit_code == 9
            fresh = await node.sandbox(uid="fresh")
            assert fresh.ips != sandbox.ips
    asyncio.run(scene())


def test_a_killed_shim_takes_its_container_along(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await node.start(await node.sandbox(), "sh", "-c", "sleep 1000 & sleep 1001")
            pid = (await node.runtime.container_status(container_id)).pid
            kill_shim(place, container_id)
            status = await node.ended(container_id)
            assert (status.state, status.exit_code, status.reason) == (ContainerState.UNKNOWN, 137, "ContainerStatusUnknown")
            assert not linux.start_time(pid)
    asyncio.run(scene())


def test_shim_and_kubelet_killed_together(place: Surroundings) -> None:
    _, container_id = killed_kubelet(place, ("sleep", "1000"))
    document = json.loads((place.directory / "runtime" / "containers" / container_id / "process.json").read_text())
    kill_shim(place, container_id)
    assert linux.start_time(document["pid"])

    async def scene() -> None:
        async with running_node(place) as node:
            status = await node.runtime.container_status(container_id)
            assert (status.state, status.exit_code) == (ContainerState.UNKNOWN, 137)
            assert not linux.start_time(document["pid"])
            await node.runtime.remove_container(container_id)
            assert not await node.runtime.list_containers()
    asyncio.run(scene())


def kill_shim(place: Surroundings, container_id: str) -> None:
    document = json.loads((place.directory / "runtime" / "containers" / container_id / "shim.json").read_text())
    shim = linux.open_process(document["pid"], document["starttime"])
    assert shim is not None
    signal.pidfd_send_signal(shim, signal.SIGKILL)
    os.close(shim)


def test_a_killed_zygote_is_started_anew(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            assert (await node.run(sandbox, "true")).exit_code == 0
            zygote = linux.open_process(node.runtime._shims.zygote._pid, linux.start_time(node.runtime._shims.zygote._pid))
            assert zygote is not None
            signal.pidfd_send_signal(zygote, signal.SIGKILL)
            await linux.readable(zygote)
            os.close(zygote)
            assert (await node.run(sandbox, "true", name="second")).exit_code == 0
    asyncio.run(scene())


def test_half_made_things_are_removed(place: Surroundings) -> None:
    sandbox_id, container_id = killed_kubelet(place, ("sleep", "1000"))
    runtime = place.directory / "runtime"
    half = runtime / "containers" / ("f" * 64)
    half.mkdir()
    (half / "rootfs").mkdir()
    linux.mount("none", half / "rootfs", "tmpfs")
    half_sandbox = runtime / "sandboxes" / ("e" * 64)
    (half_sandbox / "ns").mkdir(parents=True)
    (runtime / "network" / "addresses" / f"10.251.{place.number}.99").write_text("e" * 64)

    async def scene() -> None:
        async with running_node(place) as node:
            assert [one.id for one in await node.runtime.list_containers()] == [container_id]
            assert [one.id for one in await node.runtime.list_pod_sandboxes()] == [sandbox_id]
            assert not half.exists() and not half_sandbox.exists()
            assert not (runtime / "network" / "addresses" / f"10.251.{place.number}.99").exists()
    asyncio.run(scene())


def test_after_a_restart_of_the_machine_sandboxes_are_not_ready(place: Surroundings) -> None:
    """What such a restart leaves: the files, without mounts and processes."""
    from kubelet.runc.cleanup import cleanup
    sandbox_id, container_id = killed_kubelet(place, ("sleep", "1000"))
    kill_shim(place, container_id)
    cleanup(place.cluster, [Path(place.directory)])

    async def scene() -> None:
        async with running_node(place) as node:
            (sandbox,) = await node.runtime.list_pod_sandboxes()
            assert (sandbox.id, sandbox.state) == (sandbox_id, SandboxState.NOT_READY)
            status = await node.runtime.container_status(container_id)
            assert (status.state, status.exit_code) == (ContainerState.UNKNOWN, 137)
            await node.runtime.remove_pod_sandbox(sandbox_id)
    asyncio.run(scene())


def test_a_container_starts_once(place: Surroundings) -> None:
    from kubelet.cri import CriError

    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await node.start(await node.sandbox(), "sleep", "1000")
            with pytest.raises(CriError, match="started before"):
                await node.runtime.start_container(container_id)
    asyncio.run(scene())
