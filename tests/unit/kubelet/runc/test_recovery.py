"""What a kubelet makes of what a killed one left: nothing is used that has died meanwhile, nothing removed that is still worked on."""
from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kubelet.cri import ContainerConfig, SandboxConfig
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.containers import Container, Exit
from kubelet.runc.files import write_json
from kubelet.runc.known import ByPod
from kubelet.runc.records import ContainerRecord, SandboxRecord
from kubelet.runc.recovery import Recovery
from kubelet.runc.sandboxes import Sandbox, pause_id
from kubelet.runc.shims import Shims

SANDBOX = "s" * 64
PAUSE = pause_id(SANDBOX)


class LateShims(Shims):
    """Shims of which every one still lets its runc write something, before it says how its container ended."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "runc", Cgroups(), lambda container: None, lambda: 0)

    async def adopt(self, container: Container) -> None:
        await asyncio.sleep(0)
        state = container.runc_root / container.id / "state.json"
        state.parent.mkdir(exist_ok=True)
        state.write_text("{}")
        container.exit = Exit(128, 1, "StartError")


class Node:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sandboxes = ByPod[Sandbox](lambda one: one.config.uid)
        self.containers = ByPod[Container](lambda one: one.record.pod_uid)
        for name in ("sandboxes", "containers", "runc"):
            (directory / name).mkdir()

    def has_sandbox(self) -> None:
        """One that needs no pins: all it has of its own are its processes."""
        config = SandboxConfig("web", "default", "u1", 0, "", "/logs", "/picokube/t/n/podu1", host_network=True, host_ipc=True, share_process_namespace=True)
        directory = self.directory / "sandboxes" / SANDBOX
        directory.mkdir()
        write_json(directory / "sandbox.json", SandboxRecord(SANDBOX, config, 1).to_document())

    def has_container(self, id: str = PAUSE, **files: object) -> None:
        directory = self.directory / "containers" / id
        directory.mkdir()
        record = ContainerRecord(id, SANDBOX, "u1", ContainerConfig("", 0, ""), 1, "", "", "", "SIGTERM", f"/picokube/t/n/podu1/{id}")
        write_json(directory / "container.json", record.to_document())
        (directory / "shim.lock").touch()
        for name, document in files.items():
            (directory / f"{name}.json").write_text(json.dumps(document))

    async def _remove(self, container: Container) -> None:
        container.remove_from_disk(Cgroups())
        del self.containers[container.id]

    def recover(self) -> None:
        asyncio.run(Recovery(self.directory, self.sandboxes, self.containers, LateShims(self.directory), Cgroups(), "/picokube/t/n",
                             tuple, self._remove).run())

    def names(self, kind: str) -> list[str]:
        return [one.name for one in (self.directory / kind).iterdir()]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.mark.parametrize("is_there", [pytest.param(True, id="its-shim-told-so"), pytest.param(False, id="nothing-is-left-of-it")])
def test_a_sandbox_whose_pause_died_without_a_kubelet_is_not_ready(node: Node, is_there: bool) -> None:
    """Nothing could ever be started in its process namespace again, and the pod would wait for ever."""
    node.has_sandbox()
    if is_there:
        node.has_container(process={"pid": 1, "starttime": 1, "started_at": 1}, exit={"code": 137, "finished_at": 2})
    node.recover()
    assert not node.sandboxes[SANDBOX].record.is_ready
    assert json.loads((node.directory / "sandboxes" / SANDBOX / "sandbox.json").read_bytes())["is_ready"] is False


def test_a_sandbox_whose_pause_is_found_dying_is_not_ready(node: Node) -> None:
    node.has_sandbox()
    node.has_container()
    node.recover()
    assert not node.sandboxes[SANDBOX].record.is_ready


def test_a_pause_without_a_sandbox_is_removed_when_its_shim_has_ended(node: Node) -> None:
    node.has_container()
    node.recover()
    assert {kind: node.names(kind) for kind in ("sandboxes", "containers", "runc")} == {"sandboxes": [], "containers": [], "runc": []}


def test_what_runc_remembers_of_containers_that_are_not_on_record_is_removed(node: Node) -> None:
    node.has_sandbox()
    node.has_container("kept", exit={"code": 0, "finished_at": 2})
    for id in ("kept", "gone"):
        (node.directory / "runc" / id).mkdir()
        (node.directory / "runc" / id / "state.json").touch()
    (node.directory / "containers" / "gone").mkdir()             # its removal had just begun
    node.recover()
    assert (node.names("containers"), node.names("runc")) == (["kept"], ["kept"])
