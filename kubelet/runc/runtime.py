"""RuntimeService over runc. The state is on disk: a killed kubelet's successor finds every sandbox and container again.

Operations on one sandbox happen one after another, those on different ones side by side. Nothing polls: that a container
ended is learnt from its shim (shims.py).
"""
from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from kubeapi.world import REAL_WORLD, World
from kubelet import linux
from kubelet.containerevents import Events
from kubelet.cri import (
    ContainerConfig,
    ContainerEvent,
    ContainerStats,
    ContainerStatus,
    CriError,
    ExecStreams,
    LinuxResources,
    SandboxConfig,
    SandboxStatus,
)
from kubelet.handlers import no_such_handler
from kubelet.images.store import ImageStore
from kubelet.runc import bundle, containers, exec, portforward, sandboxes
from kubelet.runc.cgroups import Cgroups, node_path
from kubelet.runc.containers import Container
from kubelet.runc.files import read_json, write_json
from kubelet.runc.known import ByPod
from kubelet.runc.nodenetwork import NodeNetwork
from kubelet.runc.records import SandboxRecord
from kubelet.runc.recovery import Recovery
from kubelet.runc.sandboxes import Sandbox, is_pause
from kubelet.runc.shims import LOG_BYTES, LOG_FILES, Shims

log = logging.getLogger(__name__)
RUNC_ONLY = MappingProxyType({"runc": ("runc", "runc")})


