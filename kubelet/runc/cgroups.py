"""Control groups, version 1, 2 or both: where a path lies in each hierarchy, limits, usage, killing, removing.

A path such as /picokube/CLUSTER/... is relative to each hierarchy's mount. Containers' own groups are made by runc;
here are the pods' above them.
"""
from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kubelet.cri import LinuxResources
from kubelet.shim import kill_and_wait, kill_at_once, thaw

V2_CONTROLLERS = "+cpu +memory +pids +hugetlb"
KILL_ROUNDS = 100
ROOT = "/picokube"              # of all clusters of the machine


def cluster_path(cluster: str) -> str:
    """Everything of a cluster lies below this; a pod's cgroup_parent begins with `node_path`."""
    return f"{ROOT}/{cluster}"


def node_path(cluster: str, node: str) -> str:
    return f"{cluster_path(cluster)}/{node}"


@dataclass(frozen=True, slots=True)
class Cgroups:
    """`unified` is the only hierarchy on version 2, else "" and `controllers` says which mount has which."""

    unified: str = ""
    controllers: dict[str, str] = field(default_factory=dict)
    named: tuple[str, ...] = ()      # hierarchies without a controller: systemd's, an empty version 2 beside version 1

    @classmethod
    def detect(cls, table: str = "/proc/self/mountinfo") -> Self:
        controllers, named, unified = {}, [], ""
        for line in Path(table).read_text().splitlines():
            before, _, after = line.partition(" - ")
            point, (kind, _, options) = before.split()[4], after.split(" ", 2)
            if kind == "cgroup2":
                unified = unified or point
            elif kind == "cgroup":
                found = [one for one in options.split(",") if one not in ("rw", "ro", "xattr") and "=" not in one]
                controllers.update(dict.fromkeys(found, point))
                if not found:
                    named.append(point)
        if controllers:
            return cls("", controllers, (*named, *([unified] if unified else [])))
        return cls(unified)

    @property
    def mounts(self) -> list[str]:
        return [self.unified] if self.unified else list(dict.fromkeys([*self.controllers.values(), *self.named]))

    def directories(self, path: str) -> list[Path]:
        return [Path(mount + path) for mount in self.mounts]

    def directory(self, controller: str, path: str) -> Path | None:
        mount = self.unified or self.controllers.get(controller)
        return Path(mount + path) if mount else None

    def procs(self, path: str) -> Path:
        """The file that lists a group's processes, in a hierarchy that all of them are in."""
        return (self.directory("pids", path) or self.directory("memory", path) or Path("/nonexistent")) / "cgroup.procs"

    def freezer(self, path: str) -> Path | None:
        """The file that thaws a group; none on version 2, where what is frozen dies nevertheless."""
        directory = None if self.unified else self.directory("freezer", path)
        return directory / "freezer.state" if directory else None

    def oom_counter(self, path: str) -> tuple[str, str]:
        """(file, key) whose number tells how many processes the kernel killed for memory."""
        directory = self.directory("memory", path) or Path("/nonexistent")
        return str(directory / ("memory.events" if self.unified else "memory.oom_control")), "oom_kill"

    # --- a pod's group

    def create(self, path: str, resources: LinuxResources) -> None:
        if self.unified:
            self._create_unified(path)
        else:
            for controller in ("cpu", "memory", "pids", "hugetlb"):
                if directory := self.directory(controller, path):
                    directory.mkdir(parents=True, exist_ok=True)
        self.limit(path, resources)

    def limit(self, path: str, resources: LinuxResources) -> None:
        """Sets what is named there; of a group that runs, too. Raises OSError."""
        for file, value in self._limits(path, resources):
            try:
                file.write_text(value)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(file)) from error

    def _create_unified(self, path: str) -> None:
        directory = Path(self.unified)
        for name in path.strip("/").split("/"):
            for controller in V2_CONTROLLERS.split():
                with suppress(OSError):        # not every kernel or container has every controller
                    (directory / "cgroup.subtree_control").write_text(controller)
            directory /= name
            directory.mkdir(exist_ok=True)

    def _limits(self, path: str, resources: LinuxResources) -> Iterator[tuple[Path, str]]:
        cpu, memory, pids = (self.directory(one, path) for one in ("cpu", "memory", "pids"))
        if cpu and resources.cpu_shares:
            weight = 1 + ((max(2, resources.cpu_shares) - 2) * 9999) // 262142
            yield (cpu / "cpu.weight", str(weight)) if self.unified else (cpu / "cpu.shares", str(resources.cpu_shares))
        if cpu and resources.cpu_quota:
            if self.unified:
                yield cpu / "cpu.max", f"{resources.cpu_quota} {resources.cpu_period}"
            else:
                yield cpu / "cpu.cfs_period_us", str(resources.cpu_period)
                yield cpu / "cpu.cfs_quota_us", str(resources.cpu_quota)
        if memory and resources.memory_limit_bytes:
            yield memory / ("memory.max" if self.unified else "memory.limit_in_bytes"), str(resources.memory_limit_bytes)
        if pids and resources.pids_limit:
            yield pids / "pids.max", str(resources.pids_limit)
        if resources.hugepage_limits and self.has_huge_pages(path) and (huge := self.directory("hugetlb", path)):
            for size, limit in resources.hugepage_limits.items():
                yield huge / f"hugetlb.{size}.{'max' if self.unified else 'limit_in_bytes'}", str(limit)

    def has_huge_pages(self, path: str) -> bool:
        """Whether a group can be limited in them; where not, nobody is held to what was asked for."""
        if not self.unified:
            return "hugetlb" in self.controllers
        return "hugetlb" in Path(f"{self.unified}{path}/cgroup.controllers").read_text().split()

    def of_containers(self, parent: str) -> dict[str, str]:
        """What version 2 can do for each container of a pod, by file: all of it dies where one of its processes takes too much memory
        (half a container serves nobody), and it does not swap."""
        if not self.unified:
            return {}
        does_account_swap = Path(f"{self.unified}{parent}/memory.swap.max").exists()
        return {"memory.oom.group": "1", **({"memory.swap.max": "0"} if does_account_swap else {})}

    # --- ends

    def children(self, path: str) -> set[str]:
        """The names of the groups in a group, whichever hierarchy they are in."""
        return {one.name for directory in self.directories(path) if directory.is_dir() for one in directory.iterdir() if one.is_dir()}

    def pids(self, path: str) -> set[int]:
        """Of the group and of all groups below it."""
        found: set[int] = set()
        for directory in self.directories(path):
            for parent, _, files in os.walk(directory):
                if "cgroup.procs" in files:
                    with suppress(OSError):
                        found.update(int(line) for line in (Path(parent) / "cgroup.procs").read_text().split())
        return found

    def kill(self, path: str) -> bool:
        """Ends every process in and below a group; blocks until they are gone, or answers False."""
        for _ in range(KILL_ROUNDS):
            pids = self.pids(path)
            if not pids:
                return True
            self._thaw(path)
            if self.unified:
                kill_at_once(self.unified + path)
            for pid in pids:
                with suppress(OSError):
                    kill_and_wait(pid)
        return False

    def _thaw(self, path: str) -> None:
        """A runc that was killed at the wrong moment leaves a group frozen, where nobody can die."""
        if state := self.freezer(path):
            for parent, _, _ in os.walk(state.parent):
                thaw(os.path.join(parent, state.name))

    def remove(self, path: str) -> None:
        """Removes a group with those below it, where no process is in them (any more)."""
        for directory in self.directories(path):
            for parent, _, _ in os.walk(directory, topdown=False):
                with suppress(OSError):
                    os.rmdir(parent)

    def end(self, path: str) -> None:
        """Removes it with everything that runs in it. Raises OSError where something of it stays."""
        if not path.startswith(f"{ROOT}/"):
            raise ValueError(f"{path!r} is none of ours")
        self.kill(path)
        self.remove(path)
        for directory in self.directories(path):
            if directory.exists():
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(directory))

    def remove_root(self) -> None:
        """Removes what all clusters have in common, if this was the last: a group with groups below it stays."""
        for directory in self.directories(ROOT):
            with suppress(OSError):
                os.rmdir(directory)

    # --- usage

    def usage(self, path: str) -> tuple[int, int, int] | None:
        """(CPU nanoseconds, memory bytes, working set bytes); None where the group is gone."""
        try:
            return self._usage_unified(path) if self.unified else self._usage_v1(path)
        except OSError:
            return None

    def processes(self, path: str) -> int:
        """How many there are in and below a group; 0 where it is gone."""
        directory = self.directory("pids", path)
        try:
            return int((directory / "pids.current").read_text()) if directory else 0
        except OSError:
            return 0

    def _usage_unified(self, path: str) -> tuple[int, int, int]:
        directory = Path(self.unified + path)
        used = int((directory / "memory.current").read_text())
        cpu = _numbers(directory / "cpu.stat")["usage_usec"] * 1000
        return cpu, used, max(0, used - _numbers(directory / "memory.stat").get("inactive_file", 0))

    def _usage_v1(self, path: str) -> tuple[int, int, int]:
        cpu, memory = self.directory("cpuacct", path), self.directory("memory", path)
        nanoseconds = int((cpu / "cpuacct.usage").read_text()) if cpu else 0
        if memory is None:
            return nanoseconds, 0, 0
        used = int((memory / "memory.usage_in_bytes").read_text())
        return nanoseconds, used, max(0, used - _numbers(memory / "memory.stat").get("total_inactive_file", 0))


def _numbers(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
