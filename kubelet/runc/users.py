"""Who a container runs as: what the image or the pod says, looked up in the container's own /etc/passwd and /etc/group."""
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubelet.cri import CriError, SecurityContext
from kubelet.linux import open_in_root

MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class User:
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


def resolve(rootfs: Path, image_user: str, security: SecurityContext) -> User:
    name, _, group = image_user.partition(":")
    if security.run_as_user is not None:
        name, group = str(security.run_as_user), ""
    entry = _passwd_entry(rootfs, name or "0")
    uid, gid, login, home = entry
    if security.run_as_group is not None:
        gid = security.run_as_group
    elif group:
        gid = _group_id(rootfs, group)
    of_image = _groups_of(rootfs, login) if login and not security.strict_groups else ()
    groups = {*of_image, *security.supplemental_groups}
    if security.run_as_non_root and uid == 0:
        raise CriError("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")
    # The first group is among them, so that dropping the others cannot take a "not for this group" away.
    return User(uid, gid, (gid, *sorted(groups - {gid})), home)


def _passwd_entry(rootfs: Path, name: str) -> tuple[int, int, str, str]:
    """(uid, gid, login, home)"""
    for fields in _lines(rootfs, "/etc/passwd", 7):
        if name in (fields[0], fields[2]) and fields[2].isdigit() and fields[3].isdigit():
            return int(fields[2]), int(fields[3]), fields[0], fields[5] or "/"
    if name.isdigit():
        return int(name), 0, "", "/"
    raise CriError("CreateContainerError", f"unable to find user {name}: no matching entries in passwd file")


def _group_id(rootfs: Path, name: str) -> int:
    if name.isdigit():
        return int(name)
    for fields in _lines(rootfs, "/etc/group", 3):
        if fields[0] == name and fields[2].isdigit():
            return int(fields[2])
    raise CriError("CreateContainerError", f"unable to find group {name}: no matching entries in group file")


def _groups_of(rootfs: Path, login: str) -> Iterator[int]:
    for fields in _lines(rootfs, "/etc/group", 4):
        if login in fields[3].split(",") and fields[2].isdigit():
            yield int(fields[2])


def _lines(rootfs: Path, path: str, count: int) -> Iterator[list[str]]:
    try:
        descriptor = open_in_root(rootfs, path)
    except OSError:
        return
    with open(descriptor, "rb") as file:
        if not os.path.isfile(f"/proc/self/fd/{file.fileno()}"):
            return
        text = file.read(MOST_BYTES).decode(errors="replace")
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= count:
            yield fields
