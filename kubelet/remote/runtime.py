"""RuntimeService over the CRI: containerd, CRI-O, or whatever else speaks it at a socket.

What the runtime has is kept here as it was last told, so that reading costs no call. News come of our own calls, of the ends of
processes (a pidfd of each whose pid the runtime tells), and of a look at everything: after each (re)connection, now and then, and
every second while something runs whose pid nobody tells. The pod network is the runtime's own, by its CNI configuration.
"""
from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from kubeapi.world import REAL_WORLD, World
from kubelet.cri import (
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    CriError,
    ExecStreams,
    LinuxResources,
    SandboxConfig,
    SandboxStatus,
)
from kubelet.handlers import no_such_handler
from kubelet.remote import convert, streams
from kubelet.remote.client import CriClient
from kubelet.remote.codec import Document
from kubelet.remote.known import Known
from kubelet.remote.logs import rotate
from kubelet.remotepods import RemotePods
from kubelet.runc import portforward
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.exec import code_of
from kubelet.shim import START_ERROR

log = logging.getLogger(__name__)

SANDBOX_SECONDS = 240.0              # as upstream: twice of what other calls may take
RETRY_SECONDS, MOST_RETRY_SECONDS = 0.2, 5.0
LOG_SECONDS = 10.0
LOG_BYTES, LOG_FILES = 10 << 20, 5


