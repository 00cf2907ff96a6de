"""What the supervisor makes of what the parent and the components tell it, in whatever order that comes."""
from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from picokube.cluster import Cluster
from picokube.components import Component
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
        self.supervisor = Supervisor(self.cluster, components, {}, channel, notify, -1, False)

    def starts(self) -> None:
        message = {"event": "started", "name": "scheduler", "pid": os.getpid()}
        socket.send_fds(self.parent, [json.dumps(message).encode()], [self.output[0]])
        self.supervisor._on_parent()

    def is_ready(self) -> None:
        self.component.send(b"READY=1")
        self.supervisor._on_notify()

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
