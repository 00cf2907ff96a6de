"""The contract of RuntimeService, on the simulated runtime and, where this machine can, on runc, crun, containerd and a runtime over
several."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from kubelet.cri import ContainerConfig, ContainerEvent, ContainerState, CriError, RuntimeService, SandboxConfig, SandboxState
from kubelet.hollow.runtime import HollowRuntime
from kubelet.runc.cgroups import node_path
from kubelet.runtimes import Runtimes
from tests.e2e.runtime.containerd import IMAGE, Containerd, containerd, has_containerd, running_remote
from tests.e2e.runtime.node import can_run_pods, crun_binary, running_node, surroundings

SECONDS = 30.0
CLUSTER = ContextVar("CLUSTER", default="contract")
READY = "trap 'exit 0' TERM; touch /ready; while :; do sleep 0.05; done"
Start = Callable[[], AbstractAsyncContextManager[tuple[RuntimeService, str]]]
Scene = Callable[[RuntimeService, str], Awaitable[None]]


@asynccontextmanager
async def hollow() -> AsyncIterator[tuple[RuntimeService, str]]:
    runtime = HollowRuntime()
    await runtime.update_pod_cidr("10.251.0.0/24")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        await runtime.wait_ready()
        yield runtime, "sha256:image"
        task.cancel()


@asynccontextmanager
async def several() -> AsyncIterator[tuple[RuntimeService, str]]:
    """Everything is done by the other runtime, but what it does not know."""
    other = HollowRuntime(handlers=("other",))
    await other.update_pod_cidr("10.251.0.0/24")
    runtime = Runtimes(HollowRuntime(), {"": other, "other": other})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        await runtime.wait_ready()
        await asyncio.sleep(0)
        yield runtime, "sha256:image"
        task.cancel()


@asynccontextmanager
async def over_cri(found: Containerd, root: Path) -> AsyncIterator[tuple[RuntimeService, str]]:
    CLUSTER.set(found.cluster)
    async with running_remote(found, root, {"": ""}) as (runtime, images):
        image = await images.status(IMAGE)
        assert image is not None
        yield runtime, image.id


@pytest.fixture(params=["hollow", "several", *(pytest.param(name, marks=[pytest.mark.root, can_run_pods]) for name in ("runc", "crun")),
                        pytest.param("containerd", marks=[pytest.mark.root, has_containerd])])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    if request.param in ("hollow", "several"):
        yield hollow if request.param == "hollow" else several
        return
    if request.param == "containerd":
        with containerd() as found:
            yield partial(over_cri, found, tmp_path)
        return
    binaries = {"": ("crun", crun_binary(tmp_path))} if request.param == "crun" else {}
    with surroundings(tmp_path) as place:
        @asynccontextmanager
        async def real() -> AsyncIterator[tuple[RuntimeService, str]]:
            CLUSTER.set(place.cluster)
            async with running_node(place, binaries=binaries) as node:
                yield node.runtime, node.image_id
        yield real


def play(start: Start, scene: Scene) -> None:
    async def run() -> None:
        async with asyncio.timeout(SECONDS), start() as (runtime, image):
            await scene(runtime, image)
    asyncio.run(run())


def a_sandbox(tmp_path: Path, uid: str = "u1") -> SandboxConfig:
    return SandboxConfig(name=f"pod-{uid}", namespace="default", uid=uid, attempt=0, hostname=uid, log_directory=str(tmp_path / "logs" / uid),
                         cgroup_parent=f"{node_path(CLUSTER.get(), 'node')}/{uid}", labels={"app": "web"}, annotations={"a": "b"})


def a_container(image: str, name: str = "main", attempt: int = 0) -> ContainerConfig:
    return ContainerConfig(name=name, attempt=attempt, image_ref=image, command=("sh", "-c", READY), log_path=f"{name}/{attempt}.log",
                           labels={"io.kubernetes.pod.uid": "u1"}, annotations={"n": "2"})


async def run_until_ready(runtime: RuntimeService, container_id: str) -> None:
    """A process that is first in its namespace ignores TERM until it says otherwise."""
    await runtime.start_container(container_id)
    while (await runtime.exec_sync(container_id, ["test", "-e", "/ready"], SECONDS))[0]:
        pass


async def until(runtime: RuntimeService, container_id: str, state: ContainerState) -> None:
    events = runtime.events()
    while (await runtime.container_status(container_id)).state is not state:
        await anext(events)


def test_a_sandbox_lives_and_goes(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        config = a_sandbox(tmp_path)
        made = await runtime.run_pod_sandbox(config)
        assert (made.state, made.config) == (SandboxState.READY, config) and len(made.ips) == 1 and made.created_at > 0
        assert list(await runtime.list_pod_sandboxes("u1")) == [made]
        assert not await runtime.list_pod_sandboxes("other")
        for _ in range(2):
            await runtime.stop_pod_sandbox(made.id)
            assert [one.state for one in await runtime.list_pod_sandboxes()] == [SandboxState.NOT_READY]
        for _ in range(2):
            await runtime.remove_pod_sandbox(made.id)
            assert not await runtime.list_pod_sandboxes()
    play(start, scene)


def test_every_sandbox_has_its_own_address(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        first, second = [await runtime.run_pod_sandbox(a_sandbox(tmp_path, uid)) for uid in ("u1", "u2")]
        assert first.ips != second.ips and first.id != second.id
        host = await runtime.run_pod_sandbox(replace(a_sandbox(tmp_path, "u3"), host_network=True))
        assert host.ips == ()
        await runtime.remove_pod_sandbox(first.id)
        third = await runtime.run_pod_sandbox(a_sandbox(tmp_path, "u4"))
        assert third.ips not in (first.ips, second.ips)
        for one in (second, third, host):
            await runtime.remove_pod_sandbox(one.id)
    play(start, scene)


def test_an_unknown_runtime_handler_is_refused(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        with pytest.raises(CriError, match='no runtime for "kata" is configured') as caught:
            await runtime.run_pod_sandbox(replace(a_sandbox(tmp_path), runtime_handler="kata"))
        assert caught.value.reason == "FailedCreatePodSandBox" and not await runtime.list_pod_sandboxes()
    play(start, scene)


def test_a_container_is_created_runs_and_ends(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        sandbox = await runtime.run_pod_sandbox(a_sandbox(tmp_path))
        config = a_container(image)
        container_id = await runtime.create_container(sandbox.id, config)
        created = await runtime.container_status(container_id)
        assert (created.state, created.name, created.attempt, created.sandbox_id) == (ContainerState.CREATED, "main", 0, sandbox.id)
        assert (created.labels, created.annotations) == (config.labels, config.annotations)
        await run_until_ready(runtime, container_id)
        running = await runtime.container_status(container_id)
        assert running.state is ContainerState.RUNNING and created.created_at <= running.started_at
        await runtime.stop_container(container_id, 20)
        ended = await runtime.container_status(container_id)
        assert (ended.state, ended.exit_code, ended.reason) == (ContainerState.EXITED, 0, "Completed")
        assert running.started_at == ended.started_at <= ended.finished_at
        await runtime.stop_container(container_id, 20)
        assert await runtime.container_status(container_id) == ended
        await runtime.remove_container(container_id)
        await runtime.remove_container(container_id)
        assert not await runtime.list_containers()
        await runtime.remove_pod_sandbox(sandbox.id)
    play(start, scene)


def test_containers_are_listed_by_pod_and_by_sandbox(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        made = {}
        for uid in ("u1", "u2"):
            sandbox = await runtime.run_pod_sandbox(a_sandbox(tmp_path, uid))
            made[uid] = sandbox.id, await runtime.create_container(sandbox.id, a_container(image))
        for uid, (sandbox_id, container_id) in made.items():
            assert [one.id for one in await runtime.list_containers(pod_uid=uid)] == [container_id]
            assert [one.id for one in await runtime.list_containers(sandbox_id=sandbox_id)] == [container_id]
        assert len(await runtime.list_containers()) == 2
        for sandbox_id, _ in made.values():
            await runtime.remove_pod_sandbox(sandbox_id)
        assert not await runtime.list_containers()
    play(start, scene)


def test_a_sandbox_takes_its_containers_along(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        sandbox = await runtime.run_pod_sandbox(a_sandbox(tmp_path))
        ids = [await runtime.create_container(sandbox.id, a_container(image, name)) for name in ("one", "two")]
        await runtime.start_container(ids[0])
        await runtime.stop_pod_sandbox(sandbox.id)
        await until(runtime, ids[0], ContainerState.EXITED)
        assert (await runtime.container_status(ids[0])).exit_code == 137
        await runtime.remove_pod_sandbox(sandbox.id)
        assert not await runtime.list_containers()
    play(start, scene)


def test_what_is_not_there(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        await runtime.stop_pod_sandbox("none")
        await runtime.remove_pod_sandbox("none")
        await runtime.stop_container("none", 1)
        await runtime.remove_container("none")
        with pytest.raises(CriError):
            await runtime.container_status("none")
        with pytest.raises(CriError):
            await runtime.start_container("none")
        with pytest.raises(CriError):
            await runtime.create_container("none", a_container(image))
        with pytest.raises(CriError):
            await runtime.exec_sync("none", ["true"], 1)
    play(start, scene)


def test_starts_and_ends_are_told(start: Start, tmp_path: Path) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        events = runtime.events()
        sandbox = await runtime.run_pod_sandbox(a_sandbox(tmp_path))
        container_id = await runtime.create_container(sandbox.id, a_container(image))
        wanted = ContainerEvent(sandbox.id, "u1", container_id)
        for change in (runtime.start_container(container_id), runtime.stop_container(container_id, 0)):
            await change
            while await anext(events) != wanted:
                pass
        await runtime.remove_pod_sandbox(sandbox.id)
    play(start, scene)


def test_it_says_what_it_is(start: Start) -> None:
    async def scene(runtime: RuntimeService, image: str) -> None:
        name, version = await runtime.version()
        assert name and version
    play(start, scene)
