"""What the supervisor makes of what the parent and the components tell it, in whatever order that comes."""
from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from picokube.cluster import Cluster
from picokube.components import Component
from picokube.parent import write_plan
from picokube.supervisor import Supervisor


class Scene:
    """The parent's end of the channel, and a component that is this very process."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.cluster = Cluster("t", directory)
        self.cluster.run.mkdir()
        self.cluster.logs.mkdir()
        self.parent, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.component, notify = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.output = os.pipe()
        for one in (self.parent, channel, self.component, notify):
            stack.enter_context(one)
        for descriptor in self.output:
            stack.callback(os.close, descriptor)
        components = [Component("scheduler", "scheduler.main", ())]
        stack.callback(self.close_logs)
        self.supervisor = Supervisor(self.cluster, components, {}, channel, notify, -1, False)

    def close_logs(self) -> None:
        for log in self.supervisor._logs.values():
            log.close()

    def starts(self) -> None:
        message = {"event": "started", "name": "scheduler", "pid": os.getpid()}
        socket.send_fds(self.parent, [json.dumps(message).encode()], [self.output[0]])
        self.supervisor._on_parent()

    def is_ready(self) -> None:
        self.component.send(b"READY=1")
        self.supervisor._on_notify()

    def is_planned(self, *components: Component) -> None:
        write_plan(self.cluster, components)
        self.parent.send(json.dumps({"event": "plan"}).encode())
        self.supervisor._on_parent()

    def ends(self, name: str) -> None:
        self.parent.send(json.dumps({"event": "exited", "name": name, "status": 0, "seconds": 100.0}).encode())
        self.supervisor._on_parent()

    def orders(self) -> list[tuple[str, str]]:
        """What the parent was told to do since it was last asked: (do, name)."""
        found = []
        self.parent.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                message = json.loads(self.parent.recv(65536))
                found.append((message["do"], message.get("name") or message["component"]["name"]))
        return found

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.cluster.run / "status.json").read_bytes())["components"]["scheduler"]
        return document


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


@pytest.mark.parametrize("order", [
    pytest.param(("starts", "is_ready"), id="the parent is heard first"),
    pytest.param(("is_ready", "starts"), id="the component is heard first"),
])
def test_a_component_that_said_it_is_ready_is(scene: Scene, order: tuple[str, str]) -> None:
    async def play() -> None:
        for name in order:
            step: Callable[[], None] = getattr(scene, name)
            step()
    asyncio.run(play())
    assert (scene.status()["pid"], scene.status()["ready"]) == (os.getpid(), True)


SCHEDULER, KUBELET = Component("scheduler", "scheduler.main", ()), Component("kubelet-2", "kubelet.main", ())


def test_what_is_new_in_the_plan_starts_and_the_rest_goes_on(scene: Scene) -> None:
    async def test() -> None:
        scene.starts()
        scene.is_planned(SCHEDULER, KUBELET)
        assert scene.orders() == [("start", "kubelet-2")]
        scene.is_planned(SCHEDULER, KUBELET)

    asyncio.run(test())


def test_what_is_gone_from_the_plan_ends_and_is_not_started_again(scene: Scene) -> None:
    async def test() -> None:
        scene.starts()
        scene.is_planned(KUBELET)
        assert scene.orders() == [("signal", "scheduler"), ("start", "kubelet-2")]
        scene.ends("scheduler")
        await asyncio.sleep(0)
        assert scene.orders() == []
        assert list(json.loads((scene.cluster.run / "status.json").read_bytes())["components"]) == ["kubelet-2"]

    asyncio.run(test())


def test_what_is_different_in_the_plan_is_started_again(scene: Scene) -> None:
    async def test() -> None:
        scene.starts()
        scene.is_planned(Component("scheduler", "scheduler.main", ("--v=4",)))
        assert scene.orders() == [("signal", "scheduler")]
        scene.ends("scheduler")
        await asyncio.sleep(0.001)
        assert scene.orders() == [("start", "scheduler")]

    asyncio.run(test())


def test_a_supervisor_that_comes_after_a_change_ends_what_is_not_planned(tmp_path: Path) -> None:
    async def test() -> None:
        with ExitStack() as stack:
            scene = Scene(tmp_path, stack)
            scene.supervisor._adopt("kubelet-7", os.getpid(), os.dup(scene.output[0]), {})
            assert scene.orders() == [("signal", "kubelet-7")]
            scene.ends("kubelet-7")
            assert scene.orders() == []

    asyncio.run(test())
