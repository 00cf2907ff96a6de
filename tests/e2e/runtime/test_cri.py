"""What the CRI asks of a kubelet, on a real containerd: streams by URL, images with credentials, logs that are reopened, interrupted calls."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kubelet.cri import ContainerConfig, ContainerState, CriError, LinuxResources, RegistryAuth, SandboxConfig, SandboxStatus
from kubelet.remote import CriClient, RemoteImages, RemoteRuntime
from kubelet.remote.cleanup import cleanup
from kubelet.remotepods import RemotePods, remote_pods
from kubelet.runc.cgroups import Cgroups, node_path
from tests.e2e.runtime.containerd import IMAGE, NOTHING, PAUSE, Containerd, containerd, has_containerd
from tests.e2e.runtime.node import SECONDS, Streams
from tests.e2e.runtime.registry import layer, running_registry

pytestmark = [pytest.mark.root, has_containerd]
Scene = Callable[["Side"], Awaitable[None]]
FOREVER = ("sh", "-c", "trap exit TERM; while :; do sleep 0.1; done")


@pytest.fixture(scope="module")
def found() -> Iterator[Containerd]:
    with containerd() as running:
        yield running


@dataclass
class Side:
    """The kubelet's."""

    found: Containerd
    root: Path
    runtime: RemoteRuntime
    images: RemoteImages

    def config(self, uid: str = "u1", **changes: Any) -> SandboxConfig:
        made = SandboxConfig(name=uid, namespace="default", uid=uid, attempt=0, hostname=uid, log_directory=str(self.root / "logs" / uid),
                             cgroup_parent=f"{node_path(self.found.cluster, 'node')}/pod{uid}")
        return replace(made, **changes)

    async def start(self, sandbox: SandboxStatus, *command: str, name: str = "main", **changes: Any) -> str:
        image = await self.images.status(IMAGE)
        assert image is not None
        config = ContainerConfig(name=name, attempt=0, image_ref=image.id, command=command or FOREVER, log_path=f"{name}/0.log")
        Path(sandbox.config.log_directory, name).mkdir(parents=True, exist_ok=True)
        container_id = await self.runtime.create_container(sandbox.id, replace(config, **changes))
        await self.runtime.start_container(container_id)
        return container_id

    async def ended(self, container_id: str) -> int:
        events = self.runtime.events()
        while (status := await self.runtime.container_status(container_id)).state is ContainerState.RUNNING:
            await anext(events)
        return status.exit_code


@asynccontextmanager
async def side(found: Containerd, root: Path, **options: Any) -> AsyncIterator[Side]:
    client = CriClient(str(found.socket))
    runtime = RemoteRuntime(client, root, node=f"{found.cluster}/node", handlers={"": ""}, **options)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        await runtime.wait_ready()
        yield Side(found, root, runtime, RemoteImages(client))
        task.cancel()


