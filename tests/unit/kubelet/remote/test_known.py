"""What is known of a CRI runtime's pods, and when it is asked, against one that answers as each test wants."""
from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from kubelet.cri import ContainerConfig, ContainerState, CriError, SandboxConfig
from kubelet.remote import RemoteRuntime, convert
from kubelet.remote.client import CriClient
from kubelet.remote.codec import decode, encode
from kubelet.remote.known import Known
from tests.virtualtime import run

NODE = "c/n"
POD = SandboxConfig(name="web", namespace="default", uid="u1", attempt=0, hostname="web", log_directory="", cgroup_parent="/none")
CREATED, RUNNING, EXITED = range(3)


class Cri(CriClient):
    """Has a sandbox `s` with a container `c`; tells no pids, as a runtime of virtual machines."""

    def __init__(self, *, is_empty: bool = False) -> None:
        super().__init__("/none")
        self.asked: list[str] = []
        self.answers = True
        sent, inside = convert.sandbox_config(POD, NODE), convert.container_config(ContainerConfig("main", 0, "i"), POD, NODE, "", {})
        self.sandboxes: dict[str, Any] = {} if is_empty else {"s": {
            "id": "s", "metadata": sent["metadata"], "state": 0, "labels": sent["labels"], "annotations": sent["annotations"]}}
        self.containers: dict[str, Any] = {} if is_empty else {"c": {
            "id": "c", "metadata": inside["metadata"], "state": RUNNING, "labels": inside["labels"], "annotations": inside["annotations"]}}

    async def call(self, method: str, fields: Any = None, *, seconds: float = 0, reason: str = "") -> Any:
        self.asked.append(method)
        if not self.answers:
            raise CriError("RuntimeNotReady", f"/none: {method}: Connection refused")
        await asyncio.sleep(0)
        found = decode(f"{method}Request", encode(f"{method}Request", fields or {}))
        return decode(f"{method}Response", encode(f"{method}Response", self._answer(method, found)))

    def _answer(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "Version": return {"runtime_name": "far"}
            case "ListPodSandbox": return {"items": [{"id": one["id"], "state": one["state"]} for one in self.sandboxes.values()]}
            case "ListContainers": return {"containers": [{"id": one["id"], "state": one["state"], "pod_sandbox_id": "s"} for one in self.containers.values()]}
            case "PodSandboxStatus" if asked["pod_sandbox_id"] in self.sandboxes: return {"status": self.sandboxes[asked["pod_sandbox_id"]]}
            case "ContainerStatus" if asked["container_id"] in self.containers: return {"status": self.containers[asked["container_id"]]}
        raise CriError("NotFound", f"{method}: not found")

    def ends(self, code: int) -> None:
        self.containers["c"] = {**self.containers["c"], "state": EXITED, "exit_code": code, "finished_at": 5}


def looking(cri: Cri) -> tuple[Known, list[str]]:
    looks: list[str] = []
    return Known(cri, NODE, lambda: looks.append("look")), looks


def test_a_look_finds_what_is_there() -> None:
    async def scene() -> None:
        known, _ = looking(Cri())
        events = known.events.listen()
        assert await known.look_at_all() == []
        assert [(one.name, one.state, one.runtime) for one in known.containers.of_pod("u1")] == [("main", ContainerState.RUNNING, "far")]
        assert known.sandboxes["s"].config == POD
        assert [(await anext(events)).container_id, (await anext(events)).container_id] == ["", "c"]
    run(scene())


def test_what_has_not_changed_is_not_asked_for_again() -> None:
    async def scene() -> None:
        cri = Cri()
        known, _ = looking(cri)
        await known.look_at_all()
        cri.asked.clear()
        await known.look_at_all()
        assert cri.asked == ["ListPodSandbox", "ListContainers"]
    run(scene())


def test_what_another_has_removed_is_forgotten() -> None:
    async def scene() -> None:
        cri = Cri()
        known, _ = looking(cri)
        await known.look_at_all()
        cri.containers.clear()
        assert await known.look_at_all() == [] and not known.containers and known.sandboxes
        cri.sandboxes.clear()
        assert [one.id for one in await known.look_at_all()] == ["s"] and not known.sandboxes
    run(scene())


def test_an_answer_from_before_is_no_news() -> None:
    async def scene() -> None:
        cri = Cri()
        known, _ = looking(cri)
        await known.look_at_all()
        async with asyncio.TaskGroup() as group:
            late = [group.create_task(known.read_sandbox("s")), group.create_task(known.read_container("c", "s"))]
            group.create_task(_forget(known))
        assert [one.result() for one in late] == [None, None] and not known.sandboxes and not known.containers
    run(scene())


async def _forget(known: Known) -> None:
    known.forget("s")


def test_a_container_that_has_ended_does_not_run_again() -> None:
    async def scene() -> None:
        cri = Cri()
        known, _ = looking(cri)
        await known.look_at_all()
        before = dict(cri.containers["c"])
        cri.ends(3)
        await known.read_container("c", "s")
        cri.containers["c"] = before
        await known.read_container("c", "s")
        assert (known.containers["c"].state, known.containers["c"].exit_code) == (ContainerState.EXITED, 3)
    run(scene())


def test_another_s_sandbox_is_left_alone() -> None:
    async def scene() -> None:
        cri = Cri()
        cri.sandboxes["s"]["annotations"] = {}
        known, _ = looking(cri)
        await known.look_at_all()
        assert not known.sandboxes and not known.containers
    run(scene())


# --- when it is asked

async def beside(cri: Cri, root: Path, scene: Any) -> None:
    runtime = RemoteRuntime(cri, root, node=NODE, handlers={"": ""})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        await runtime.wait_ready()
        await scene(runtime)
        task.cancel()


def test_a_runtime_with_nothing_of_ours_is_left_in_peace(tmp_path: Path) -> None:
    async def scene(runtime: RemoteRuntime) -> None:
        assert not await runtime.list_pod_sandboxes()
        before = len(cri.asked)
        await asyncio.sleep(100000)
        assert len(cri.asked) == before
    cri = Cri(is_empty=True)
    run(beside(cri, tmp_path, scene))


def test_the_end_of_what_has_no_process_here_is_seen_within_a_second(tmp_path: Path) -> None:
    async def scene(runtime: RemoteRuntime) -> None:
        events = runtime.events()
        cri.ends(4)
        await asyncio.sleep(1.1)
        assert (await runtime.container_status("c")).exit_code == 4 and (await anext(events)).container_id == "c"
        before = len(cri.asked)
        await asyncio.sleep(300)
        assert len(cri.asked) - before <= 2 * 300 / 30 + 2           # now and then, once nothing runs unseen
    cri = Cri()
    run(beside(cri, tmp_path, scene))


def test_what_was_known_stays_while_it_does_not_answer(tmp_path: Path) -> None:
    async def scene(runtime: RemoteRuntime) -> None:
        cri.answers = False
        await asyncio.sleep(60)
        assert (await runtime.container_status("c")).state is ContainerState.RUNNING and await runtime.list_pod_sandboxes("u1")
        cri.ends(4)
        cri.answers = True
        await asyncio.sleep(6)
        assert (await runtime.container_status("c")).state is ContainerState.EXITED
    cri = Cri()
    run(beside(cri, tmp_path, scene))
