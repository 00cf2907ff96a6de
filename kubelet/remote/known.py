"""What a CRI runtime has of ours, as it was last told: sandboxes, containers, and who waits for the ends of their processes."""
from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from kubelet import linux
from kubelet.containerevents import Events
from kubelet.cri import ContainerEvent, ContainerState, ContainerStatus, CriError, SandboxState, SandboxStatus
from kubelet.remote import convert
from kubelet.remote.client import CriClient
from kubelet.runc.known import ByPod

log = logging.getLogger(__name__)

LOOK_SECONDS, RESYNC_SECONDS = 1.0, 30.0
SETTLE_SECONDS, SETTLE_TRIES = 0.01, 10     # for the runtime to hear of an end that we have seen
MOST_GONE = 1000


class Known:
    """`node` tells ours from others'; `look_again` is called where only a look at everything can tell what happened. Follows processes once
    it has `tasks`."""

    def __init__(self, client: CriClient, node: str, look_again: Callable[[], None]) -> None:
        self._client, self._node, self._look_again = client, node, look_again
        self.tasks: asyncio.TaskGroup | None = None
        self.name = ""                                      # the runtime's own, as containerIDs show it
        self.events = Events()
        self.sandboxes = ByPod[SandboxStatus](lambda one: one.config.uid)
        self.containers = ByPod[ContainerStatus](lambda one: self.sandboxes[one.sandbox_id].config.uid)
        self.streams: dict[str, convert.Streams] = {}
        self.processes: dict[str, int] = {}                 # sandbox or container -> pid, where one is told and followed
        self._gone: dict[str, None] = {}                    # the newest of those that were forgotten

    def of_sandbox(self, sandbox_id: str) -> list[ContainerStatus]:
        return [one for one in self.containers.values() if one.sandbox_id == sandbox_id]

    def until_next_look(self) -> float | None:
        """None: what nobody else changes need not be looked at."""
        if any(one.state is ContainerState.RUNNING and one.id not in self.processes for one in self.containers.values()):
            return LOOK_SECONDS
        return RESYNC_SECONDS if self.sandboxes else None

    async def look_at_all(self) -> list[SandboxStatus]:
        """Answers the sandboxes that somebody else has removed."""
        if not self.name:
            self.name = (await self._client.call("Version", {"version": "v1"}))["runtime_name"]
        mine = {"filter": {"label_selector": {convert.NODE_LABEL: self._node}}}
        before = {*self.sandboxes, *self.containers}
        listed = (await self._client.call("ListPodSandbox", mine))["items"]
        for one in listed:
            known = self.sandboxes.get(one["id"])
            if known is None or known.state is not convert.SANDBOX_STATES[one["state"]]:
                await self.read_sandbox(one["id"])
        inside = (await self._client.call("ListContainers", mine))["containers"]
        for one in inside:
            current = self.containers.get(one["id"])
            if current is None or current.state is not convert.CONTAINER_STATES[one["state"]]:
                await self.read_container(one["id"], one["pod_sandbox_id"])
        lost: list[SandboxStatus] = []
        for id in before - {one["id"] for one in (*listed, *inside)}:
            if (sandbox := self.sandboxes.get(id)) is not None:
                lost.append(sandbox)
            self.forget(id)
        return lost

    async def read_sandbox(self, id: str) -> SandboxStatus | None:
        try:
            told = await self._client.call("PodSandboxStatus", {"pod_sandbox_id": id, "verbose": True})
        except CriError as error:
            if error.reason != "NotFound":
                raise
            self.forget(id)
            return None
        status = convert.sandbox_status(told["status"])
        if status is None or id in self._gone:
            return None
        known = self.sandboxes.get(id)
        if known is not None:                        # its resources may have been changed meanwhile
            status = replace(status, config=known.config)
        if status != known:
            self.sandboxes[id] = status
            self._publish(status, "")
        self._follow(id, convert.process_of(told["info"]) if status.state is SandboxState.READY else 0)
        return status

    async def read_container(self, id: str, sandbox_id: str) -> ContainerStatus | None:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None:
            return None
        try:
            told = await self._client.call("ContainerStatus", {"container_id": id, "verbose": True})
        except CriError as error:
            if error.reason != "NotFound":
                raise
            self.forget(id)
            return None
        if id in self._gone or sandbox_id in self._gone:
            return None
        status, known = convert.container_status(told["status"], sandbox, self.name), self.containers.get(id)
        if known is not None and known.finished_at and status.state is ContainerState.RUNNING:
            return known                             # an answer that was overtaken by a newer one
        if known is not None:
            status = replace(status, annotations={**status.annotations, **known.annotations})
        else:
            self.streams[id] = convert.streams_of(told["status"]["annotations"])
        if status != known:
            self.containers[id] = status
            self._publish(sandbox, id)
        self._follow(id, convert.process_of(told["info"]) if status.state is ContainerState.RUNNING else 0)
        return status

    def forget(self, id: str) -> None:
        """What is in a sandbox is forgotten with it; what was asked about it before may still be answered, and is no news."""
        self._gone[id] = None
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]
        if sandbox := self.sandboxes.get(id):
            for container in self.of_sandbox(id):
                self.forget(container.id)
            del self.sandboxes[id]
            self._publish(sandbox, "")
        elif gone := self.containers.get(id):
            del self.containers[id]
            self._publish(self.sandboxes[gone.sandbox_id], id)
        self.streams.pop(id, None)

    def _publish(self, sandbox: SandboxStatus, container_id: str) -> None:
        self.events.publish(ContainerEvent(sandbox.id, sandbox.config.uid, container_id))

    def _follow(self, id: str, pid: int) -> None:
        """Has somebody wait for the end of its process."""
        if not pid or id in self.processes or self.tasks is None:
            return
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            self.processes[id] = pid
            self.tasks.create_task(self._until_end(id, descriptor))

    async def _until_end(self, id: str, descriptor: int) -> None:
        try:
            await linux.readable(descriptor)
        finally:
            os.close(descriptor)
            self.processes.pop(id, None)
        wait = SETTLE_SECONDS
        for _ in range(SETTLE_TRIES):
            try:
                if await self._has_settled(id):
                    return
            except CriError as error:
                log.warning("%s", error.message)
            await asyncio.sleep(wait)
            wait *= 2
        self._look_again()

    async def _has_settled(self, id: str) -> bool:
        """Whether the runtime, too, knows that this process has ended."""
        if id in self.sandboxes:
            sandbox = await self.read_sandbox(id)
            return sandbox is None or sandbox.state is not SandboxState.READY
        known = self.containers.get(id)
        container = await self.read_container(id, known.sandbox_id) if known else None
        return container is None or container.state is not ContainerState.RUNNING
