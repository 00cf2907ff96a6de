"""Files that change all at once: a new directory beside the old one, and a rename of the link `..data` to it.

    config           -> ..data/config
    ..data           -> ..2024_01_31_12_00_00.123456789
    ..2024_.../config

A reader sees the old files or the new ones, never some of each. Files that are the same are not written again.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

DATA, DATA_TMP = "..data", "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = 0o644


def write(directory: Path, files: Mapping[str, File], now: datetime, group: int | None = None) -> bool:
    """Makes *directory* hold exactly *files* (relative path -> File); whether something had to change."""
    for path in files:
        _check(path)
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / DATA).is_symlink() and _read(directory / DATA) == dict(files):
        return False
    version = _new_version(directory, now)
    try:
        for path, file in files.items():
            _write_file(version / path, file, group)
    except BaseException:               # it is tried again and again, each time with a new one
        shutil.rmtree(version, ignore_errors=True)
        raise
    tmp = directory / DATA_TMP
    with suppress(FileNotFoundError):
        tmp.unlink()
    old = os.readlink(directory / DATA) if (directory / DATA).is_symlink() else ""
    tmp.symlink_to(version.name)
    tmp.rename(directory / DATA)
    _link_entries(directory, {PurePosixPath(path).parts[0] for path in files})
    if old:
        shutil.rmtree(directory / old, ignore_errors=True)
    return True


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"invalid path {path!r}: must be relative, and neither contain nor begin with '..'")


def _new_version(directory: Path, now: datetime) -> Path:
    stamp = now.strftime("..%Y_%m_%d_%H_%M_%S.")
    number = now.microsecond * 1000
    while (version := directory / f"{stamp}{number:09d}").exists():
        number += 1
    version.mkdir(mode=0o755)
    os.chmod(version, 0o755)
    return version


def _write_file(path: Path, file: File, group: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    path.write_bytes(file.content)
    mode = file.mode
    if group is not None:
        os.chown(path, -1, group)
        mode |= 0o040 if mode & 0o400 else 0
    os.chmod(path, mode)


def _read(data: Path) -> dict[str, File]:
    found, root = {}, data.resolve()
    for parent, _, names in os.walk(root):
        for name in names:
            path = Path(parent) / name
            found[str(path.relative_to(root))] = File(path.read_bytes(), path.stat().st_mode & 0o7777)
    return found


def _link_entries(directory: Path, wanted: set[str]) -> None:
    present = {path.name for path in directory.iterdir() if not path.name.startswith("..")}
    for name in wanted - present:
        (directory / name).symlink_to(f"{DATA}/{name}")
    for name in present - wanted:
        (directory / name).unlink()