class RemoteRuntime:
    """`node` tells our sandboxes from others'; `handlers`: RuntimeClass handler -> what the runtime calls it; `root` is the node's
    directory."""

    def __init__(self, client: CriClient, root: Path, *, node: str, handlers: Mapping[str, str],
                 log_bytes: int = LOG_BYTES, log_files: int = LOG_FILES, world: World = REAL_WORLD) -> None:
        self._client, self._node, self._handlers, self._seccomp = client, node, handlers, root / "seccomp"
        self._log_limits, self._world = (log_bytes, log_files), world
        self._given = RemotePods(root, client.endpoint)
        self._cgroups = Cgroups.detect()
        self._known = Known(client, node, lambda: self._look.set())
        self._making: set[str] = set()                      # uids of pods whose sandbox is asked for
        self._tasks: asyncio.TaskGroup | None = None
        self._has_answered = False
        self._tried, self._look = asyncio.Event(), asyncio.Event()

    # --- the node

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = self._known.tasks = tasks
                tasks.create_task(self._keep_known(), name="cri")
                tasks.create_task(self._keep_logs_small(), name="cri-logs")
        finally:
            self._tasks = self._known.tasks = None
            await self._client.close()

    async def wait_ready(self) -> None:
        """Until it was asked what it has, whether or not it has answered."""
        await self._tried.wait()

    async def version(self) -> tuple[str, str]:
        told = await self._client.call("Version", {"version": "v1"})
        return told["runtime_name"], told["runtime_version"]

    async def update_pod_cidr(self, pod_cidr: str) -> None:
        """For runtimes that make their CNI configuration of it; what they do not hear now they hear when they answer again."""
        with suppress(CriError):
            await self._client.call("UpdateRuntimeConfig", {"runtime_config": {"network_config": {"pod_cidr": pod_cidr}}})

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self._known.events.listen()

    async def _keep_known(self) -> None:
        wait = RETRY_SECONDS
        while True:
            self._look.clear()
            try:
                for lost in await self._known.look_at_all():
                    if lost.config.uid not in self._making:
                        await self._end(lost.config.uid, lost.config.cgroup_parent)
                if not self._has_answered:
                    await self._end_lost_pods()
                self._has_answered, wait = True, RETRY_SECONDS
            except CriError as error:
                log.warning("%s", error.message)
                wait = min(2 * wait, MOST_RETRY_SECONDS)
            self._tried.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._known.until_next_look() if wait == RETRY_SECONDS else wait):
                    await self._look.wait()

    async def _end_lost_pods(self) -> None:
        """Of pods that a predecessor had just begun with."""
        for uid in self._given:
            if uid not in self._making:
                await self._end(uid, await asyncio.to_thread(self._given.cgroup, uid))

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        if config.runtime_handler not in self._handlers:
            raise no_such_handler(config.runtime_handler)
        assert self._tasks is not None
        making = self._tasks.create_task(self._try_to_make(config))
        try:
            made = await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait([making])              # one that nobody waits for any more would stay
            if not making.cancelled() and isinstance(left := making.result(), SandboxStatus):
                await self.remove_pod_sandbox(left.id)
            raise
        if isinstance(made, CriError):
            raise made
        return made

    async def _try_to_make(self, config: SandboxConfig) -> SandboxStatus | CriError:
        try:
            return await self._make_sandbox(config)
        except CriError as error:
            return error

    async def _make_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        if config.first_user:
            await self._require_user_namespaces(config.runtime_handler)
        self._making.add(config.uid)
        try:
            await asyncio.to_thread(self._begin, config)
            asked = {"config": convert.sandbox_config(config, self._node), "runtime_handler": self._handlers[config.runtime_handler]}
            made = await self._client.call("RunPodSandbox", asked, seconds=SANDBOX_SECONDS, reason="FailedCreatePodSandBox")
            status = await self._known.read_sandbox(made["pod_sandbox_id"])
        except CriError:
            await self._end(config.uid, config.cgroup_parent)
            raise
        finally:
            self._making.discard(config.uid)
        if status is None:
            raise CriError("FailedCreatePodSandBox", f"sandbox {made['pod_sandbox_id'][:12]} is gone as soon as it was made")
        self._look.set()
        return status

    async def _require_user_namespaces(self, handler: str) -> None:
        """A runtime that knows nothing of them would leave them out, and root in the pod were root on the node."""
        told = await self._client.call("Status", {}, reason="FailedCreatePodSandBox")
        features = {one["name"]: one["features"] for one in told["runtime_handlers"]}.get(self._handlers[handler])
        if features is None or not features["user_namespaces"]:
            raise CriError("FailedCreatePodSandBox", f'can\'t set `spec.hostUsers: false`, RuntimeClass handler "{handler}" does not support '
                           "user namespaces")

    def _begin(self, config: SandboxConfig) -> None:
        try:
            self._given.add(config.uid, config.cgroup_parent)
            self._cgroups.create(config.cgroup_parent, config.resources)
        except OSError as error:
            raise CriError("FailedCreatePodSandBox", f"cannot make the pod's cgroup: {error}") from error

    async def _end(self, uid: str, cgroup: str) -> None:
        """Nothing of a pod is left when its last sandbox is gone."""
        if not self._known.sandboxes.of_pod(uid):
            if cgroup:
                await asyncio.to_thread(self._cgroups.remove, cgroup)
            await asyncio.to_thread(self._given.remove, uid)

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        if sandbox_id not in self._known.sandboxes:
            return
        await self._unless_gone("StopPodSandbox", {"pod_sandbox_id": sandbox_id})
        for container in self._known.of_sandbox(sandbox_id):
            if container.state is ContainerState.RUNNING:
                await self._known.read_container(container.id, sandbox_id)
        await self._known.read_sandbox(sandbox_id)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        sandbox = self._known.sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        await self._unless_gone("RemovePodSandbox", {"pod_sandbox_id": sandbox_id})
        self._known.forget(sandbox_id)
        await self._end(sandbox.config.uid, sandbox.config.cgroup_parent)

    async def _unless_gone(self, method: str, fields: Document, seconds: float = SANDBOX_SECONDS) -> None:
        try:
            await self._client.call(method, fields, seconds=seconds)
        except CriError as error:
            if error.reason != "NotFound":
                raise

    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        self._require_known(pod_uid)
        return self._known.sandboxes.of_pod(pod_uid) if pod_uid else list(self._known.sandboxes.values())

    def _require_known(self, pod_uid: str) -> None:
        if not self._has_answered and (pod_uid in self._given if pod_uid else self._given):
            raise CriError("RuntimeNotReady", f"{self._client.endpoint} does not answer, and pods run there")

    def _sandbox(self, sandbox_id: str, reason: str) -> SandboxStatus:
        sandbox = self._known.sandboxes.get(sandbox_id)
        if sandbox is None:
            raise CriError(reason, f"sandbox {sandbox_id[:12]} not found")
        return sandbox

    async def update_pod_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        """The pod's own cgroup is the kubelet's, whatever runs in it."""
        sandbox = self._sandbox(sandbox_id, "NotFound")
        try:
            await asyncio.to_thread(self._cgroups.limit, sandbox.config.cgroup_parent, resources)
        except OSError as error:
            raise CriError("UpdateContainerError", f"{error.filename}: {error.strerror}") from error
        self._known.sandboxes[sandbox_id] = replace(sandbox, config=replace(sandbox.config, resources=resources))

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = self._sandbox(sandbox_id, "CreateContainerError").config
        unified = self._cgroups.of_containers(sandbox.cgroup_parent)
        asked = {"pod_sandbox_id": sandbox_id, "sandbox_config": convert.sandbox_config(sandbox, self._node),
                 "config": convert.container_config(config, sandbox, self._node, str(self._seccomp), unified)}
        container_id: str = (await self._client.call("CreateContainer", asked, reason="CreateContainerError"))["container_id"]
        await self._known.read_container(container_id, sandbox_id)
        return container_id

    async def start_container(self, container_id: str) -> None:
        container = self._container(container_id)
        try:
            await self._client.call("StartContainer", {"container_id": container_id}, reason="RunContainerError")
        except CriError as error:
            await self._known.read_container(container_id, container.sandbox_id)
            raise CriError("RunContainerError", error.message, exit_code=START_ERROR) from error
        await self._known.read_container(container_id, container.sandbox_id)
        if container_id not in self._known.processes:
            self._look.set()

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._known.containers.get(container_id)
        if container is None or container.state is not ContainerState.RUNNING:
            return
        seconds = math.ceil(grace_seconds)
        await self._unless_gone("StopContainer", {"container_id": container_id, "timeout": seconds}, seconds + SANDBOX_SECONDS)
        await self._known.read_container(container_id, container.sandbox_id)

    async def remove_container(self, container_id: str) -> None:
        if container_id in self._known.containers:
            await self._unless_gone("RemoveContainer", {"container_id": container_id})
            self._known.forget(container_id)

    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]:
        self._require_known(pod_uid)
        found = self._known.containers.of_pod(pod_uid) if pod_uid else self._known.containers.values()
        return [one for one in found if not sandbox_id or one.sandbox_id == sandbox_id]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._container(container_id)

    def _container(self, container_id: str) -> ContainerStatus:
        container = self._known.containers.get(container_id)
        if container is None:
            raise CriError("NotFound", f"container {container_id[:12]} not found")
        return container

    async def update_container_resources(self, container_id: str, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        """A runtime's annotations do not change: a successor of ours sees the old ones, and updates once more."""
        self._container(container_id)
        asked = {"container_id": container_id, "linux": convert.resources(resources), "annotations": dict(annotations)}
        await self._client.call("UpdateContainerResources", asked, reason="UpdateContainerError")
        container = self._container(container_id)
        self._known.containers[container_id] = replace(container, annotations={**container.annotations, **annotations})

    async def container_stats(self) -> Sequence[ContainerStats]:
        if not self._known.containers:
            return []
        told = (await self._client.call("ListContainerStats"))["stats"]
        return [ContainerStats(one["attributes"]["id"], _number(one["cpu"], "usage_core_nano_seconds"), _number(one["memory"], "usage_bytes"),
                               _number(one["memory"], "working_set_bytes")) for one in told if one["attributes"]["id"] in self._known.containers]

    async def _keep_logs_small(self) -> None:
        """The kubelet's work where a runtime writes the logs: it is told to open a new file."""
        while True:
            await asyncio.sleep(LOG_SECONDS)
            for one in self._known.containers.values():
                if one.state is ContainerState.RUNNING and one.log_path and await asyncio.to_thread(rotate, Path(one.log_path), *self._log_limits, self._world.seconds()):
                    with suppress(CriError):
                        await self._client.call("ReopenContainerLog", {"container_id": one.id})

    # --- streams

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> tuple[int, bytes, bytes]:
        """CriError("DeadlineExceeded") after timeout_seconds (0: never), of which the CRI knows whole ones."""
        self._running(container_id)
        seconds = math.ceil(timeout_seconds)
        asked = {"container_id": container_id, "cmd": list(command), "timeout": seconds}
        try:
            told = await self._client.call("ExecSync", asked, seconds=seconds + SANDBOX_SECONDS if seconds else math.inf)
        except CriError as error:
            if error.reason == "DeadlineExceeded":
                raise CriError("DeadlineExceeded", f"command {' '.join(command)!r} timed out after {timeout_seconds:g}s") from None
            raise CriError("ExecFailed", error.message, exit_code=code_of(error.message)) from error
        return told["exit_code"], told["stdout"], told["stderr"]

    async def exec(self, container_id: str, command: Sequence[str], streams_: ExecStreams, *, tty: bool) -> int:
        self._running(container_id)
        asked = {"container_id": container_id, "cmd": list(command), "tty": tty, "stdin": True, "stdout": True, "stderr": not tty}
        url = (await self._client.call("Exec", asked, reason="ExecFailed"))["url"]
        try:
            return await streams.run_command(url, streams_, stdin=True, tty=tty, reason="ExecFailed")
        except CriError as error:
            raise CriError("ExecFailed", error.message, exit_code=code_of(error.message)) from error

    async def attach(self, container_id: str, streams_: ExecStreams) -> None:
        self._running(container_id)
        made = self._known.streams[container_id]
        asked = {"container_id": container_id, "tty": made.tty, "stdin": made.stdin, "stdout": True, "stderr": not made.tty}
        url = (await self._client.call("Attach", asked, reason="AttachFailed"))["url"]
        await streams.run_command(url, streams_, stdin=made.stdin, tty=made.tty, reason="AttachFailed")

    def _running(self, container_id: str) -> ContainerStatus:
        container = self._container(container_id)
        if container.state is not ContainerState.RUNNING:
            raise CriError("ContainerNotRunning", f"container {container_id[:12]} is not running")
        return container

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Straight into the sandbox's network where that is this machine's, else through the runtime."""
        sandbox = self._sandbox(sandbox_id, "NotFound")
        if pid := self._known.processes.get(sandbox_id):
            return await portforward.connect(None if sandbox.config.host_network else Path(f"/proc/{pid}/ns/net"), port)
        asked = {"pod_sandbox_id": sandbox_id, "port": [port]}
        url = (await self._client.call("PortForward", asked, reason="PortForwardFailed"))["url"]
        ours, theirs = socket.socketpair()
        inner = await asyncio.open_connection(sock=theirs)
        assert self._tasks is not None
        self._tasks.create_task(_forward(url, port, *inner))
        return await asyncio.open_connection(sock=ours)


async def _forward(url: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await streams.forward(url, port, reader, writer)
    except (CriError, OSError) as error:
        log.warning("port %d: %s", port, error)
    except BaseExceptionGroup as group:
        if group.split(OSError)[1] is not None:
            raise
    finally:
        writer.close()


def _number(usage: Document | None, name: str) -> int:
    return int(((usage or {}).get(name) or {}).get("value", 0))


