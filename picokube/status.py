"""`picokube status` and `picokube logs`: what runs, how it is and what it said."""
from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from picokube import sources
from picokube.cluster import Cluster, existing
from picokube.errors import CannotRun
from picokube.files import read_json
from picokube.processes import identify, proportional_memory_kib

ROW = "{:<24} {:>8} {:>10} {:>9}  {}"


def status(options: Namespace) -> int:
    """0 when everything runs and is ready, 3 when not (as `systemctl status`)."""
    cluster = existing(options.name, options.data_dir)
    parent = cluster.parent()
    if parent is None:
        print(f"cluster {cluster.name!r} is not running; its data is in {cluster.data}")
        return 3
    components = (read_json(cluster.run / "status.json") or {}).get("components", {})
    print(f"cluster {cluster.name!r} at {cluster.server}, data in {cluster.data}")
    print(ROW.format("COMPONENT", "PID", "PSS", "RESTARTS", "READY"))
    print(ROW.format("(warm parent)", parent.pid, _memory(parent.pid), "-", "yes"))
    for name, one in components.items():
        alive = bool(one["pid"]) and identify(one["pid"]) is not None
        print(ROW.format(name, one["pid"] if alive else "-", _memory(one["pid"]) if alive else "-", one["restarts"],
                         "yes" if alive and one["ready"] else "no"))
    if told := sources.warning(cluster):
        print(told)
    return 0 if components and all(one["ready"] for one in components.values()) else 3


def _memory(pid: int) -> str:
    return f"{proportional_memory_kib(pid) / 1024:.0f} MiB"


def logs(options: Namespace) -> int:
    cluster = existing(options.name, options.data_dir)
    path = _log(cluster, options.component)
    lines = path.read_bytes().splitlines(keepends=True)      # bounded by the supervisor
    sys.stdout.buffer.writelines(lines if options.tail < 0 else lines[max(0, len(lines) - options.tail):])
    sys.stdout.flush()
    if options.follow:
        os.execvp("tail", ["tail", "-n0", "-F", str(path)])
    return 0


def _log(cluster: Cluster, component: str) -> Path:
    """`kubelet` finds the first node's."""
    found = {path.stem: path for path in sorted(cluster.logs.glob("*.log"))}
    for name, path in found.items():
        if name == component or name.startswith(f"{component}-"):
            return path
    raise CannotRun(f"no log of {component!r}; there are {', '.join(found) or 'none yet'}")
