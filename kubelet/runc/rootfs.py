"""A container's root: the image's layers under a directory of its own, joined by overlayfs."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kubelet import linux
from kubelet.cri import CriError

LONGEST_OPTIONS = 4095               # what the kernel takes: one page


def mount_overlay(directory: Path, layers_directory: Path, layers: Sequence[str]) -> Path:
    """Layers are named relative to their directory, the lowest first. Only in a fresh thread: changes its working directory."""
    rootfs, upper, work, empty = (directory / name for name in ("rootfs", "upper", "work", "empty"))
    for path in (rootfs, upper, work):
        path.mkdir()
    upper.chmod(0o755)
    if not layers:
        empty.mkdir()
    lower = ":".join(reversed(layers)) if layers else str(empty)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    if len(options) > LONGEST_OPTIONS:
        raise CriError("CreateContainerError", f"the image has too many layers ({len(layers)})")
    linux.unshare(linux.CLONE_FS)
    os.chdir(layers_directory)
    try:
        linux.mount("overlay", rootfs, "overlay", 0, options)
    except OSError as error:
        raise CriError("CreateContainerError", f"overlay mount for the container's root: {error.strerror}") from error
    return rootfs