def play(found: Containerd, root: Path, scene: Scene, **options: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(SECONDS), side(found, root, **options) as here:
            try:
                await scene(here)
            finally:
                for one in await here.runtime.list_pod_sandboxes():
                    await here.runtime.remove_pod_sandbox(one.id)
    asyncio.run(run())
    assert found.leftovers() == NOTHING and not [*remote_pods(root)]


def test_commands_read_their_input_to_its_end(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        container_id = await here.start(await here.runtime.run_pod_sandbox(here.config()))
        streams = Streams(b"b\n", b"a\n")
        assert await here.runtime.exec(container_id, ["sh", "-c", "sort; echo told >&2; exit 5"], streams, tty=False) == 5
        assert (streams.out, streams.err) == (b"a\nb\n", b"told\n")
        much = Streams()
        assert await here.runtime.exec(container_id, ["head", "-c", "3000000", "/dev/zero"], much, tty=False) == 0
        assert len(much.out) == 3000000
        assert await here.runtime.exec_sync(container_id, ["sh", "-c", "echo o; echo e >&2; exit 3"], 20) == (3, b"o\n", b"e\n")
    play(found, tmp_path, scene)


def test_a_terminal_has_the_size_that_is_asked_for(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        container_id = await here.start(await here.runtime.run_pod_sandbox(here.config()))
        streams = Streams(sizes=((101, 37),), until=b"37 101")
        command = "while ! stty size 2>/dev/null | grep -q 37; do sleep 0.05; done; stty size"
        assert await here.runtime.exec(container_id, ["sh", "-c", command], streams, tty=True) == 0
        assert streams.out == b"37 101\r\n"
    play(found, tmp_path, scene)


@pytest.mark.parametrize(("command", "code"), [("nope", 127), ("/nope", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_run(found: Containerd, tmp_path: Path, command: str, code: int) -> None:
    async def scene(here: Side) -> None:
        container_id = await here.start(await here.runtime.run_pod_sandbox(here.config()))
        for attempt in (here.runtime.exec_sync(container_id, [command], 20), here.runtime.exec(container_id, [command], Streams(), tty=False)):
            with pytest.raises(CriError, match="OCI runtime exec failed") as caught:
                await attempt
            assert (caught.value.reason, caught.value.exit_code) == ("ExecFailed", code)
    play(found, tmp_path, scene)


def test_a_container_that_cannot_start_says_why(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        sandbox = await here.runtime.run_pod_sandbox(here.config())
        with pytest.raises(CriError, match="executable file not found") as caught:
            await here.start(sandbox, "nope")
        assert caught.value.reason == "RunContainerError"
        [status] = await here.runtime.list_containers(sandbox.id)
        assert (status.state, status.reason, status.exit_code) == (ContainerState.EXITED, "StartError", 128)
    play(found, tmp_path, scene)


def test_a_command_that_takes_too_long(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        container_id = await here.start(await here.runtime.run_pod_sandbox(here.config()))
        with pytest.raises(CriError, match="timed out after 0.3s") as caught:
            await here.runtime.exec_sync(container_id, ["sleep", "1000"], 0.3)
        assert caught.value.reason == "DeadlineExceeded"
    play(found, tmp_path, scene)


def test_who_is_attached_sees_and_types(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        sandbox = await here.runtime.run_pod_sandbox(here.config())
        container_id = await here.start(sandbox, "sh", "-c", "read line; echo got $line", stdin=True, stdin_once=True)
        streams = Streams(b"words\n")
        await here.runtime.attach(container_id, streams)
        assert streams.out == b"got words\n" and await here.ended(container_id) == 0
    play(found, tmp_path, scene)


@pytest.mark.parametrize("is_near", [True, False], ids=["the machine's own network", "through the runtime"])
def test_ports_of_the_pod_s_own(found: Containerd, tmp_path: Path, is_near: bool) -> None:
    async def scene(here: Side) -> None:
        sandbox = await here.runtime.run_pod_sandbox(here.config())
        container_id = await here.start(sandbox, "httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/www")
        while (await here.runtime.exec_sync(container_id, ["sh", "-c", "echo | nc 127.0.0.1 8080"], 20))[0]:
            pass
        if not is_near:
            here.runtime._known.processes.pop(sandbox.id)            # as if it were in a virtual machine
        reader, writer = await here.runtime.port_forward(sandbox.id, 8080)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        writer.write_eof()
        assert (await reader.read()).endswith(b"Hello from picokube.\n")
        writer.close()
        if is_near:
            with pytest.raises(CriError, match="connection refused"):
                await here.runtime.port_forward(sandbox.id, 81)
            return
        reader, writer = await here.runtime.port_forward(sandbox.id, 81)
        assert await reader.read() == b""
        writer.close()
    play(found, tmp_path, scene)


def test_images_are_pulled_with_the_credentials_that_will_do(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        with running_registry(tmp_path / "registry", is_protected=True) as registry:
            registry.push("team/app", "1", [layer({"hello": b"hi"})], config={"User": "1000"})
            name = f"{registry.name}/team/app:1"
            assert await here.images.status(name) is None
            with pytest.raises(CriError, match="failed to") as caught:
                await here.images.pull(name)
            assert caught.value.reason == "ErrImagePull"
            image = await here.images.pull(name, [RegistryAuth("user", "wrong"), RegistryAuth("user", "password")])
            assert image.id.startswith("sha256:") and image.repo_tags == (name,) and image.user == "1000" and image.size > 0
            assert image.repo_digests[0].startswith(f"{registry.name}/team/app@sha256:")
            assert image in await here.images.list()
            await here.images.remove(image.id)
            assert await here.images.status(name) is None
        with pytest.raises(CriError) as caught:
            await here.images.status("UPPER CASE")
        assert caught.value.reason == "InvalidImageName"
    play(found, tmp_path, scene)


def test_the_image_of_sandboxes_is_never_collected(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        assert {name: one.pinned for one in await here.images.list() for name in one.repo_tags} == {IMAGE: False, PAUSE: True}
    play(found, tmp_path, scene)


def test_logs_are_rotated(found: Containerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubelet.remote.runtime.LOG_SECONDS", 0.1)

    async def scene(here: Side) -> None:
        sandbox = await here.runtime.run_pod_sandbox(here.config())
        await here.start(sandbox, "sh", "-c", "while :; do head -c 3000 /dev/zero | tr '\\0' x; echo; sleep 0.05; done")
        directory = Path(sandbox.config.log_directory, "main")
        while len(files := sorted(directory.iterdir())) < 2 or not files[0].stat().st_size:
            await asyncio.sleep(0.05)
        assert files[0].name == "0.log" and len(files) == 2 and all(one.name.startswith("0.log.") for one in files[1:])
    play(found, tmp_path, scene, log_bytes=10000, log_files=2)


def test_resources_change_while_it_runs(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        sandbox = await here.runtime.run_pod_sandbox(here.config(resources=LinuxResources(memory_limit_bytes=64 << 20)))
        container_id = await here.start(sandbox, resources=LinuxResources(memory_limit_bytes=32 << 20))
        await here.runtime.update_pod_sandbox_resources(sandbox.id, LinuxResources(memory_limit_bytes=128 << 20))
        await here.runtime.update_container_resources(container_id, LinuxResources(memory_limit_bytes=96 << 20), {"grant": "96"})
        groups, parent = Cgroups.detect(), sandbox.config.cgroup_parent
        file = "memory.max" if groups.unified else "memory.limit_in_bytes"
        for path, wanted in ((parent, 128 << 20), (f"{parent}/{container_id}", 96 << 20)):
            directory = groups.directory("memory", path)
            assert directory is not None and int((directory / file).read_text()) == wanted
        assert (await here.runtime.container_status(container_id)).annotations == {"grant": "96"}
        [stats] = await here.runtime.container_stats()
        assert stats.container_id == container_id and stats.memory_usage_bytes > 0
    play(found, tmp_path, scene)


def test_a_sandbox_that_nobody_waits_for_is_removed(found: Containerd, tmp_path: Path) -> None:
    async def scene(here: Side) -> None:
        for turns in (1, 3, 30):
            async with asyncio.TaskGroup() as group:
                making = group.create_task(here.runtime.run_pod_sandbox(here.config()))
                for _ in range(turns):
                    await asyncio.sleep(0)
                making.cancel()
            assert making.cancelled() and not await here.runtime.list_pod_sandboxes()
    play(found, tmp_path, scene)


def test_a_successor_knows_everything(found: Containerd, tmp_path: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(SECONDS):
            async with side(found, tmp_path) as here:
                config = here.config(labels={"app": "web"}, annotations={"a": "b"}, sysctls={"net.core.somaxconn": "99"})
                sandbox = await here.runtime.run_pod_sandbox(config)
                running, ended = await here.start(sandbox), await here.start(sandbox, "sh", "-c", "exit 9", name="short")
                await here.ended(ended)
                before = [await here.runtime.container_status(one) for one in (running, ended)]
            async with side(found, tmp_path) as here:
                assert await here.runtime.list_pod_sandboxes("u1") == [sandbox]
                assert [await here.runtime.container_status(one) for one in (running, ended)] == before
                assert (await here.runtime.exec_sync(running, ["cat", "/proc/sys/net/core/somaxconn"], 20))[1] == b"99\n"
                await here.runtime.stop_container(running, 20)
                assert await here.ended(running) == 0
                await here.runtime.remove_pod_sandbox(sandbox.id)
    asyncio.run(run())
    assert found.leftovers() == NOTHING


def test_a_runtime_that_does_not_answer_is_not_one_without_pods(tmp_path: Path) -> None:
    async def run() -> None:
        client = CriClient(str(tmp_path / "none.sock"))
        RemotePods(tmp_path, client.endpoint).add("u1", "")
        runtime = RemoteRuntime(client, tmp_path, node="c/n", handlers={"": ""})
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            task = group.create_task(runtime.run())
            await runtime.wait_ready()
            for uid in ("", "u1"):
                with pytest.raises(CriError, match="does not answer, and pods run there"):
                    await runtime.list_pod_sandboxes(uid)
            assert not await runtime.list_pod_sandboxes("u2") and not await runtime.list_containers(pod_uid="u2")
            task.cancel()
    asyncio.run(run())


def test_a_node_that_is_cleaned_up_empties_it(found: Containerd, tmp_path: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(SECONDS), side(found, tmp_path) as here:
            await here.start(await here.runtime.run_pod_sandbox(here.config()))
    asyncio.run(run())
    RemotePods(tmp_path / "another", str(found.socket)).add("u1", "")
    cleanup(tmp_path / "another", "another/")
    assert found.shims()
    for _ in range(2):
        cleanup(tmp_path, f"{found.cluster}/")
    assert not found.shims() and not [*remote_pods(tmp_path)]
    Cgroups.detect().remove(node_path(found.cluster, "node"))
