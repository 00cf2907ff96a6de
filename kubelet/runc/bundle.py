"""Makes a container on disk: its root, its OCI configuration, and last its record, which says that it is whole."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kubelet.cri import ContainerConfig
from kubelet.images.store import ImageStore
from kubelet.runc import pause, rootfs, spec, users
from kubelet.runc.files import write_json
from kubelet.runc.records import ContainerRecord
from kubelet.runc.sandboxes import Sandbox, pause_id
from kubelet.runc.usernamespace import Outside, in_user_namespace

# What the pod calls the image; the store only knows it by its id.
IMAGE_ANNOTATION = "io.kubernetes.container.image"
RUNC = ("", "")                     # the node's own, which a record need not name


def make_container(directory: Path, sandbox: Sandbox, config: ContainerConfig, images: ImageStore, seccomp_profiles: Path,
                   now: int, *, process_namespace: str = "", unified: Mapping[str, str] = spec.NOTHING, oci: tuple[str, str] = RUNC) -> ContainerRecord:
    """Only in a fresh thread (mount_overlay). `directory` is new and named after the container's id; `oci`: the name and binary of what
    is to run it."""
    image = images.hold(directory.name, config.image_ref)
    pod, outside = sandbox.config, _outside(directory, sandbox)
    mount = outside.overlay if outside else rootfs.mount_overlay
    root = mount(directory, images.layers, image.layers)
    user = users.resolve(root, image.config.get("User") or "", config.security)
    cgroup = f"{pod.cgroup_parent}/{directory.name}"
    namespaces = sandbox.namespaces()
    if process_namespace and namespaces.get("pid") == "":
        namespaces["pid"] = process_namespace     # in a pod that shares one there is nothing else to join
    seen = replace(config, mounts=outside.mounts(config.mounts)) if outside else config
    document = spec.spec(seen, pod, image.config, user, cgroup=cgroup, namespaces=namespaces, shm=sandbox.shm,
                         unified=unified, seccomp_profiles=seccomp_profiles)
    if outside:
        in_user_namespace(document, pod.first_user, root)
    write_json(directory / "config.json", document, outlives_power=False)
    log_path = os.path.join(pod.log_directory, config.log_path) if config.log_path else str(directory / "log")
    name = config.annotations.get(IMAGE_ANNOTATION) or next(iter(image.tags), image.id)
    stop_signal = config.stop_signal or image.config.get("StopSignal") or "SIGTERM"
    record = ContainerRecord(directory.name, sandbox.id, pod.uid, config, now, name, next(iter(image.digests), image.id), log_path,
                             stop_signal, cgroup, *oci)
    write_json(directory / "container.json", record.to_document())
    return record


def _outside(directory: Path, sandbox: Sandbox) -> Outside | None:
    """None where the pod's users are the node's."""
    return Outside(directory, sandbox.pin("user"), sandbox.config.first_user) if sandbox.config.first_user else None


def make_pause(containers: Path, sandbox: Sandbox, now: int, oci: tuple[str, str] = RUNC) -> ContainerRecord:
    directory = containers / pause_id(sandbox.id)
    directory.mkdir(mode=0o700)
    pause.write_root(directory / "rootfs")
    cgroup = f"{sandbox.config.cgroup_parent}/{directory.name}"
    document = pause.spec(cgroup, {**sandbox.namespaces(), "pid": ""})
    if outside := _outside(directory, sandbox):
        in_user_namespace(document, sandbox.config.first_user, outside.root(directory / "rootfs"))
    write_json(directory / "config.json", document, outlives_power=False)
    record = ContainerRecord(directory.name, sandbox.id, sandbox.config.uid, ContainerConfig("", 0, ""), now, "", "",
                             str(directory / "log"), "SIGTERM", cgroup, *oci)
    write_json(directory / "container.json", record.to_document())
    return record
