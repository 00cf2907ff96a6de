"""Pod sandboxes: namespaces pinned by bind mounts, so that they need no process; an address; a /dev/shm; a cgroup."""
from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kubelet import linux
from kubelet.admission import SWAPPED
from kubelet.cri import CriError, SandboxConfig, SandboxState, SandboxStatus
from kubelet.network import naming
from kubelet.network.hostports import HostPort
from kubelet.network.netlink import Netlink
from kubelet.network.pods import PodNetwork
from kubelet.runc.containers import remove_directory
from kubelet.runc.files import read_json, write_json
from kubelet.runc.records import SandboxRecord
from kubelet.runc.usernamespace import pin_namespaces

KINDS = {"net": linux.CLONE_NEWNET, "ipc": linux.CLONE_NEWIPC, "uts": linux.CLONE_NEWUTS}
OCI_TYPES = {"user": "user", "net": "network", "ipc": "ipc", "uts": "uts", "pid": "pid"}
SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
SHM_BYTES = 64 << 20
PAUSE = "-pause"
# Files whose change cannot reach beyond the pod's own namespaces.
NAMESPACED_SYSCTLS = {"net.": "net", "kernel.shm": "ipc", "kernel.msg": "ipc", "kernel.sem": "ipc", "fs.mqueue.": "ipc"}


@dataclass(slots=True)
class Sandbox:
    directory: Path
    record: SandboxRecord

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def config(self) -> SandboxConfig:
        return self.record.config

    def pin(self, kind: str) -> Path:
        return self.directory / "ns" / kind

    @property
    def shm(self) -> str:
        return "/dev/shm" if self.config.host_ipc else str(self.directory / "shm")

    def namespaces(self) -> dict[str, str]:
        """OCI type -> path, for a container of this sandbox."""
        found = {OCI_TYPES[kind]: str(self.pin(kind)) for kind in own_namespaces(self.config)}
        if not self.config.host_pid:
            found["pid"] = str(self.pin("pid")) if self.config.share_process_namespace else ""
        return {**found, "mount": ""}

    def status(self) -> SandboxStatus:
        record = self.record
        state = SandboxState.READY if record.is_ready else SandboxState.NOT_READY
        netns = "" if record.config.host_network else str(self.pin("net"))
        return SandboxStatus(record.id, record.config, state, record.created_at, (record.address,) if record.address else (), netns)

    def save(self) -> None:
        write_json(self.directory / "sandbox.json", self.record.to_document())


def own_namespaces(config: SandboxConfig) -> list[str]:
    """Its own network, with a host name, and IPC, unless the host's are asked for; its own users where these are."""
    return [*(["user"] if config.first_user else []), *_of_thread(config)]


def _of_thread(config: SandboxConfig) -> list[str]:
    """Those that a thread can make by itself."""
    return [kind for kind in KINDS if not (kind == "ipc" and config.host_ipc or kind in ("net", "uts") and config.host_network)]


def host_ports(sandbox: Sandbox, cluster: str) -> list[HostPort]:
    """The node's ports that are its own."""
    record = sandbox.record
    if not record.is_ready or not record.address:
        return []
    link = naming.link_name(cluster, record.id)
    return [HostPort(one.protocol, one.host_ip, one.host_port, record.address, one.container_port, link)
            for one in record.config.port_mappings]


def build(sandbox: Sandbox, network: PodNetwork | None) -> None:
    """Makes it all, but the record: only in a fresh thread, which ends up inside. On failure nothing is left."""
    try:
        _build(sandbox, network)
    except OSError as error:
        release(sandbox)
        raise CriError("FailedCreatePodSandBox", f"cannot make the pod's sandbox: {error}") from error
    except BaseException:
        release(sandbox)
        raise


def _build(sandbox: Sandbox, network: PodNetwork | None) -> None:
    config, kinds = sandbox.config, _of_thread(sandbox.config)
    (sandbox.directory / "ns").mkdir(parents=True)
    flags = 0
    for kind in kinds:
        flags |= KINDS[kind]
    with Netlink() as outside:
        if config.first_user:
            pin_namespaces(config.first_user, {kind: sandbox.pin(kind) for kind in own_namespaces(config)}, flags)
            for kind in kinds:
                linux.enter_namespace(sandbox.pin(kind), KINDS[kind])
        else:
            linux.unshare(flags)
        if "net" in kinds:
            if network is None:
                raise CriError("FailedCreatePodSandBox", "the node has no podCIDR yet")
            network.attach(sandbox.id, outside, sandbox.record.address)
    if "uts" in kinds:
        socket.sethostname(config.hostname)
    _set_sysctls(config, kinds)
    for kind in kinds if not config.first_user else ():
        sandbox.pin(kind).touch()
        linux.bind(f"/proc/thread-self/ns/{kind}", sandbox.pin(kind))
    if not config.host_ipc:
        Path(sandbox.shm).mkdir()
        linux.mount("shm", sandbox.shm, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC, f"mode=1777,size={SHM_BYTES},uid={config.first_user},gid={config.first_user}")


def _set_sysctls(config: SandboxConfig, kinds: list[str]) -> None:
    defaults = SYSCTLS if "net" in kinds else {}
    for name, value in {**defaults, **config.sysctls}.items():
        namespace = next((kind for prefix, kind in NAMESPACED_SYSCTLS.items() if name.startswith(prefix)), "")
        path = Path("/proc/sys", name.translate(SWAPPED))
        if namespace not in kinds or ".." in path.parts:
            raise CriError("FailedCreatePodSandBox", f"sysctl {name!r} is not the pod's own: it would change the node")
        try:
            path.write_text(value)
        except OSError as error:
            raise CriError("FailedCreatePodSandBox", f"sysctl {name}={value}: {error.strerror}") from error


def has_pause(config: SandboxConfig) -> bool:
    return config.share_process_namespace and not config.host_pid


def pin_process_namespace(sandbox: Sandbox, pid: int) -> None:
    sandbox.pin("pid").touch()
    linux.bind(f"/proc/{pid}/ns/pid", sandbox.pin("pid"))


def release(sandbox: Sandbox) -> None:
    """Drops the pins: namespaces and veth vanish with the last process inside."""
    for point in reversed(linux.mount_points(sandbox.directory)):
        linux.unmount(point)
    shutil.rmtree(sandbox.directory / "ns", ignore_errors=True)
    with suppress(OSError):
        os.rmdir(sandbox.directory / "shm")


def load(directory: Path, mounted: frozenset[str]) -> Sandbox | None:
    """None for a half-made one. A sandbox whose pins are gone (the machine was started anew) is not ready any more."""
    document = read_json(directory / "sandbox.json")
    if document is None:
        return None
    sandbox = Sandbox(directory, SandboxRecord.from_document(document))
    if sandbox.record.is_ready and any(str(sandbox.pin(kind)) not in mounted for kind in own_namespaces(sandbox.config)):
        mark_not_ready(sandbox)
    return sandbox


def pause_id(sandbox_id: str) -> str:
    """Of the container whose only process holds the process namespace; it is shown to nobody."""
    return f"{sandbox_id[:52]}{PAUSE}"


def is_pause(container_id: str) -> bool:
    return container_id.endswith(PAUSE)


def mark_not_ready(sandbox: Sandbox) -> None:
    sandbox.record = replace(sandbox.record, is_ready=False)
    sandbox.save()


def remove_from_disk(sandbox: Sandbox) -> None:
    (sandbox.directory / "sandbox.json").unlink(missing_ok=True)
    remove_directory(sandbox.directory)
