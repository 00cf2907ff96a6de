"""Rotates the log of a container that a runtime writes, with the names that the shim gives (kubelet/shim.py)."""
from __future__ import annotations

import time
from pathlib import Path


def rotate(path: Path, most_bytes: int, most_files: int, now: float) -> bool:
    """Whether there is to be a new file; blocks."""
    try:
        if not most_bytes or path.stat().st_size < most_bytes:
            return False
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        path.rename(f"{path}.{moment}.{int(now % 1 * 1e9):09d}")
        old = sorted(path.parent.glob(f"{path.name}.*"))
        for one in old[:max(0, len(old) - most_files + 1)]:
            one.unlink(missing_ok=True)
    except OSError:
        return False
    return True
