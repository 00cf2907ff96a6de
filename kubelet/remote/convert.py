"""Our configurations as the CRI's messages, and its statuses as ours. Pure.

What the CRI has no field for travels in annotations, which a runtime gives back as they were: the whole configuration of a sandbox, and
how a container's standard streams were made. The label says whose they are: a runtime may serve others than this node.
"""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubelet.cri import (
    USERS_PER_POD,
    ContainerConfig,
    ContainerState,
    ContainerStatus,
    LinuxResources,
    Mount,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
    SecurityContext,
)
from kubelet.remote.codec import Document
from kubelet.runc.records import document_of
from kubelet.runc.records import sandbox_config as sandbox_config_of
from kubelet.runc.spec import MASKED_PATHS, READONLY_PATHS

NODE_LABEL, CONFIG, STREAMS = "io.picokube.node", "io.picokube.sandbox-config", "io.picokube.streams"
IMAGE_ANNOTATION = "io.kubernetes.container.image"
POD, CONTAINER, NODE, TARGET = range(4)                         # NamespaceMode
DEFAULT_PROFILE, UNCONFINED, LOCALHOST = range(3)               # SecurityProfile.ProfileType
PROTOCOLS = {"TCP": 0, "UDP": 1, "SCTP": 2}
PROPAGATION = {"private": 0, "rslave": 1, "rshared": 2}
_NAMES = """ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG
USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN"""
SIGNALS = ("", *(f"SIG{name}" for name in _NAMES.split()), *(f"SIGRTMIN+{one}" for one in range(1, 16)),
           *(f"SIGRTMAX-{one}" for one in range(14, 0, -1)), "SIGRTMAX")
SANDBOX_STATES = (SandboxState.READY, SandboxState.NOT_READY)
CONTAINER_STATES = (ContainerState.CREATED, ContainerState.RUNNING, ContainerState.EXITED, ContainerState.UNKNOWN)


# --- what is asked for

def sandbox_config(config: SandboxConfig, node: str) -> Document:
    rest = document_of(replace(config, labels={}, annotations={}))
    return {
        "metadata": {"name": config.name, "uid": config.uid, "namespace": config.namespace, "attempt": config.attempt},
        "hostname": "" if config.host_network else config.hostname, "log_directory": config.log_directory,
        "port_mappings": [{"protocol": PROTOCOLS[one.protocol], "container_port": one.container_port, "host_port": one.host_port,
                           "host_ip": one.host_ip} for one in config.port_mappings],
        "labels": {**config.labels, NODE_LABEL: node}, "annotations": {**config.annotations, CONFIG: json.dumps(rest)},
        "linux": {"cgroup_parent": config.cgroup_parent, "sysctls": dict(config.sysctls), "resources": resources(config.resources),
                  "security_context": {"namespace_options": _namespaces(config), "privileged": config.privileged,
                                       "seccomp": {"profile_type": UNCONFINED if config.privileged else DEFAULT_PROFILE}}}}


def _namespaces(config: SandboxConfig, target: str = "") -> Document:
    process = NODE if config.host_pid else POD if config.share_process_namespace else TARGET if target else CONTAINER
    return {"network": NODE if config.host_network else POD, "ipc": NODE if config.host_ipc else POD, "pid": process,
            "target_id": target if process == TARGET else "",
            "userns_options": {"mode": POD, "uids": _users(config), "gids": _users(config)} if config.first_user else None}


def _users(config: SandboxConfig) -> list[Document]:
    """How the pod's users are the node's; [] where they are the same."""
    return [{"host_id": config.first_user, "container_id": 0, "length": USERS_PER_POD}] if config.first_user else []


def container_config(config: ContainerConfig, sandbox: SandboxConfig, node: str, seccomp: str, unified: Mapping[str, str]) -> Document:
    """`seccomp`: the directory of profiles; `unified`: what else its group is set to, on version 2."""
    return {
        "metadata": {"name": config.name, "attempt": config.attempt},
        "image": {"image": config.image_ref, "user_specified_image": config.annotations.get(IMAGE_ANNOTATION, "")},
        "command": config.command, "args": config.args, "working_dir": config.working_dir,
        "envs": [{"key": key, "value": value} for key, value in config.env], "mounts": [_mount(one, _users(sandbox)) for one in config.mounts],
        "devices": [{"container_path": path, "host_path": path, "permissions": "rwm"} for path in config.devices],
        "labels": {**config.labels, NODE_LABEL: node},
        "annotations": {**config.annotations, STREAMS: json.dumps({"tty": config.tty, "stdin": config.stdin})},
        "log_path": config.log_path, "stdin": config.stdin, "stdin_once": config.stdin_once, "tty": config.tty,
        "stop_signal": SIGNALS.index(config.stop_signal) if config.stop_signal in SIGNALS else 0,
        "linux": {"resources": {**resources(config.resources), "unified": dict(unified)},
                  "security_context": _security(config.security, sandbox, config.target_id, seccomp)}}


