"""A container's OCI configuration: what Docker and containerd give a container by default, changed by its SecurityContext."""
from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kubelet.cri import ContainerConfig, CriError, LinuxResources, Mount, SandboxConfig, SecurityContext
from kubelet.runc import seccomp
from kubelet.runc.users import User

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
                        "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")
# In the order of their numbers.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
                "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
                "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
                "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
                "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
                "CHECKPOINT_RESTORE")
MASKED_PATHS = ("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
                "/sys/devices/virtual/powercap")
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PROPAGATION = {"private": "rprivate", "rslave": "rslave", "rshared": "rshared"}
GUARDED = ("nosuid", "noexec", "nodev")
NOTHING: Mapping[str, str] = MappingProxyType({})


def spec(config: ContainerConfig, sandbox: SandboxConfig, image: Mapping[str, Any], user: User, *, cgroup: str,
         namespaces: Mapping[str, str], shm: str, unified: Mapping[str, str] = NOTHING,
         seccomp_profiles: Path = Path("/nonexistent")) -> dict[str, Any]:
    """`namespaces`: OCI type -> path to join, "" for a new one; types that are missing are the host's. `unified`: what else its
    cgroup is set to, on version 2, where a container that is not privileged sees no cgroups but its own."""
    devices = _devices(config)
    linux: dict[str, Any] = {
        "cgroupsPath": cgroup, "resources": _resources(config.resources, config.security, devices),
        "namespaces": [{"type": kind, **({"path": path} if path else {})} for kind, path in namespaces.items()]}
    if unified:
        linux["resources"]["unified"] = dict(unified)
        if not config.security.privileged:
            linux["namespaces"].append({"type": "cgroup"})
    if devices:
        linux["devices"] = [device for device, _ in devices]
    if not config.security.privileged:
        granted = capabilities(config.security, _own_capabilities())
        if profile := seccomp.profile(config.security.seccomp, seccomp_profiles, granted):
            linux["seccomp"] = profile
    if not config.security.privileged and not config.security.unmasked_proc:
        linux |= {"maskedPaths": list(MASKED_PATHS), "readonlyPaths": list(READONLY_PATHS)}
    if root_propagation := _root_propagation(config.mounts):
        linux["rootfsPropagation"] = root_propagation
    return {
        "ociVersion": "1.0.2", "process": _process(config, sandbox, image, user),
        "root": {"path": "rootfs", "readonly": config.security.readonly_rootfs},
        "mounts": _mounts(config, shm), "linux": linux,
        "annotations": {"io.picokube.pod": f"{sandbox.namespace}/{sandbox.name}", "io.picokube.container": config.name}}


def _process(config: ContainerConfig, sandbox: SandboxConfig, image: Mapping[str, Any], user: User) -> dict[str, Any]:
    process: dict[str, Any] = {
        "terminal": config.tty, "args": command(config, image), "env": environment(config, sandbox, image, user),
        "cwd": config.working_dir or image.get("WorkingDir") or "/",
        "user": {"uid": user.uid, "gid": user.gid, "umask": 0o22, "additionalGids": list(user.groups)},
        "noNewPrivileges": config.security.no_new_privs, "capabilities": _capability_sets(config.security),
        "oomScoreAdj": max(config.resources.oom_score_adj, _own_oom_score())}
    if not process["cwd"].startswith("/"):
        raise CriError("CreateContainerError", f"the working directory {process['cwd']!r} is not absolute")
    return process


def command(config: ContainerConfig, image: Mapping[str, Any]) -> list[str]:
    """Kubernetes' rule: `command` replaces the image's ENTRYPOINT and CMD, `args` alone only its CMD."""
    if config.command:
        found = [*config.command, *config.args]
    else:
        found = [*(image.get("Entrypoint") or ()), *(config.args or image.get("Cmd") or ())]
    if not found:
        raise CriError("CreateContainerError", "no command specified")
    return found


def environment(config: ContainerConfig, sandbox: SandboxConfig, image: Mapping[str, Any], user: User) -> list[str]:
    found = {"PATH": PATH, "HOSTNAME": sandbox.hostname or socket.gethostname(), "HOME": user.home}
    if config.tty:
        found["TERM"] = "xterm"
    found |= {name: value for name, _, value in (one.partition("=") for one in image.get("Env") or ())}
    found |= dict(config.env)
    return [f"{name}={value}" for name, value in found.items()]


# --- capabilities

def _capability_sets(security: SecurityContext) -> dict[str, list[str]]:
    granted = [f"CAP_{name}" for name in capabilities(security, _own_capabilities())]
    return {"bounding": granted, "effective": granted, "permitted": granted}


