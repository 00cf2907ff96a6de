"""RuntimeService over runc. The state is on disk: a killed kubelet's successor finds every sandbox and container again.

Operations on one container or sandbox happen one after another, those on different ones side by side. That a container
ended is learnt from its shim's pidfd; nothing polls.
"""
from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from kubeapi.world import REAL_WORLD, World
from kubelet import linux
from kubelet.cri import (
    ContainerConfig,
    ContainerEvent,
    ContainerStats,
    ContainerStatus,
    CriError,
    ExecStreams,
    SandboxConfig,
    SandboxStatus,
)
from kubelet.images.store import ImageStore
from kubelet.network.pods import PodNetwork
from kubelet.runc import containers, exec, pause, rootfs, sandboxes, spec, users
from kubelet.runc.cgroups import Cgroups
from kubelet.runc.containers import Container
from kubelet.runc.events import Events
from kubelet.runc.files import read_json, write_json
from kubelet.runc.records import ContainerRecord, SandboxRecord
from kubelet.runc.sandboxes import Sandbox
from kubelet.runc.zygote import Zygote
from kubelet.shim import START_ERROR

STARTS_AT_ONCE = 3 * (os.cpu_count() or 1)
START_SECONDS = 120.0
KILL_SECONDS = 30.0                  # for a killed container to be gone
RECOVERY_SECONDS = 120.0             # for a shim that was just making its container when the kubelet died
LOG_BYTES, LOG_FILES = 10 << 20, 5

log = logging.getLogger(__name__)


