"""Where the kubelet's tests happen: a namespace of a real cluster, upstream's kubectl, and pods of the web image."""
from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kubelet import linux
from tests.cluster import ROOT, TestCluster, running_cluster
from tests.e2e.runtime.node import crun_binary

KUBECTL = "/usr/bin/kubectl"
IMAGE = "localhost/picokube/web:1"
SECONDS = 60
LOG_BYTES, LOG_FILES = 64 << 10, 3            # so that logs are rotated soon
MOST_PIDS = 500                               # of a pod
ROWS, COLUMNS = 43, 132
Document = dict[str, Any]

can_run_pods = [pytest.mark.root, pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("runc", "nft", "busybox"))), reason="real containers need root, runc, nft, busybox")]
has_kubectl = pytest.mark.skipif(not os.access(KUBECTL, os.X_OK), reason="upstream's kubectl is not installed")
_numbers = count(1)


@dataclass(frozen=True)
class Place:
    cluster: TestCluster
    namespace: str = "default"
    environment: Mapping[str, str] = field(default_factory=dict)
    log_links: Path = Path("/var/log")

    @property
    def pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def node(self) -> str:
        return f"{self.cluster.cluster.name}-1"

    @property
    def node_directory(self) -> Path:
        return self.cluster.cluster.node_directory(self.node)

    @contextmanager
    def new_namespace(self) -> Iterator[Place]:
        name = f"t{next(_numbers)}"
        self.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.cluster.until(f"/api/v1/namespaces/{name}/serviceaccounts?fieldSelector=metadata.name%3Ddefault", lambda one: True)
        found = replace(self, namespace=name)
        yield found
        found.delete_all()

    def delete_all(self) -> None:
        """Pods are gone when this returns: what they left is the next test's to see."""
        for pod in self.cluster.request("GET", self.pods)[1]["items"]:
            self.cluster.request("DELETE", f"{self.pods}/{pod['metadata']['name']}?gracePeriodSeconds=1")
            self.wait_gone(pod["metadata"]["name"])

    # --- objects

    def create(self, path: str, document: Document) -> Document:
        code, answer = self.cluster.request("POST", path, document)
        assert code == 201, answer
        return answer

    def pod(self, name: str = "p", *containers: Document, **spec: Any) -> Document:
        """Created; not waited for."""
        metadata = {"name": name, **spec.pop("metadata", {})}
        return self.create(self.pods, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": list(containers) or [container()], **spec}})

    def running(self, name: str = "p", *containers: Document, **spec: Any) -> Document:
        self.pod(name, *containers, **spec)
        return self.until(name, is_ready)

    def ended(self, name: str = "p", *containers: Document, **spec: Any) -> Document:
        self.pod(name, *containers, **{"restartPolicy": "Never", **spec})
        return self.until(name, lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed"))

    def until(self, name: str, is_so: Callable[[Document], bool]) -> Document:
        return self.cluster.until(f"{self.pods}?fieldSelector=metadata.name%3D{name}", is_so)

    def wait_gone(self, name: str) -> None:
        deadline = time.monotonic() + SECONDS
        while self.cluster.request("GET", f"{self.pods}/{name}")[0] != 404:
            assert time.monotonic() < deadline, f"pod {name} does not go"

    def until_event(self, reason: str, text: str = "", name: str = "p") -> Document:
        """An event about the pod with that reason and text."""
        return self.cluster.until(f"/api/v1/namespaces/{self.namespace}/events?fieldSelector=involvedObject.name%3D{name}",
                                  lambda one: one.get("reason") == reason and text in one.get("message", ""))

    def log(self, name: str = "p", container: str = "") -> str:
        query = f"?container={container}" if container else ""
        return str(self.cluster.request("GET", f"{self.pods}/{name}/log{query}")[1]["text"])

    # --- kubectl

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), env=dict(self.environment), input=stdin, capture_output=True, text=True,
                              timeout=SECONDS, check=False)

    def command(self, *arguments: str) -> list[str]:
        return [KUBECTL, f"--kubeconfig={self.cluster.cluster.kubeconfig('admin')}", "--namespace", self.namespace, *arguments]

    def exec(self, name: str, *command: str, container: str = "") -> str:
        """What a command in the container prints, by the bundled kubectl."""
        config = f"--kubeconfig={self.cluster.cluster.kubeconfig('admin')}"
        asked = ["-c", container] if container else []
        done = subprocess.run([sys.executable, "-m", "kubectl", config, "-n", self.namespace, "exec", name, *asked, "--", *command],
                              cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running_place(directory: Path, name: str, **flags: str) -> Iterator[Place]:
    """`flags`: of the kubelet, with _ for -."""
    archive = directory / "web.tar"
    subprocess.run([sys.executable, "hack/make-image", str(archive)], cwd=ROOT, check=True, timeout=120)
    handlers = directory / "handlers.json"
    crun = {"crun": {"type": "crun", "path": crun_binary(directory)}} if shutil.which("crun") else {}
    handlers.write_text(json.dumps({"apiVersion": "kubelet.picokube.io/v1", "kind": "RuntimeHandlers", "runtimeHandlers": {
        "pretend": {"type": "hollow"}, **crun}}))
    limits = {"runtime-handlers-config": str(handlers), "log-links-dir": str(directory / "log"),
              "container-log-max-size": f"{LOG_BYTES}", "container-log-max-files": f"{LOG_FILES}",
              "pod-max-pids": f"{MOST_PIDS}", "housekeeping-interval": "1s",
              **({"eviction-hard": ""} if "config" not in flags else {}),       # this machine may be short of something
              **{flag.replace("_", "-"): value for flag, value in flags.items()}}
    arguments = [word for flag, value in limits.items() for word in ("--component-arg", f"kubelet=--{flag}={value}")]
    with running_cluster(*arguments, name=name) as cluster:
        assert cluster.picokube("image", "import", str(archive)).returncode == 0
        # kubectl's own caches and settings stay out of it
        yield Place(cluster, log_links=directory / "log", environment={"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "xterm"})


def container(name: str = "main", *command: str, **fields: Any) -> Document:
    return {"name": name, "image": IMAGE, "command": list(command) or ["web"], **fields}


def shell(text: str, name: str = "main", **fields: Any) -> Document:
    return container(name, "sh", "-c", text, **fields)


def sleeper(name: str = "main", **fields: Any) -> Document:
    return shell("trap exit TERM; while :; do sleep 1; done", name, **fields)


def is_ready(pod: Document) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ()))


def processes_of(pod: Document) -> list[int]:
    """The pod's processes, as the machine sees them: by their control group."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"/pod{pod['metadata']['uid']}/" in (process / "cgroup").read_text():
                found.append(int(process.name))
    return sorted(found)


def socket_inside(pod: Document, kind: socket.SocketKind, port: int) -> socket.socket:
    """Bound to a port in the pod's network."""
    def make() -> socket.socket:
        linux.enter_namespace(f"/proc/{processes_of(pod)[0]}/ns/net")
        made = socket.socket(socket.AF_INET, kind)
        made.bind(("", port))
        return made
    return asyncio.run(linux.in_fresh_thread(make))


class Terminal:
    """A program at a terminal of its own: what it shows is read until something is seen, and it is typed to."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.shown = b""
        self.process = subprocess.Popen(command, env=dict(environment), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self.shown:
            assert self._read(deadline - time.monotonic()), f"{text!r} was not shown: {self.shown!r}"

    def ended(self) -> int:
        deadline = time.monotonic() + SECONDS
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(SECONDS)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        with suppress(OSError):
            data = os.read(self._master, 65536) if ready else b""
            self.shown += data
            return bool(data)
        return False

    def close(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        os.close(self._master)


@contextmanager
def terminal(place: Place, *arguments: str) -> Iterator[Terminal]:
    """kubectl at a terminal."""
    found = Terminal(place.command(*arguments), place.environment)
    try:
        yield found
    finally:
        found.close()
