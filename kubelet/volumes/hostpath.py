"""hostPath volumes: the type says what has to be there, or is made."""
from __future__ import annotations

import os
import stat
from pathlib import Path

_CHECKS = {"Directory": (stat.S_ISDIR, "directory"), "File": (stat.S_ISREG, "file"), "Socket": (stat.S_ISSOCK, "socket file"),
           "CharDevice": (stat.S_ISCHR, "character device"), "BlockDevice": (stat.S_ISBLK, "block device")}


class HostPathError(ValueError):
    """What the type wants is not there."""


def check(path: str, type: str) -> None:
    """Raises HostPathError. `DirectoryOrCreate` and `FileOrCreate` make what is missing."""
    match type:
        case "":
            return
        case "DirectoryOrCreate":
            if not os.path.exists(path):
                Path(path).mkdir(parents=True, mode=0o755)
            type = "Directory"
        case "FileOrCreate":
            if not os.path.exists(path):
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
                except OSError as error:
                    raise HostPathError(f"open {path}: {(error.strerror or '').lower()}") from error
            type = "File"
    is_right, noun = _CHECKS[type]
    try:
        mode = os.stat(path).st_mode
    except OSError:
        mode = 0
    if not is_right(mode):
        raise HostPathError(f"hostPath type check failed: {path} is not a {noun}")