def capabilities(security: SecurityContext, available: frozenset[str]) -> list[str]:
    """What is asked for, as far as this machine has it to give."""
    if security.privileged:
        return [name for name in CAPABILITIES if name in available]
    added = [_plain(name) for name in security.add_capabilities]
    dropped = {_plain(name) for name in security.drop_capabilities}
    if unknown := {*added, *dropped} - {*CAPABILITIES, "ALL"}:
        raise CriError("CreateContainerError", f"unknown capability {', '.join(sorted(unknown))}")
    base = set(CAPABILITIES if "ALL" in added else () if "ALL" in dropped else DEFAULT_CAPABILITIES)
    wanted = (base | set(added)) - dropped
    return [name for name in CAPABILITIES if name in wanted and name in available]


def _plain(name: str) -> str:
    return name.upper().removeprefix("CAP_")


@cache
def _own_capabilities() -> frozenset[str]:
    lines = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    bits = int(lines["CapBnd"], 16)
    return frozenset(name for number, name in enumerate(CAPABILITIES) if bits >> number & 1)


@cache
def _own_oom_score() -> int:
    """Without CAP_SYS_RESOURCE nobody may go below their own."""
    return -1000 if "SYS_RESOURCE" in _own_capabilities() else int(Path("/proc/self/oom_score_adj").read_text())


# --- resources and devices

def _resources(resources: LinuxResources, security: SecurityContext,
               devices: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    rules = [{"allow": security.privileged, "access": "rwm"}, *(rule for _, rule in devices)]
    found: dict[str, Any] = {"devices": rules}
    cpu = {"shares": resources.cpu_shares, "quota": resources.cpu_quota, "period": resources.cpu_period if resources.cpu_quota else 0}
    if cpu := {name: value for name, value in cpu.items() if value}:
        found["cpu"] = cpu
    if resources.memory_limit_bytes:
        found["memory"] = {"limit": resources.memory_limit_bytes}
    if resources.pids_limit:
        found["pids"] = {"limit": resources.pids_limit}
    if resources.hugepage_limits:
        found["hugepageLimits"] = [{"pageSize": size, "limit": limit} for size, limit in resources.hugepage_limits.items()]
    return found


def _devices(config: ContainerConfig) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(device, rule that allows it)"""
    paths = [*config.devices, *(_all_devices() if config.security.privileged else ())]
    return [device for path in dict.fromkeys(paths) if (device := _device(path))]


def _device(path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise CriError("CreateContainerError", f"device {path}: {error.strerror}") from None
    if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        return None
    kind = "c" if stat.S_ISCHR(found.st_mode) else "b"
    numbers = {"type": kind, "major": os.major(found.st_rdev), "minor": os.minor(found.st_rdev)}
    device = {"path": path, "fileMode": stat.S_IMODE(found.st_mode), "uid": found.st_uid, "gid": found.st_gid, **numbers}
    return device, {"allow": True, "access": "rwm", **numbers}


def _all_devices() -> list[str]:
    skipped = ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console")
    found = []
    for parent, directories, files in os.walk("/dev"):
        directories[:] = [one for one in directories if f"{parent}/{one}" not in skipped]
        found += [f"{parent}/{one}" for one in files if f"{parent}/{one}" not in skipped and not os.path.islink(f"{parent}/{one}")]
    return [path for path in found if stat.S_ISCHR(mode := os.stat(path).st_mode) or stat.S_ISBLK(mode)]


# --- mounts

def _mounts(config: ContainerConfig, shm: str) -> list[dict[str, Any]]:
    writing = "rw" if config.security.privileged else "ro"
    found = [
        _mount("/proc", "proc", "proc", *GUARDED),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        _mount("/dev/mqueue", "mqueue", "mqueue", *GUARDED),
        _mount("/sys", "sysfs", "sysfs", *GUARDED, writing),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *GUARDED, "relatime", writing)]
    asked = {os.path.normpath(mount.container_path) for mount in config.mounts}
    if "/dev/shm" not in asked:
        found.append(_mount("/dev/shm", "bind", shm, "rbind", *GUARDED))
    found = [mount for mount in found if mount["destination"] not in asked]
    # A mount inside another one must come after it.
    return found + [_bind(mount) for mount in sorted(config.mounts, key=lambda one: one.container_path.rstrip("/").count("/"))]


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _bind(mount: Mount) -> dict[str, Any]:
    propagation = PROPAGATION[mount.propagation]
    return _mount(mount.container_path, "bind", mount.host_path, "rbind", propagation, "ro" if mount.readonly else "rw")


def _root_propagation(mounts: Sequence[Mount]) -> str:
    asked = {mount.propagation for mount in mounts}
    return "rshared" if "rshared" in asked else "rslave" if "rslave" in asked else ""