class RuncRuntime:
    """`root_dir` is the node's; what is here lies in root_dir/runtime. An empty pod_cidr comes later (update_pod_cidr).

    A pod's cgroup_parent begins with cgroups.node_path(cluster, node), so that a clean-up finds it. `binaries`: handler -> name and
    binary of the OCI runtime it stands for; `others_pods`: the uids of those that another runtime of this node has.
    """

    def __init__(self, root_dir: Path, images: ImageStore, *, cluster: str, node: str, pod_cidr: str = "", cluster_cidr: str = "",
                 service_cidr: str = "", node_ip: str = "", world: World = REAL_WORLD, runc: str = "runc",
                 log_bytes: int = LOG_BYTES, log_files: int = LOG_FILES, binaries: Mapping[str, tuple[str, str]] = RUNC_ONLY,
                 others_pods: Callable[[], Iterable[str]] = tuple) -> None:
        self.directory = root_dir.resolve() / "runtime"
        self._seccomp_profiles = root_dir.resolve() / "seccomp"
        self.cluster, self.node, self._pod_cidr = cluster, node, pod_cidr
        self._images, self._world, self._runc, self._binaries = images, world, runc, binaries
        self._others_pods = others_pods
        self._cgroups = Cgroups.detect()
        self._shims = Shims(self.directory, runc, self._cgroups, self._publish, self._now, (log_bytes, log_files))
        self._events = Events()
        self._ready = asyncio.Event()
        # Sandboxes and containers are made one at a time: threads that wait for the interpreter at each of their many system calls, and make
        # the event loop wait, cost more than they gain. What takes long, runc, runs beside them.
        self._making = asyncio.Lock()
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sandboxes = ByPod[Sandbox](lambda one: one.config.uid)
        self._containers = ByPod[Container](lambda one: one.record.pod_uid)
        ranges = {"cluster_cidr": cluster_cidr, "service_cidr": service_cidr, "node_ip": node_ip}
        self._network = NodeNetwork(cluster, node, self.directory / "network", ranges, self._sandboxes)

    async def run(self) -> None:
        await linux.in_fresh_thread(self._prepare)
        self._network.announce()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._shims.run(tasks)
                await self._shims.zygote.start()
                await self._recover()
                self._ready.set()
                await asyncio.get_running_loop().create_future()
        finally:
            self._ready.clear()
            await self._shims.zygote.stop()

    async def wait_ready(self) -> None:
        await self._ready.wait()

    async def version(self) -> tuple[str, str]:
        def ask() -> str:
            return subprocess.run([self._runc, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        try:
            words = (await asyncio.to_thread(ask)).split()
        except FileNotFoundError:
            raise CriError("RuntimeNotReady", "runc is not installed (Debian: apt install runc)") from None
        return "runc", words[words.index("version") + 1]

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self._events.listen()

    def _publish(self, container: Container) -> None:
        record = container.record
        if not is_pause(record.id):
            self._events.publish(ContainerEvent(record.sandbox_id, record.pod_uid, record.id))
            return
        sandbox = self._sandboxes.get(record.sandbox_id)
        if container.exit and sandbox and sandbox.record.is_ready:
            sandboxes.mark_not_ready(sandbox)
        self._events.publish(ContainerEvent(record.sandbox_id, record.pod_uid, ""))

    def _now(self) -> int:
        return int(self._world.seconds() * 1e9)

    def _new_id(self) -> str:
        return f"{self._world.random.getrandbits(256):064x}"

    def _require_running(self) -> None:
        if not self._ready.is_set():
            raise CriError("RuntimeNotReady", "the container runtime is not ready")

    # --- the node

    def _prepare(self) -> None:
        for name in ("sandboxes", "containers", "runc"):
            (self.directory / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        # Other mount namespaces must not get copies of our mounts: they would keep pods' namespaces alive.
        if linux.is_on_shared_mount(self.directory):
            linux.bind(self.directory, self.directory)
            linux.mount("none", self.directory, flags=linux.MS_PRIVATE)
        if self._pod_cidr:
            self._network.set_up(self._pod_cidr)

    async def update_pod_cidr(self, pod_cidr: str) -> None:
        await self._network.update(pod_cidr)

    async def set_routes(self, nodes: Mapping[str, tuple[str, str]]) -> None:
        """Routes to the other nodes' pods: node -> (its podCIDR, its address), once this node has a podCIDR of its own.
        Faults are told after all others are set."""
        await self._network.set_routes(nodes)

    async def _recover(self) -> None:
        """What a predecessor left."""
        await Recovery(self.directory, self._sandboxes, self._containers, self._shims, self._cgroups, node_path(self.cluster, self.node),
                       self._others_pods, self._remove).run()
        await asyncio.to_thread(self._images.keep_only_holders, self._containers)
        await self._network.recover()

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        self._require_running()
        if config.runtime_handler and config.runtime_handler not in self._binaries:
            raise no_such_handler(config.runtime_handler)
        sandbox_id = self._new_id()
        async with self._making:
            sandbox = await linux.in_fresh_thread(lambda: self._make_sandbox(sandbox_id, config))
        if sandboxes.has_pause(config):
            await self._start_pause(sandbox)
        if config.port_mappings:
            await self._open_host_ports(sandbox)
        self._events.publish(ContainerEvent(sandbox.id, config.uid, ""))
        return sandbox.status()

    async def _open_host_ports(self, sandbox: Sandbox) -> None:
        try:
            await self._network.write_host_ports()
        except BaseException:
            await self.remove_pod_sandbox(sandbox.id)
            raise

    def _make_sandbox(self, sandbox_id: str, config: SandboxConfig) -> Sandbox:
        address = "" if config.host_network else self._network.take_address(sandbox_id)
        sandbox = Sandbox(self.directory / "sandboxes" / sandbox_id, SandboxRecord(sandbox_id, config, self._now(), address))
        try:
            self._cgroups.create(config.cgroup_parent, config.resources)
            sandboxes.build(sandbox, self._network.pods)
            if not sandboxes.has_pause(config):
                self._register(sandbox)
        except BaseException as error:
            self._unmake(sandbox)
            if isinstance(error, OSError):
                raise CriError("FailedCreatePodSandBox", f"cannot make the pod's sandbox: {error}") from error
            raise
        return sandbox

    def _register(self, sandbox: Sandbox) -> None:
        """From here on it is known, even if whoever asked for it is not there any more."""
        sandbox.save()
        self._sandboxes[sandbox.id] = sandbox

    def _unmake(self, sandbox: Sandbox) -> None:
        containers.remove_directory(sandbox.directory)
        self._network.give_back_address(sandbox)
        if not self._sandboxes.of_pod(sandbox.config.uid):
            self._cgroups.end(sandbox.config.cgroup_parent)

    async def _start_pause(self, sandbox: Sandbox) -> None:
        record = await asyncio.to_thread(bundle.make_pause, self.directory / "containers", sandbox, self._now(), self._oci(sandbox))
        container = Container(self.directory / "containers" / record.id, self.directory / "runc", record)
        self._containers[container.id] = container
        try:
            await self._shims.start(container)
            await asyncio.to_thread(self._pin_process_namespace, sandbox, container)
        except BaseException:
            await self._shims.stop(container, 0)
            await self._remove(container)
            await asyncio.to_thread(self._unmake, sandbox)
            raise
        await asyncio.to_thread(self._register, sandbox)
        if not container.is_running:
            sandboxes.mark_not_ready(sandbox)     # it died before anybody could be told that the sandbox has lost it

    def _pin_process_namespace(self, sandbox: Sandbox, pause: Container) -> None:
        """Its own: a pid alone may be another's by now."""
        sandboxes.pin_process_namespace(sandbox, pause.pid)
        process = pause.open_process()
        if process is None:
            raise CriError("FailedCreatePodSandBox", "the pod's pause process has died")
        os.close(process)

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kills what still runs in it and gives its address back; of an unknown sandbox it does nothing."""
        async with self._locks[sandbox_id]:
            sandbox = self._sandboxes.get(sandbox_id)
            if sandbox is None:
                return
            async with containers.first_fault(), asyncio.TaskGroup() as group:
                for container in self._of_sandbox(sandbox_id):
                    group.create_task(self._shims.stop(container, 0))
            await asyncio.to_thread(sandboxes.release, sandbox)
            self._network.give_back_address(sandbox)      # also of one that is not ready because its pause has died
            was_ready = sandbox.record.is_ready
            if was_ready:
                await asyncio.to_thread(sandboxes.mark_not_ready, sandbox)
            if sandbox.config.port_mappings:
                await self._network.write_host_ports()
        if was_ready:
            self._events.publish(ContainerEvent(sandbox_id, sandbox.config.uid, ""))

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        async with self._locks[sandbox_id]:
            sandbox = self._sandboxes.get(sandbox_id)
            if sandbox is None:
                return
            for container in self._of_sandbox(sandbox_id):
                await self._remove(container)
            if self._sandboxes.of_pod(sandbox.config.uid) == [sandbox]:
                await asyncio.to_thread(self._cgroups.end, sandbox.config.cgroup_parent)       # with what a killed runc had just begun
            await asyncio.to_thread(sandboxes.remove_from_disk, sandbox)
            del self._sandboxes[sandbox_id]
        self._locks.pop(sandbox_id, None)
        self._events.publish(ContainerEvent(sandbox_id, sandbox.config.uid, ""))

    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        return [one.status() for one in (self._sandboxes.of_pod(pod_uid) if pod_uid else self._sandboxes.values())]

    def _of_sandbox(self, sandbox_id: str) -> list[Container]:
        return [one for one in self._containers.values() if one.record.sandbox_id == sandbox_id]

    def _ready_sandbox(self, sandbox_id: str, reason: str) -> Sandbox:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.record.is_ready:
            raise CriError(reason, f"sandbox {sandbox_id[:12]} is not ready")
        return sandbox

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        self._require_running()
        sandbox = self._ready_sandbox(sandbox_id, "CreateContainerError")
        container_id = self._new_id()
        async with self._making:
            await linux.in_fresh_thread(lambda: self._make_container(sandbox, container_id, config))
        return container_id

    def _make_container(self, sandbox: Sandbox, container_id: str, config: ContainerConfig) -> None:
        directory = self.directory / "containers" / container_id
        try:
            directory.mkdir(mode=0o700)
            self._cgroups.create(sandbox.config.cgroup_parent, sandbox.config.resources)
            if config.resources.hugepage_limits and not self._cgroups.has_huge_pages(sandbox.config.cgroup_parent):
                config = replace(config, resources=replace(config.resources, hugepage_limits={}))
            record = bundle.make_container(directory, sandbox, config, self._images, self._seccomp_profiles, self._now(),
                                           process_namespace=self._process_namespace(config.target_id),
                                           unified=self._cgroups.of_containers(sandbox.config.cgroup_parent), oci=self._oci(sandbox))
        except BaseException as error:
            containers.remove_directory(directory)
            self._images.release(container_id)
            if isinstance(error, OSError):
                raise CriError("CreateContainerError", f"cannot make the container: {error}") from error
            raise
        self._containers[container_id] = Container(directory, self.directory / "runc", record)

    def _oci(self, sandbox: Sandbox) -> tuple[str, str]:
        """Name and binary of what runs its containers; nothing for runc."""
        name, binary = self._binaries.get(sandbox.config.runtime_handler, ("runc", self._runc))
        return bundle.RUNC if (name, binary) == ("runc", self._runc) else ("" if name == "runc" else name, binary)

    def _process_namespace(self, target_id: str) -> str:
        """Of a running container that another is to join; "" where none is asked for."""
        target = self._containers.get(target_id)
        if target_id and (target is None or not target.is_running):
            raise CriError("CreateContainerError", f"the target container {target_id[:12]} is not running")
        return f"/proc/{target.pid}/ns/pid" if target else ""

    async def start_container(self, container_id: str) -> None:
        container = self._find(container_id)
        await self._shims.start(container)
        self._publish(container)

    async def update_container_resources(self, container_id: str, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        container = self._running(container_id)
        async with container.lock:
            await asyncio.to_thread(self._update, container.record.cgroup, resources)
            await asyncio.to_thread(container.remember_resources, resources, annotations)

    async def update_pod_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None:
        sandbox = self._ready_sandbox(sandbox_id, "NotFound")
        async with self._locks[sandbox_id]:
            await asyncio.to_thread(self._update, sandbox.config.cgroup_parent, resources)
            sandbox.record = replace(sandbox.record, config=replace(sandbox.config, resources=resources))
            await asyncio.to_thread(sandbox.save)

    def _update(self, cgroup: str, resources: LinuxResources) -> None:
        try:
            self._cgroups.limit(cgroup, resources)
        except OSError as error:
            raise CriError("UpdateContainerError", f"{error.filename}: {error.strerror}") from error

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            await self._shims.stop(container, grace_seconds)

    async def remove_container(self, container_id: str) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            await self._shims.stop(container, 0)
            await self._remove(container)

    async def _remove(self, container: Container) -> None:
        """Wholly, also when the caller is cancelled; what fails may be repeated."""
        await self._shims.unbroken(self._remove_locked(container))

    async def _remove_locked(self, container: Container) -> None:
        async with container.lock:
            if container.id in self._containers:
                await asyncio.to_thread(container.remove_from_disk, self._cgroups)
                self._images.release(container.id)
                del self._containers[container.id]

    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]:
        found = self._containers.of_pod(pod_uid) if pod_uid else self._containers.values()
        return [one.status() for one in found if not is_pause(one.id) and (not sandbox_id or one.record.sandbox_id == sandbox_id)]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._find(container_id).status()

    def _find(self, container_id: str) -> Container:
        container = self._containers.get(container_id)
        if container is None or is_pause(container_id):
            raise CriError("NotFound", f"container {container_id[:12]} not found")
        return container

    def _running(self, container_id: str) -> Container:
        container = self._find(container_id)
        if not container.is_running:
            raise CriError("ContainerNotRunning", f"container {container_id[:12]} is not running")
        return container

    async def container_stats(self) -> Sequence[ContainerStats]:
        running = [one.record for one in self._containers.values() if one.is_running and not is_pause(one.id)]

        def read() -> list[ContainerStats]:
            usages = ((record.id, self._cgroups.usage(record.cgroup)) for record in running)
            return [ContainerStats(container_id, *usage) for container_id, usage in usages if usage]
        return await asyncio.to_thread(read)

    # --- streams

    async def exec(self, container_id: str, command: Sequence[str], streams: ExecStreams, *, tty: bool) -> int:
        container = self._running(container_id)
        name = f"exec-{self._world.random.getrandbits(64):016x}.json"

        def write_process() -> None:
            process = read_json(container.directory / "config.json")["process"]
            write_json(container.directory / name, exec.process(process, command, is_terminal=tty), outlives_power=False)
        await asyncio.to_thread(write_process)
        request = {**self._shims.base_request(container), "role": "exec", "process": name, "tty": tty}
        return await exec.run(self._shims.zygote, request, streams)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> tuple[int, bytes, bytes]:
        """CriError("DeadlineExceeded") after timeout_seconds (0: never); the command is killed then."""
        capture = exec.Capture()
        try:
            async with asyncio.timeout(timeout_seconds or None):
                code = await self.exec(container_id, command, capture, tty=False)
        except TimeoutError:
            raise CriError("DeadlineExceeded", f"command {' '.join(command)!r} timed out after {timeout_seconds:g}s") from None
        return code, bytes(capture.out), bytes(capture.err)

    async def attach(self, container_id: str, streams: ExecStreams) -> None:
        await exec.attach(self._running(container_id).directory, streams)

    async def port_forward(self, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sandbox = self._ready_sandbox(sandbox_id, "NotFound")
        return await portforward.connect(None if sandbox.config.host_network else sandbox.pin("net"), port)

    async def teardown(self) -> None:
        """Ends and removes every sandbox and container of this node."""
        async with containers.first_fault(), asyncio.TaskGroup() as group:
            for sandbox_id in list(self._sandboxes):
                group.create_task(self.remove_pod_sandbox(sandbox_id))
