"""A cluster on this machine: its name, its directories and what was chosen for it when it was made.

DATA/cluster.json keeps the choices (ports, address ranges, nodes), so that every later `up` makes the same cluster.
A pointer under the user's state directory finds a cluster's data by its name alone.
"""
from __future__ import annotations

import os
import re
import stat
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from picokube.errors import CannotRun
from picokube.files import read_json, write_json
from picokube.processes import ProcessId

Runtime = Literal["runc", "hollow"]
DEFAULT_NAME = "picokube"
# One control socket path plus slack must fit sockaddr_un's 108 bytes.
LONGEST_RUN_DIRECTORY = 80


def is_root() -> bool:
    return os.geteuid() == 0


def state_home() -> Path:
    """Where clusters are found by name: /var/lib/picokube, or the user's own for others than root."""
    if override := os.environ.get("PICOKUBE_HOME"):
        return Path(override)
    if is_root():
        return Path("/var/lib/picokube")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "picokube"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen when the cluster was made; ranges are CIDRs."""

    runtime: Runtime = "runc"
    nodes: int = 1                              # how many have been made; numbers are not given out again
    removed_nodes: tuple[int, ...] = ()
    port: int = 6443
    kubelet_port: int = 10250
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    node_ip: str = "127.0.0.1"
    etcd_servers: str = ""
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    without: tuple[str, ...] = ()
    component_args: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        known = {one.name for one in fields(cls)}
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                  for name, value in document.items() if name in known}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Cluster:
    name: str
    data: Path
    settings: Settings = field(default_factory=Settings)

    @property
    def run(self) -> Path:
        """Sockets and the state of running processes; mode 0700."""
        return self.data / "run"

    @property
    def pki(self) -> Path:
        return self.data / "pki"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def kubelet_config(self) -> Path:
        return self.data / "kubelet.json"

    @property
    def etcd_socket(self) -> Path:
        return self.run / "etcd.sock:0"

    @property
    def scheduler_socket(self) -> Path:
        """Where the scheduler tells what it thought: GET /debug/attempts."""
        return self.run / "scheduler.sock"

    @property
    def context(self) -> str:
        return self.name if self.name == DEFAULT_NAME else f"{DEFAULT_NAME}-{self.name}"

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.settings.port}"

    def node_name(self, number: int) -> str:
        return f"{self.name}-{number}"

    def node_names(self) -> list[str]:
        return [self.node_name(number) for number in self.node_numbers()]

    def node_numbers(self) -> list[int]:
        return [number for number in range(1, self.settings.nodes + 1) if number not in self.settings.removed_nodes]

    def node_directory(self, name: str) -> Path:
        return self.data / "nodes" / name

    def kubeconfig(self, user: str) -> Path:
        return self.data / "kubeconfigs" / f"{user}.yaml"

    def with_settings(self, **changes: Any) -> Cluster:
        return replace(self, settings=replace(self.settings, **changes))

    def save(self) -> None:
        for directory in (self.data, self.run, self.pki):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            require_own(directory, may_be_link=directory == self.data)
        self.run.chmod(0o700)
        self.pki.chmod(0o700)
        write_json(self.data / "cluster.json", {"name": self.name, **asdict(self.settings)})
        write_json(state_home() / f"{self.name}.json", {"data": str(self.data)})

    def forget(self) -> None:
        (state_home() / f"{self.name}.json").unlink(missing_ok=True)

    def parent(self) -> ProcessId | None:
        """The warm parent of the running cluster, or None."""
        document = read_json(self.run / "parent.json")
        if document is None:
            return None
        process = ProcessId(int(document["pid"]), int(document["starttime"]))
        return process if process.is_alive else None


def require_own(directory: Path, *, may_be_link: bool) -> None:
    """Keys and sockets lie there: whoever else owns it could exchange them. Raises CannotRun."""
    found = os.stat(directory, follow_symlinks=may_be_link)
    if not stat.S_ISDIR(found.st_mode):
        raise CannotRun(f"{directory} is no directory")
    if found.st_uid != os.geteuid():
        raise CannotRun(f"{directory} belongs to uid {found.st_uid}, who could read and exchange the cluster's keys: choose another --data-dir")


def default_name() -> str:
    return os.environ.get("PICOKUBE_NAME") or DEFAULT_NAME


def check_name(name: str) -> str:
    """Names a cluster's links (15 bytes), tables and cgroups, so it is short and plain."""
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,18}[a-z0-9])?", name):
        raise CannotRun(f"cluster name {name!r}: use 1 to 20 lower-case letters, digits and '-', beginning with a letter")
    return name


def find(name: str, data: str | None = None) -> Cluster | None:
    """The cluster of that name as its last `up` left it, or None where there never was one."""
    check_name(name)
    pointer = read_json(state_home() / f"{name}.json")
    directory = Path(data).absolute() if data else Path(pointer["data"]) if pointer else None
    document = read_json(directory / "cluster.json") if directory else None
    if directory is None or document is None:
        return None
    if document["name"] != name:
        raise CannotRun(f"{directory} belongs to the cluster {document['name']!r}, not to {name!r}")
    return Cluster(name, directory, Settings.from_document(document))


def existing(name: str, data: str | None = None) -> Cluster:
    cluster = find(name, data)
    if cluster is None:
        raise CannotRun(f"there is no cluster {name!r} here; `picokube up --name {name}` makes one")
    return cluster


def all_clusters() -> list[Cluster]:
    names = sorted(path.stem for path in state_home().glob("*.json"))
    return [cluster for name in names if (cluster := find(name)) is not None]


def new(name: str, data: str | None) -> Cluster:
    check_name(name)
    directory = Path(data).absolute() if data else state_home() / name
    if len(str(directory / "run")) > LONGEST_RUN_DIRECTORY:
        raise CannotRun(f"{directory} is too long a path for unix sockets; use --data-dir with a shorter one")
    return Cluster(name, directory)
