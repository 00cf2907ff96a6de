"""The kubelet's two interfaces to whatever runs containers, shaped like the CRI: RuntimeService and ImageService.

Implementations: `kubelet.runc` (the default), `kubelet.hollow` (simulated), and `kubelet.runtimes` over several. All methods are idempotent where the CRI's are;
all raise CriError with a reason kubectl users know. Times are nanoseconds since the epoch.
"""
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

USERS_PER_POD = 1 << 16


class CriError(Exception):
    """`reason` is what a container's waiting state shows: ErrImagePull, CreateContainerError, RunContainerError ..."""

    def __init__(self, reason: str, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.exit_code = reason, message, exit_code


@dataclass(frozen=True, slots=True)
class LinuxResources:
    cpu_shares: int = 0
    cpu_quota: int = 0                 # microseconds per period; 0: none
    cpu_period: int = 100_000
    memory_limit_bytes: int = 0        # 0: none
    pids_limit: int = 0
    oom_score_adj: int = 0
    hugepage_limits: Mapping[str, int] = field(default_factory=dict)      # 2MB -> bytes


@dataclass(frozen=True, slots=True)
class PortMapping:
    protocol: str
    container_port: int
    host_port: int
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """A pod's shared surroundings. `cgroup_parent` is the pod's own cgroup, relative to each hierarchy's root; an empty `hostname` is
    the machine's, as it must be in the host's network."""

    name: str
    namespace: str
    uid: str
    attempt: int
    hostname: str
    log_directory: str
    cgroup_parent: str
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_process_namespace: bool = False
    sysctls: Mapping[str, str] = field(default_factory=dict)
    port_mappings: Sequence[PortMapping] = ()
    resources: LinuxResources = LinuxResources()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime_handler: str = ""
    privileged: bool = False           # a container of it is
    first_user: int = 0                # of the node's users that the pod's USERS_PER_POD are; 0: its users are the node's


class SandboxState(Enum):
    READY = "SANDBOX_READY"
    NOT_READY = "SANDBOX_NOTREADY"


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    id: str
    config: SandboxConfig
    state: SandboxState
    created_at: int
    ips: tuple[str, ...] = ()          # the first is the pod IP; empty with host_network
    netns_path: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    container_path: str
    host_path: str
    readonly: bool = False
    propagation: str = "private"       # private, rslave, rshared


@dataclass(frozen=True, slots=True)
class SecurityContext:
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    readonly_rootfs: bool = False
    no_new_privs: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    strict_groups: bool = False        # only the groups named here, not those of the image's /etc/group
    unmasked_proc: bool = False
    seccomp: str = ""                  # RuntimeDefault, or Localhost/ and the path of a profile; "": unconfined
    run_as_non_root: bool = False


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """One attempt of one container. command/args follow Kubernetes: command replaces ENTRYPOINT, args replace CMD."""

    name: str
    attempt: int
    image_ref: str                     # the image's id, as answered by ImageService.pull/status
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: Sequence[tuple[str, str]] = ()
    mounts: Sequence[Mount] = ()
    devices: Sequence[str] = ()
    log_path: str = ""                 # relative to the sandbox's log_directory: CONTAINER/ATTEMPT.log
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    security: SecurityContext = SecurityContext()
    resources: LinuxResources = LinuxResources()
    stop_signal: str = ""
    target_id: str = ""                # of the container whose process namespace it joins
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class ContainerState(Enum):
    CREATED = "CONTAINER_CREATED"
    RUNNING = "CONTAINER_RUNNING"
    EXITED = "CONTAINER_EXITED"
    UNKNOWN = "CONTAINER_UNKNOWN"      # its outcome was lost (node restart, shim killed)


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    created_at: int
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    signal: int = 0
    reason: str = ""                   # Completed, Error, OOMKilled, StartError, ContainerStatusUnknown
    message: str = ""
    pid: int = 0
    image: str = ""                    # as the pod spec named it
    image_ref: str = ""                # repo digest or image id
    log_path: str = ""                 # absolute
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""                  # what runs it, where that is not the node's own runtime
    writable_layer: str = ""           # the directory of what it wrote into its root; empty where that is not known


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something about a sandbox or a container changed: started, stopped (from a pidfd, never from polling)."""

    sandbox_id: str
    pod_uid: str
    container_id: str                  # empty for the sandbox itself


@dataclass(frozen=True, slots=True)
class ContainerStats:
    container_id: str
    cpu_usage_core_nanoseconds: int
    memory_usage_bytes: int
    memory_working_set_bytes: int


class ExecStreams(Protocol):
    """Where an exec's or attach's bytes go; stdin yields b"" at its end."""

    def stdin(self) -> AsyncIterator[bytes]: ...
    async def stdout(self, data: bytes) -> None: ...
    async def stderr(self, data: bytes) -> None: ...
    def resizes(self) -> AsyncIterator[tuple[int, int]]: ...      # (columns, rows)


class RuntimeService(Protocol):
    async def run(self) -> None:
        """Finds what is on disk, then watches processes; runs until cancelled. `ready` is set when the state is known."""
        ...

    async def wait_ready(self) -> None: ...
    async def version(self) -> tuple[str, str]: ...               # ("runc", "1.1.5")
    async def run_pod_sandbox(self, config: SandboxConfig) -> SandboxStatus: ...
    async def stop_pod_sandbox(self, sandbox_id: str) -> None: ...
    async def remove_pod_sandbox(self, sandbox_id: str) -> None: ...
    async def list_pod_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]: ...
    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str: ...
    async def start_container(self, container_id: str) -> None: ...
    async def stop_container(self, container_id: str, grace_seconds: float) -> None: ...
    async def remove_container(self, container_id: str) -> None: ...
    async def list_containers(self, sandbox_id: str = "", pod_uid: str = "") -> Sequence[ContainerStatus]: ...
    async def container_status(self, container_id: str) -> ContainerStatus: ...
    async def update_container_resources(self, container_id: str, resources: LinuxResources, annotations: Mapping[str, str]) -> None:
        """While it runs; the annotations are added to its own."""
        ...

    async def update_pod_sandbox_resources(self, sandbox_id: str, resources: LinuxResources) -> None: ...
    async def exec(self, container_id: str, command: Sequence[str], streams: ExecStreams, *, tty: bool) -> int: ...
    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> tuple[int, bytes, bytes]: ...
    async def attach(self, container_id: str, streams: ExecStreams) -> None: ...
    async def port_forward(self, sandbox_id: str, port: int) -> tuple[Any, Any]: ...   # asyncio StreamReader, StreamWriter
    async def container_stats(self) -> Sequence[ContainerStats]: ...
    async def update_pod_cidr(self, pod_cidr: str) -> None: ...
    def events(self) -> AsyncIterator[ContainerEvent]: ...


@dataclass(frozen=True, slots=True)
class Image:
    id: str                            # sha256:... of the config
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]
    size: int
    user: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)       # the image config's "config"
    pinned: bool = False               # what the runtime cannot do without


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    username: str = ""
    password: str = ""
    auth: str = ""
    registry_token: str = ""


class ImageService(Protocol):
    async def status(self, image: str) -> Image | None: ...       # by name, name@digest or id
    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        """Raises CriError with ErrImagePull (an unreachable registry included, as containerd has it) or InvalidImageName."""
        ...

    async def list(self) -> Sequence[Image]: ...
    async def remove(self, image: str) -> None: ...
    async def import_archive(self, path: str) -> Sequence[Image]: ...
