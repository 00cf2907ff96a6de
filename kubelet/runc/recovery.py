"""What a killed kubelet left behind: what is on record is taken over, what it had only begun or half removed is removed.

Shims and the runc they started may still be at work. They come to their end first: nothing is removed that somebody writes to.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from kubelet import linux
from kubelet.cri import CriError
from kubelet.resources import BEST_EFFORT, BURSTABLE, GUARANTEED, qos_cgroup
from kubelet.runc import containers, sandboxes
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.containers import Container
from kubelet.runc.known import ByPod
from kubelet.runc.sandboxes import Sandbox
from kubelet.runc.shims import Shims

log = logging.getLogger(__name__)


class Recovery:
    """Fills `known_sandboxes` and `known_containers`; `group` is the node's, `others_pods` the uids of those that another runtime of
    this node has; `remove` removes a container that has ended."""

    def __init__(self, directory: Path, known_sandboxes: ByPod[Sandbox], known_containers: ByPod[Container], shims: Shims,
                 cgroups: Cgroups, group: str, others_pods: Callable[[], Iterable[str]], remove: Callable[[Container], Awaitable[None]]) -> None:
        self._directory, self._group, self._others_pods = directory, group, others_pods
        self._sandboxes, self._containers = known_sandboxes, known_containers
        self._shims, self._cgroups, self._remove = shims, cgroups, remove

    async def run(self) -> None:
        await asyncio.to_thread(self._load)
        async with containers.first_fault(), asyncio.TaskGroup() as group:
            for container in self._containers.values():
                if container.exit is None and container.was_started:
                    group.create_task(self._shims.adopt(container))
        await self._remove_strays()
        await asyncio.to_thread(self._sweep)
        log.info("found %d sandboxes and %d containers", len(self._sandboxes), len(self._containers))

    def _load(self) -> None:
        mounted = frozenset(linux.mount_points(self._directory))
        for directory in (self._directory / "sandboxes").iterdir():
            if sandbox := sandboxes.load(directory, mounted):
                self._sandboxes[sandbox.id] = sandbox
            else:
                containers.remove_directory(directory)
        for directory in (self._directory / "containers").iterdir():
            if container := containers.load(directory, self._directory / "runc"):
                self._containers[container.id] = container
            else:
                containers.remove_directory(directory)

    async def _remove_strays(self) -> None:
        """The pause of a sandbox that was not on record yet."""
        for container in [one for one in self._containers.values() if one.record.sandbox_id not in self._sandboxes]:
            try:
                await self._shims.stop(container, 0)
                await self._remove(container)
            except (CriError, OSError):
                log.exception("container %s belongs to no sandbox and cannot be removed", container.id)

    def _sweep(self) -> None:
        for directory in (self._directory / "runc").iterdir():
            if directory.name not in self._containers:
                containers.remove_tree(directory)
        for sandbox in self._sandboxes.values():
            if sandbox.record.is_ready and sandboxes.has_pause(sandbox.config) and not self._is_running(sandboxes.pause_id(sandbox.id)):
                sandboxes.mark_not_ready(sandbox)       # nothing can be started in a process namespace that has lost its first process
        self._remove_unknown_groups()

    def _is_running(self, container_id: str) -> bool:
        container = self._containers.get(container_id)
        return container is not None and container.is_running

    def _remove_unknown_groups(self) -> None:
        """Of pods whose sandbox was not yet, or no longer, on record when the kubelet died."""
        known, of_others = {one.config.cgroup_parent for one in self._sandboxes.values()}, {f"pod{uid}" for uid in self._others_pods()}
        classes = {qos_cgroup(self._group, qos) for qos in (GUARANTEED, BURSTABLE, BEST_EFFORT)}
        for parent in classes:
            for name in self._cgroups.children(parent):
                if (path := f"{parent}/{name}") not in known | classes and name not in of_others:
                    try:
                        self._cgroups.end(path)
                    except OSError:
                        log.exception("no pod of this node has the group %s", path)