def resources(asked: LinuxResources) -> Document:
    return {"cpu_period": asked.cpu_period if asked.cpu_quota else 0, "cpu_quota": asked.cpu_quota, "cpu_shares": asked.cpu_shares,
            "memory_limit_in_bytes": asked.memory_limit_bytes, "oom_score_adj": asked.oom_score_adj,
            "hugepage_limits": [{"page_size": size, "limit": limit} for size, limit in asked.hugepage_limits.items()]}


def _mount(mount: Mount, users: list[Document]) -> Document:
    return {"uid_mappings": users, "gid_mappings": users, "container_path": mount.container_path, "host_path": mount.host_path, "readonly": mount.readonly,
            "propagation": PROPAGATION[mount.propagation]}


def _security(security: SecurityContext, sandbox: SandboxConfig, target: str, seccomp: str) -> Document:
    is_masked = not (security.privileged or security.unmasked_proc)
    return {
        "capabilities": {"add_capabilities": security.add_capabilities, "drop_capabilities": security.drop_capabilities},
        "privileged": security.privileged, "namespace_options": _namespaces(sandbox, target),
        "run_as_user": _number(security.run_as_user), "run_as_group": _number(security.run_as_group),
        "readonly_rootfs": security.readonly_rootfs, "supplemental_groups": security.supplemental_groups,
        "supplemental_groups_policy": int(security.strict_groups), "no_new_privs": security.no_new_privs,
        "masked_paths": MASKED_PATHS if is_masked else (), "readonly_paths": READONLY_PATHS if is_masked else (),
        "seccomp": _profile(security.seccomp, seccomp)}


def _number(value: int | None) -> Document | None:
    return None if value is None else {"value": value}


def _profile(name: str, directory: str) -> Document:
    if name.startswith("Localhost/"):
        return {"profile_type": LOCALHOST, "localhost_ref": os.path.join(directory, name.removeprefix("Localhost/"))}
    return {"profile_type": DEFAULT_PROFILE if name == "RuntimeDefault" else UNCONFINED}


# --- what is there

@dataclass(frozen=True, slots=True)
class Streams:
    """How a container's standard streams were made."""

    tty: bool = False
    stdin: bool = False


def sandbox_status(document: Document) -> SandboxStatus | None:
    """None for one that we have not made."""
    annotations, metadata = dict(document["annotations"]), document["metadata"] or {}
    text = annotations.pop(CONFIG, "")
    if not text:
        return None
    labels = {key: value for key, value in document["labels"].items() if key != NODE_LABEL}
    config = replace(sandbox_config_of(json.loads(text)), labels=labels, annotations=annotations, attempt=metadata.get("attempt", 0))
    network = document["network"] or {"ip": "", "additional_ips": []}
    ips = () if config.host_network else tuple(filter(None, [network["ip"], *(one["ip"] for one in network["additional_ips"])]))
    return SandboxStatus(document["id"], config, SANDBOX_STATES[document["state"]], document["created_at"], ips)


def container_status(document: Document, sandbox: SandboxStatus, runtime: str) -> ContainerStatus:
    metadata, annotations = document["metadata"], dict(document["annotations"])
    annotations.pop(STREAMS, None)
    state = CONTAINER_STATES[document["state"]]
    path, has_ended = document["log_path"], state in (ContainerState.EXITED, ContainerState.UNKNOWN)
    return ContainerStatus(
        document["id"], sandbox.id, metadata["name"], metadata["attempt"], state, document["created_at"],
        started_at=max(0, document["started_at"]), finished_at=max(0, document["finished_at"]), exit_code=document["exit_code"],
        reason=(document["reason"] or ("Error" if document["exit_code"] else "Completed")) if has_ended else "", message=document["message"],
        image=annotations.get(IMAGE_ANNOTATION) or (document["image"] or {}).get("image", ""), image_ref=document["image_ref"],
        log_path=os.path.join(sandbox.config.log_directory, path) if path else "", stop_signal=SIGNALS[document["stop_signal"]],
        labels={key: value for key, value in document["labels"].items() if key != NODE_LABEL}, annotations=annotations, runtime=runtime)


def streams_of(annotations: Mapping[str, str]) -> Streams:
    return Streams(**json.loads(annotations.get(STREAMS, "{}")))


def process_of(info: Mapping[str, str]) -> int:
    """The pid that a verbose status tells; 0 where it tells none, or where that is not a process of this machine (a virtual machine's)."""
    try:
        found: Any = json.loads(info.get("info", "{}")).get("pid", 0)
    except (ValueError, AttributeError):
        return 0
    return found if isinstance(found, int) else 0
