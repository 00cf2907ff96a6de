"""A kubelet that finds a shim in the middle of its work waits for it: what does not run yet is not what never will."""
from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubelet.cri import ContainerConfig, ContainerState
from kubelet.linux import start_time
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.containers import Container
from kubelet.runc.records import ContainerRecord
from kubelet.runc.shims import Shims

ME = {"pid": os.getpid(), "starttime": start_time(os.getpid())}


class Scene:
    """This process is shim and container's process in one; it holds the shim's lock."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        record = ContainerRecord("c1", "s1", "u1", ContainerConfig("web", 0, ""), 0, "", "", "", "SIGTERM", "/none")
        self.container = Container(directory, directory / "runc", record)
        self.lock = os.open(directory / "shim.lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.shims = Shims(directory, "runc", Cgroups(), lambda container: None, lambda: 0)

    def writes(self, name: str, **more: object) -> None:
        (self.directory / name).write_text(json.dumps({**ME, **more}))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    os.close(found.lock)


def test_a_shim_that_is_just_making_its_container_is_waited_for(scene: Scene) -> None:
    async def play() -> None:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            scene.shims.run(group)
            adopting = group.create_task(scene.shims.adopt(scene.container))
            for step in ("", "shim.json"):
                if step:
                    scene.writes(step)
                await asyncio.sleep(0.05)
                assert not adopting.done(), step
            scene.writes("process.json", started_at=1)
            await adopting
            assert scene.container.status().state is ContainerState.RUNNING
            for task in asyncio.all_tasks() - {asyncio.current_task()}:     # who follows the shim
                task.cancel()
    asyncio.run(play())
