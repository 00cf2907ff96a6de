"""Who runs in a cluster's pods, seen from outside: a thread that walks /proc as fast as it can, and never asks the cluster.

A process belongs to a container by its cgroup's path, .../podUID/CONTAINER-ID; the container's name stands in its record. The
root of a container's process tree is a process whose parent is not in the container. Two living roots of one (pod uid,
container) at the same moment are a fault: the one found first is looked at once more after the other.
"""
from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kubelet.runc.cgroups import cluster_path
from picokube.processes import ProcessId, identify

PAUSE = ""                          # the name of the container that only holds a pod's process namespace


@dataclass(frozen=True, slots=True)
class Place:
    pod_uid: str
    container: str


@dataclass
class Census:
    """`seen` are the roots ever found of each container; `faults` what must never be."""

    cluster: str
    nodes: Path
    faults: list[str] = field(default_factory=list)
    seen: dict[Place, set[ProcessId]] = field(default_factory=lambda: defaultdict(set))
    walks: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def roots(self) -> dict[Place, set[ProcessId]]:
        """One walk; what came and went meanwhile may be in it or not."""
        inside: dict[int, tuple[str, str]] = {}
        parents: dict[int, int] = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                pid = int(process.name)
                if (found := self._container_of(process)) is not None and not _is_being_born(process):
                    inside[pid], parents[pid] = found, _parent_of(process)
        roots: dict[Place, set[ProcessId]] = defaultdict(set)
        for pid, (pod_uid, container_id) in inside.items():
            if inside.get(parents[pid]) != (pod_uid, container_id) and (one := identify(pid)) is not None:
                roots[Place(pod_uid, self._name(container_id))].add(one)
        return roots

    def walk(self) -> None:
        for place, found in self.roots().items():
            self.seen[place] |= found
            alive = [one for one in found if _runs(one)]             # all at once: each was there before the first is asked
            if len(alive) > 1 and all(_runs(one) for one in alive):
                self.faults.append(f"{place}: {[_told(one.pid) for one in alive]} live at once")
        self.walks += 1

    def _container_of(self, process: Path) -> tuple[str, str] | None:
        prefix = f"{cluster_path(self.cluster)}/"
        for line in (process / "cgroup").read_text().splitlines():
            path = line.split(":", 2)[2]
            parts = path.removeprefix(prefix).split("/") if path.startswith(prefix) else []      # NODE/[QOS/]podUID/CONTAINER
            pod = next((number for number, part in enumerate(parts) if part.startswith("pod")), None)
            if pod is not None and len(parts) > pod + 1:
                return parts[pod].removeprefix("pod"), parts[pod + 1]
        return None

    def _name(self, container_id: str) -> str:
        if container_id not in self._names:
            for record in self.nodes.glob(f"*/runtime/containers/{container_id}/container.json"):
                with suppress(OSError, ValueError):
                    self._names[container_id] = json.loads(record.read_bytes())["config"]["name"]
        return self._names.get(container_id, container_id)

    @contextmanager
    def running(self) -> Iterator[Census]:
        stop = threading.Event()

        def walk() -> None:
            while not stop.is_set():
                self.walk()

        thread = threading.Thread(target=walk, name="census")
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()


def _runs(one: ProcessId) -> bool:
    """A killed one that still waits for the rest of its pid namespace to end has no memory any more, and runs nothing."""
    try:
        return Path(f"/proc/{one.pid}/statm").read_text().split()[0] != "0" and one.is_alive
    except OSError:
        return False


def _told(pid: int) -> str:
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        group = (process / "cgroup").read_text().splitlines()[0].rpartition("/")[2]
        return f"{pid} ({command}; parent {_parent_of(process)}; in {group[:12]})"
    except OSError:
        return f"{pid} (gone)"


def _parent_of(process: Path) -> int:
    return int((process / "stat").read_bytes().rpartition(b")")[2].split()[1])


def _is_being_born(process: Path) -> bool:
    """runc's own stages, which become the container's process or end; and what has ended."""
    if (process / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X"):
        return True
    return (process / "comm").read_text().startswith("runc") or (process / "cmdline").read_bytes().startswith(b"runc\0")
