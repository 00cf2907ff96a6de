"""Whatever is killed: no log line and no exit code is lost, and there are never two processes for one container."""
from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubelet import linux
from kubelet.cri import ContainerState, CriError, SandboxState, SandboxStatus
from kubelet.runc.containers import open_shim
from kubelet.runc.sandboxes import pause_id
from tests.e2e.runtime.node import ROOT, Node, Surroundings, can_run_pods, output, running_node

pytestmark = [pytest.mark.root, can_run_pods]

KUBELET = """
import asyncio, json, sys
from pathlib import Path
from tests.e2e.runtime.node import Surroundings, running_node
async def main():
    place = Surroundings(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    async with running_node(place) as node:
        sandbox = await node.sandbox(**json.loads(sys.argv[5]))
        names = [await node.start(sandbox, *command, name=f"c{n}") for n, command in enumerate(json.loads(sys.argv[4]))]
        print(json.dumps([sandbox.id, *names]), flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


# A runc that was told of its death too late: it writes on until somebody makes sure that it is gone. What it has begun is told by a fifo.
LATE_RUNC = """#!{python} -IS
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
state = os.path.join(sys.argv[sys.argv.index("--root") + 1], sys.argv[-1])
told = False
while os.path.exists({fifo!r}):
    os.makedirs(state, exist_ok=True)
    with open(state + "/state.json", "w") as file:
        file.write("{{}}")
    if not told:
        told = True
        with open({fifo!r}, "w") as fifo:
            fifo.write(f"{{os.getpid()}}")
"""


@pytest.fixture
def late_runc(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Its path, and the fifo in which it tells its pid when it has begun."""
    runc, fifo = tmp_path / "late-runc", tmp_path / "begun"
    os.mkfifo(fifo)
    runc.write_text(LATE_RUNC.format(python=sys.executable, fifo=str(fifo)))
    runc.chmod(0o755)
    yield runc, fifo
    fifo.unlink()


def killed_kubelet(place: Surroundings, *commands: tuple[str, ...], **sandbox: object) -> list[str]:
    """Has a process start these containers in a sandbox, and kills it; the ids."""
    arguments = [str(place.directory), str(place.number), str(place.image_archive), json.dumps(commands), json.dumps(sandbox)]
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
            status = await node.ended(container_id)
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
    async def scene() -> None:
        async with running_node(place) as node:
            container_id = await node.start(await node.sandbox(), "sleep", "1000")
            with pytest.raises(CriError, match="started before"):
                await node.runtime.start_container(container_id)
    asyncio.run(scene())


def remains(place: Surroundings) -> dict[str, list[str]]:
    return {name: [one.name for one in (place.directory / "runtime" / name).iterdir()] for name in ("sandboxes", "containers", "runc")}


def test_a_runc_that_outlives_its_shim_does_not_outlive_its_container(place: Surroundings, late_runc: tuple[Path, Path]) -> None:
    """What it writes must not come back after it was removed."""
    runc, fifo = late_runc

    async def scene() -> None:
        async with running_node(place, runc=str(runc)) as node:
            sandbox = await node.sandbox()
            async with asyncio.TaskGroup() as group:
                starting = group.create_task(start_error(node, sandbox))
                pid = int(await asyncio.to_thread(fifo.read_text))
                (container,) = await node.runtime.list_containers()
                kill_shim(place, container.id)
                assert (await starting) == "RunContainerError"
            assert not linux.start_time(pid)
            await node.runtime.remove_pod_sandbox(sandbox.id)
            assert remains(place) == {"sandboxes": [], "containers": [], "runc": []}
    asyncio.run(scene())


async def start_error(node: Node, sandbox: SandboxStatus) -> str:
    with pytest.raises(CriError) as error:
        await node.start(sandbox, "true")
    return error.value.reason


def test_a_runc_that_outlives_both_its_shim_and_its_kubelet_is_found_by_the_next(place: Surroundings, late_runc: tuple[Path, Path]) -> None:
    runc, fifo = late_runc
    kubelet = subprocess.Popen([sys.executable, "-c", KUBELET.replace("running_node(place)", f"running_node(place, runc={str(runc)!r})"),
                                str(place.directory), str(place.number), str(place.image_archive), '[["true"]]', "{}"], cwd=ROOT)
    pid = int(fifo.read_text())
    (container,) = (place.directory / "runtime" / "containers").iterdir()
    kubelet.kill()
    kubelet.wait(30)
    kill_shim(place, container.name)

    async def scene() -> None:
        async with running_node(place) as node:
            assert (await node.ended(container.name)).state is ContainerState.UNKNOWN
            assert not linux.start_time(pid)
            for sandbox in await node.runtime.list_pod_sandboxes():
                await node.runtime.remove_pod_sandbox(sandbox.id)
            assert remains(place) == {"sandboxes": [], "containers": [], "runc": []}
    asyncio.run(scene())


def test_a_pause_that_died_while_no_kubelet_ran_leaves_its_sandbox_not_ready(place: Surroundings) -> None:
    """Nothing can be started in its process namespace again: the pod needs another."""
    sandbox_id, container_id = killed_kubelet(place, ("sleep", "1000"), share_process_namespace=True)
    directory = place.directory / "runtime" / "containers" / pause_id(sandbox_id)
    shim = open_shim(directory)
    process = json.loads((directory / "process.json").read_bytes())
    os.kill(process["pid"], signal.SIGKILL)

    async def scene() -> None:
        assert shim is not None
        await linux.readable(shim)
        os.close(shim)
        async with running_node(place) as node:
            (sandbox,) = await node.runtime.list_pod_sandboxes()
            assert sandbox.state is SandboxState.NOT_READY
            assert (await node.ended(container_id)).exit_code == 137
            await node.runtime.remove_pod_sandbox(sandbox_id)
    asyncio.run(scene())


def test_a_pause_that_cannot_start_leaves_nothing(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place, runc="false") as node:
            with pytest.raises(CriError):
                await node.sandbox(share_process_namespace=True)
            assert remains(place) == {"sandboxes": [], "containers": [], "runc": []}
            assert place.leftovers()["mounts"] == place.leftovers()["links"] == []
            assert not [group for group in place.leftovers()["cgroups"] for _ in Path(group).glob("*/pod1")]
    asyncio.run(scene())


def test_a_removal_that_nobody_waits_for_any_more_is_brought_to_its_end(place: Surroundings) -> None:
    async def scene() -> None:
        async with running_node(place) as node:
            sandbox = await node.sandbox()
            container_id = await node.start(sandbox, "true")
            await node.ended(container_id)
            async with asyncio.TaskGroup() as group:
                removing = group.create_task(node.runtime.remove_container(container_id))
                await asyncio.sleep(0)
                removing.cancel()
            await node.runtime.remove_pod_sandbox(sandbox.id)
            assert remains(place) == {"sandboxes": [], "containers": [], "runc": []}
            assert not list((place.directory / "images" / "holders").iterdir())
    asyncio.run(scene())