class RuncRuntime:
    """`root_dir` is the node's; what is here lies in root_dir/runtime. An empty pod_cidr comes later (update_pod_cidr)."""

    def __init__(self, root_dir: Path, images: ImageStore, *, cluster: str, node: str, pod_cidr: str = "", cluster_cidr: str = "",
                 service_cidr: str = "", node_ip: str = "", world: World = REAL_WORLD, runc: str = "runc") -> None:
        self.directory = root_dir.absolute() / "runtime"
        self.cluster, self.node, self.pod_cidr = cluster, node, pod_cidr
        self._ranges = {"cluster_cidr": cluster_cidr, "service_cidr": service_cidr, "node_ip": node_ip}
        self._images, self._world, self._runc = images, world, runc
        self._cgroups = Cgroups.detect()
        self._network: PodNetwork | None = None
        self._zygote = Zygote(self.directory / "shim.log")
        self._events = Events()
        self._ready = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._starts = asyncio.Semaphore(STARTS_AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}

    async def run(self) -> None:
        await asyncio.to_thread(self._prepare)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._zygote.start()
                await self._recover()
                self._ready.set()
                await asyncio.get_running_loop().create_future()
        finally:
            self._ready.clear()
            self._tasks = None
            await self._zygote.stop()

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

    def _prepare(self) -> None:
        for name in ("sandboxes", "containers", "runc"):
            (self.directory / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        # Layer owners are unprivileged users: they must be able to pass, but not to list.
        if linux.is_on_shared_mount(self.directory):
            linux.bind(self.directory, self.directory)
            linux.mount("none", self.directory, flags=linux.MS_PRIVATE)
        if self.pod_cidr:
            self._set_up_network(self.pod_cidr)

    def _set_up_network(self, pod_cidr: str) -> None:
        directory = self.directory / "network"
        self._network = PodNetwork.set_up(self.cluster, self.node, directory, pod_cidr, **self._ranges)
        self.pod_cidr = pod_cidr

    async def update_pod_cidr(self, pod_cidr: str) -> None:
        if self._network is None or self.pod_cidr != pod_cidr:
            await linux.in_fresh_thread(lambda: self._set_up_network(pod_cidr))

    async def set_routes(self, nodes: Mapping[str, tuple[str, str]]) -> None:
        """Routes to the other nodes' pods: node -> (its podCIDR, its address)."""
        if self._network is not None:
            network = self._network
            await asyncio.to_thread(network.set_routes, nodes)

    def events(self) -> AsyncIterator[ContainerEvent]:
        return self._events.listen()

    # --- what a predecessor left

    async def _recover(self) -> None:
        found, pending = await asyncio.to_thread(self._load)
        for container in found:
            self._containers[container.id] = container
        for container in pending:
            await self._adopt(container)
        log.info("found %d sandboxes and %d containers", len(self._sandboxes), len(self._containers))

    def _load(self) -> tuple[list[Container], list[Container]]:
        """Every whole container, and of these the ones whose end is not known yet; half-made things are removed."""
        mounted = frozenset(linux.mount_points(self.directory))
        for directory in (self.directory / "sandboxes").iterdir():
            sandbox = sandboxes.load(directory, mounted)
            if sandbox:
                self._sandboxes[sandbox.id] = sandbox
            else:
                containers.remove_directory(directory)
        if self._network:
            self._network.pool.keep_only(one.id for one in self._sandboxes.values() if one.record.is_ready)
        found = []
        for directory in (self.directory / "containers").iterdir():
            container = containers.load(directory, self.directory / "runc")
            if container and container.record.sandbox_id in self._sandboxes:
                found.append(container)
            else:
                self._forget_half_made(directory)
        self._images.keep_only_holders([one.id for one in found])
        return found, [one for one in found if one.exit is None and one.was_started]

    def _forget_half_made(self, directory: Path) -> None:
        containers.remove_directory(directory)
        self._images.release(directory.name)

    async def _adopt(self, container: Container) -> None:
        """Follows the shim of a container that was started, or settles what a killed one left."""
        async with asyncio.timeout(RECOVERY_SECONDS):
            shim = await self._shim_of(container)
        if shim is None:
            await self._settle(container)
            return
        container.load_process()
        self._follow(container, shim)

    async def _shim_of(self, container: Container) -> int | None:
        """One forked a moment ago has not said its name yet."""
        for delay in backoff():
            shim = container.open_shim()
            if shim is not None or not container.shim_lives():
                return shim
            await asyncio.sleep(delay)
        return None

    def _follow(self, container: Container, shim: int) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._until_end(container, shim))

    async def _until_end(self, container: Container, shim: int) -> None:
        try:
            await linux.readable(shim)
        finally:
            os.close(shim)
        try:
            await self._settle(container)
        except Exception:
            log.exception("container %s: how it ended cannot be read", container.id)

    async def _settle(self, container: Container) -> None:
        await asyncio.to_thread(container.settle, self._cgroups, self._now())
        container.ended.set()
        self._publish(container)

    def _publish(self, container: Container) -> None:
        record = container.record
        is_pause = record.id not in self._containers or self._is_pause(record.id)
        if is_pause and container.exit and (sandbox := self._sandboxes.get(record.sandbox_id)) and sandbox.record.is_ready:
            sandboxes.mark_not_ready(sandbox)
        self._events.publish(ContainerEvent(record.sandbox_id, record.pod_uid, "" if is_pause else record.id))

    def _now(self) -> int:
        return int(self._world.seconds() * 1e9)

    def _new_id(self) -> str:
        return f"{self._world.random.getrandbits(256):064x}"

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus:
        self._require_running()
        if config.runtime_handler not in ("", "runc"):
            raise CriError("FailedCreatePodSandBox", f"no runtime for RuntimeHandler {config.runtime_handler!r} is configured")
        sandbox_id = self._new_id()
        async with self._starts:
            sandbox = await linux.in_fresh_thread(lambda: self._make_sandbox(sandbox_id, config))
            if config.share_process_namespace and not config.host_pid:
                await self._start_pause(sandbox)
        sandbox.save()
        self._sandboxes[sandbox.id] = sandbox
        self._events.publish(ContainerEvent(sandbox.id, config.uid, ""))
        return sandbox.status()

    def _make_sandbox(self, sandbox_id: str, config: SandboxConfig) -> Sandbox:
        network = self._network
        address = network.pool.take(sandbox_id) if network and not config.host_network else ""
        sandbox = Sandbox(self.directory / "sandboxes" / sandbox_id, SandboxRecord(sandbox_id, config, self._now(), address))
        try:
            self._cgroups.create(config.cgroup_parent, config.resources)
            sandboxes.build(sandbox, network)
        except BaseException as error:
            containers.remove_directory(sandbox.directory)
            if address and network:
                network.pool.give_back(address)
            if isinstance(error, OSError):
                raise CriError("FailedCreatePodSandBox", f"cannot make the pod's sandbox: {error}") from error
            raise
        return sandbox

    async def _start_pause(self, sandbox: Sandbox) -> None:
        container = await asyncio.to_thread(self._make_pause, sandbox)
        self._containers[container.id] = container
        try:
            await self._start(container)
            await asyncio.to_thread(sandboxes.pin_process_namespace, sandbox, container.pid)
        except BaseException:
            await self._stop(container, 0)
            await self._remove(container)
            await asyncio.to_thread(sandboxes.remove_from_disk, sandbox)
            self._give_back_address(sandbox)
            raise
        sandbox.pause = container.id

    def _make_pause(self, sandbox: Sandbox) -> Container:
        container_id = sandboxes.pause_id(sandbox.id)
        directory = self.directory / "containers" / container_id
        directory.mkdir()
        pause.write_root(directory / "rootfs")
        namespaces = {**sandbox.namespaces(), "pid": ""}
        cgroup = f"{sandbox.config.cgroup_parent}/{container_id}"
        write_json(directory / "config.json", pause.spec(cgroup, namespaces))
        record = ContainerRecord(container_id, sandbox.id, sandbox.config.uid, ContainerConfig("", 0, ""), self._now(), "", "",
                                 str(directory / "log"), "SIGTERM", cgroup)
        write_json(directory / "container.json", record.to_document())
        return Container(directory, self.directory / "runc", record)

    def _is_pause(self, container_id: str) -> bool:
        return container_id.endswith("-pause")

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kills what still runs in it and gives its address back; repeated or of an unknown sandbox it does nothing."""
        async with self._locks[sandbox_id]:
            sandbox = self._sandboxes.get(sandbox_id)
            if sandbox is None:
                return
            async with asyncio.TaskGroup() as group:
                for container in self._of_sandbox(sandbox_id):
                    group.create_task(self._stop_locked(container, 0))
            await asyncio.to_thread(sandboxes.release, sandbox)
            if sandbox.record.is_ready:
                await asyncio.to_thread(sandboxes.mark_not_ready, sandbox)
            self._give_back_address(sandbox)
        self._events.publish(ContainerEvent(sandbox_id, sandbox.config.uid, ""))

    def _give_back_address(self, sandbox: Sandbox) -> None:
        if sandbox.record.address and self._network:
            self._network.pool.give_back(sandbox.record.address)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        async with self._locks[sandbox_id]:
            sandbox = self._sandboxes.get(sandbox_id)
            if sandbox is None:
                return
            for container in self._of_sandbox(sandbox_id):
                await self._remove(container)
            await asyncio.to_thread(sandboxes.remove_from_disk, sandbox)
            del self._sandboxes[sandbox_id]
            parent = sandbox.config.cgroup_parent
            if not any(one.config.cgroup_parent == parent for one in self._sandboxes.values()):
                await asyncio.to_thread(self._cgroups.remove, parent)
        self._locks.pop(sandbox_id, None)
        self._events.publish(ContainerEvent(sandbox_id, sandbox.config.uid, ""))

    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        return [one.status() for one in self._sandboxes.values() if not pod_uid or one.config.uid == pod_uid]

    def _of_sandbox(self, sandbox_id: str) -> list[Container]:
        return [one for one in self._containers.values() if one.record.sandbox_id == sandbox_id]

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        self._require_running()
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.record.is_ready:
            raise CriError("CreateContainerError", f"sandbox {sandbox_id[:12]} is not ready")
        container_id = self._new_id()
        async with self._starts:
            container = await linux.in_fresh_thread(lambda: self._make_container(sandbox, container_id, config))
        self._containers[container_id] = container
        return container_id

    def _make_container(self, sandbox: Sandbox, container_id: str, config: ContainerConfig) -> Container:
        directory = self.directory / "containers" / container_id
        try:
            directory.mkdir(mode=0o700)
            record = self._write_bundle(sandbox, container_id, config, directory)
        except BaseException as error:
            containers.remove_directory(directory)
            self._images.release(container_id)
            if isinstance(error, OSError):
                raise CriError("CreateContainerError", f"cannot make the container: {error}") from error
            raise
        return Container(directory, self.directory / "runc", record)

    def _write_bundle(self, sandbox: Sandbox, container_id: str, config: ContainerConfig, directory: Path) -> ContainerRecord:
        image = self._images.hold(container_id, config.image_ref)
        root = rootfs.mount_overlay(directory, self._images.layers, image.layers)
        user = users.resolve(root, image.config.get("User") or "", config.security)
        pod = sandbox.config
        cgroup = f"{pod.cgroup_parent}/{container_id}"
        document = spec.spec(config, pod, image.config, user, cgroup=cgroup, namespaces=sandbox.namespaces(), shm=sandbox.shm)
        write_json(directory / "config.json", document)
        log_path = os.path.join(pod.log_directory, config.log_path) if config.log_path else str(directory / "log")
        record = ContainerRecord(
            container_id, sandbox.id, pod.uid, config, self._now(), next(iter(image.tags), image.id),
            next(iter(image.digests), image.id), log_path, config.stop_signal or image.config.get("StopSignal") or "SIGTERM", cgroup)
        self._cgroups.create(pod.cgroup_parent, pod.resources)
        write_json(directory / "container.json", record.to_document())
        return record

    async def start_container(self, container_id: str) -> None:
        container = self._find(container_id)
        async with container.lock, self._starts:
            await self._start(container)
        self._publish(container)

    async def _start(self, container: Container) -> None:
        lock = container.claim()
        if lock is None:
            raise CriError("RunContainerError", f"container {container.id[:12]} was started before")
        try:
            conversation = await self._zygote.ask(self._run_request(container), [lock])
        finally:
            os.close(lock)
        try:
            async with asyncio.timeout(START_SECONDS):
                answer, _ = await conversation.receive()
        except TimeoutError:
            await self._settle(container)
            raise CriError("RunContainerError", "runc did not create the container in time", exit_code=START_ERROR) from None
        finally:
            conversation.close()
        await self._take_over(container, answer)

    async def _take_over(self, container: Container, answer: Mapping[str, Any]) -> None:
        container.load_process()
        if "pid" in answer and (shim := container.open_shim()) is not None:
            self._follow(container, shim)
            return
        await self._settle(container)
        if "pid" not in answer:
            message = f"OCI runtime create failed: {answer['error']}" if "error" in answer else "the container's shim died"
            raise CriError("RunContainerError", message, exit_code=START_ERROR)

    def _run_request(self, container: Container) -> dict[str, Any]:
        record = container.record
        return {"role": "run", "id": record.id, "directory": str(container.directory), "runc": self._runc,
                "root": str(self.directory / "runc"), "log": record.log_path, "log_bytes": LOG_BYTES, "log_files": LOG_FILES,
                "tty": record.config.tty, "stdin": record.config.stdin, "stdin_once": record.config.stdin_once,
                "oom": self._cgroups.oom_counter(record.cgroup), "procs": str(self._cgroups.procs(record.cgroup))}

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            await self._stop_locked(container, grace_seconds)

    async def _stop_locked(self, container: Container, grace_seconds: float) -> None:
        # Only a start is waited for: a stop with less grace must be able to overtake one with more.
        async with container.lock:
            pass
        await self._stop(container, grace_seconds)

    async def _stop(self, container: Container, grace_seconds: float) -> None:
        if not container.is_running:
            return
        if grace_seconds > 0:
            container.signal(signal_number(container.record.stop_signal))
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await container.ended.wait()
        if container.ended.is_set():
            return
        container.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await container.ended.wait()
        except TimeoutError:
            raise CriError("KillContainerError", f"container {container.id[:12]} does not end though it was killed") from None

    async def remove_container(self, container_id: str) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            await self._stop_locked(container, 0)
            await self._remove(container)

    async def _remove(self, container: Container) -> None:
        async with container.lock:
            if self._containers.pop(container.id, None) is None:
                return
            await asyncio.to_thread(container.remove_from_disk, self._cgroups)
            self._images.release(container.id)

    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]:
        return [one.status() for one in self._containers.values()
                if not self._is_pause(one.id) and (not sandbox_id or one.record.sandbox_id == sandbox_id)
                and (not pod_uid or one.record.pod_uid == pod_uid)]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._find(container_id).status()

    def _find(self, container_id: str) -> Container:
        container = self._containers.get(container_id)
        if container is None or self._is_pause(container_id):
            raise CriError("NotFound", f"container {container_id[:12]} not found")
        return container

    def _running(self, container_id: str) -> Container:
        container = self._find(container_id)
        if not container.is_running:
            raise CriError("ContainerNotRunning", f"container {container_id[:12]} is not running")
        return container

    def _require_running(self) -> None:
        if not self._ready.is_set():
            raise CriError("RuntimeNotReady", "the container runtime is not ready")

    # --- streams

    async def exec(self, container_id: str, command: Sequence[str], streams: ExecStreams, *, tty: bool) -> int:
        container = self._running(container_id)
        name = f"exec-{self._world.random.getrandbits(64):016x}.json"
        process = dict((await asyncio.to_thread(read_json, container.directory / "config.json"))["process"])
        process |= {"args": list(command), "terminal": tty}
        if tty and not any(one.startswith("TERM=") for one in process["env"]):
            process["env"] = [*process["env"], "TERM=xterm"]
        await asyncio.to_thread(write_json, container.directory / name, process)
        request = {"role": "exec", "id": container.id, "directory": str(container.directory), "runc": self._runc,
                   "root": str(self.directory / "runc"), "process": name, "tty": tty}
        return await exec.run(self._zygote, request, streams)

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
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.record.is_ready:
            raise CriError("NotFound", f"sandbox {sandbox_id[:12]} is not ready")
        error: OSError | None = None
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                connection = await linux.in_fresh_thread(partial(self._socket_inside, sandbox, family))
                try:
                    await asyncio.get_running_loop().sock_connect(connection, (address, port))
                except OSError:
                    connection.close()
                    raise
                return await asyncio.open_connection(sock=connection)
            except OSError as fault:
                error = error or fault
        raise CriError("PortForwardFailed", f"failed to connect to localhost:{port} inside namespace {sandbox_id[:12]}: "
                       f"{error.strerror if error else ''}")

    def _socket_inside(self, sandbox: Sandbox, family: int) -> socket.socket:
        if not sandbox.config.host_network:
            linux.enter_namespace(sandbox.pin("net"))
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        return connection

    async def container_stats(self) -> Sequence[ContainerStats]:
        running = [one.record for one in self._containers.values() if one.is_running and not self._is_pause(one.id)]

        def read() -> list[ContainerStats]:
            usages = ((record.id, self._cgroups.usage(record.cgroup)) for record in running)
            return [ContainerStats(container_id, *usage) for container_id, usage in usages if usage]
        return await asyncio.to_thread(read)

    async def teardown(self) -> None:
        """Ends and removes every sandbox and container of this node."""
        async with asyncio.TaskGroup() as group:
            for sandbox_id in list(self._sandboxes):
                group.create_task(self.remove_pod_sandbox(sandbox_id))


def backoff() -> Iterator[float]:
    delay = 0.01
    while True:
        yield delay
        delay = min(1.0, delay * 2)


def signal_number(name: str) -> int:
    """Of "SIGTERM", "TERM" or "15"; TERM for what is none."""
    if name.isdigit():
        return int(name)
    plain = name.upper().removeprefix("SIG")
    if plain.startswith("RTMIN"):
        return int(signal.SIGRTMIN) + int(plain.removeprefix("RTMIN").lstrip("+") or 0)
    return int(getattr(signal, f"SIG{plain}", signal.SIGTERM))
