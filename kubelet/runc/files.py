"""Small documents on disk that are there whole or not at all."""
from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


def write_json(path: Path, document: Any, *, outlives_power: bool = True) -> None:
    """`outlives_power`: whether it is still needed when the machine has been started anew; that costs a write to the disk."""
    temporary = path.with_name(f"{path.name}.{threading.get_ident()}.tmp")      # two threads may write it at once
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(json.dumps(document))
        if outlives_power:
            file.flush()
            os.fsync(file.fileno())
    temporary.rename(path)


def read_json(path: Path) -> Any:
    """None where there is no such file, or only its name: the machine lost its power before the content was on disk."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return json.loads(content) if content.strip(b"\0") else None
