"""Pods' control groups as the machine has them, whichever version of them it has."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from kubelet.runc.cgroups import Cgroups

Document = dict[str, Any]
V2_NAMES = {"memory.limit_in_bytes": "memory.max", "cpu.shares": "cpu.weight", "pids.max": "pids.max"}


def path_of(pod: Document, container: str = "") -> str:
    """The pod's own group, or a container's of it: found by name, wherever it lies."""
    mount = Cgroups.detect().mounts[0]
    (found,) = Path(mount, "picokube").glob(f"**/pod{pod['metadata']['uid']}")
    path = str(found).removeprefix(mount)
    return f"{path}/{container_id(pod, container)}" if container else path


def container_id(pod: Document, name: str) -> str:
    statuses = [*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ()),
                *pod["status"].get("ephemeralContainerStatuses", ())]
    return str(next(one["containerID"] for one in statuses if one["name"] == name).rpartition("/")[2])


def read(path: str, file: str) -> str:
    """By version 1's name of the file."""
    groups = Cgroups.detect()
    directory = groups.directory(file.partition(".")[0], path)
    assert directory is not None
    return (directory / (V2_NAMES[file] if groups.unified else file)).read_text().strip()


def memory_limit(path: str) -> int:
    text = read(path, "memory.limit_in_bytes")
    return 0 if text == "max" or int(text) > 1 << 60 else int(text)


def milli_cpu_limit(path: str) -> int:
    """0: none."""
    groups = Cgroups.detect()
    directory = groups.directory("cpu", path)
    assert directory is not None
    if groups.unified:
        quota, period = (directory / "cpu.max").read_text().split()
        return 0 if quota == "max" else int(quota) * 1000 // int(period)
    quota, period = ((directory / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return 0 if int(quota) < 0 else int(quota) * 1000 // int(period)


def shares(path: str) -> int:
    """As version 1 tells it; of version 2 the nearest weight stands for it."""
    found = int(read(path, "cpu.shares"))
    return 2 + (found - 1) * 262142 // 9999 if Cgroups.detect().unified else found
