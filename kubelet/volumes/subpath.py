"""subPath: a directory or file inside a volume, pinned by a bind mount so that nothing can exchange it for a link out of it.

The path is resolved inside the volume and then opened again step by step without following any link: who swaps a step
for a link in between is refused.
"""
from __future__ import annotations

import os
from pathlib import Path

from kubelet import linux


class SubPathError(ValueError):
    """The path is not inside the volume."""


def open_inside(volume: Path, sub_path: str) -> int:
    """An O_PATH descriptor of what subPath names; missing directories are made."""
    root = Path(os.path.realpath(volume))
    target = Path(os.path.realpath(root / sub_path))
    if target != root and root not in target.parents:
        raise SubPathError(f'subpath "{sub_path}" not within volume path')
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in target.relative_to(root).parts:
        try:
            inside = _step(descriptor, part)
        except OSError as error:
            raise SubPathError(f'subpath "{sub_path}": {error.strerror}') from error
        finally:
            os.close(descriptor)
        descriptor = inside
    return descriptor


def _step(parent: int, name: str) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o750, dir_fd=parent)
        return os.open(name, flags | os.O_DIRECTORY, dir_fd=parent)


def bind(volume: Path, sub_path: str, target: Path) -> None:
    """Pins it at *target*, once: as long as the pod lives it is that very directory or file."""
    if str(target) in linux.mount_points(target):
        return
    descriptor = open_inside(volume, sub_path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        linux.bind(source, target)
    finally:
        os.close(descriptor)
