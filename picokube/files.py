"""Files that are never half-written, and keys that only their owner reads."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """The file holds the old bytes or the new ones, whatever happens in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    # Made here and by nobody else: in a directory of everybody's, such as /tmp, what lies there may be a link, or somebody's open file.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The document, or None where there is no such file. Raises ValueError for one that is not JSON."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(document, dict):
        raise ValueError(f"{path} holds no JSON object")
    return document


def write_json(path: Path, document: dict[str, Any], mode: int = 0o644) -> None:
    write_atomically(path, json.dumps(document, indent=1, sort_keys=True) + "\n", mode)
