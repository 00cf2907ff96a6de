"""A whole control plane for tests: `picokube up` in a directory of its own, and a small client for it."""
from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from picokube.cluster import Cluster, find
from picokube.processes import ProcessId, identify, wait_gone
from picokube.ready import connection

ROOT = Path(__file__).resolve().parents[1]
Document = dict[str, Any]


class TestCluster:
    __test__ = False

    def __init__(self, cluster: Cluster, environment: dict[str, str]) -> None:
        self.cluster, self.environment = cluster, environment

    def picokube(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "picokube", *arguments, *([] if "--name" in arguments else ["--name", self.cluster.name])],
                              cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=180, check=False)

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> tuple[int, Document]:
        """Code and decoded answer; `body` is a document or raw bytes."""
        api = connection(self.cluster, 60)
        try:
            raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            api.request(method, path, raw, {"Content-Type": content_type} if raw is not None else {})
            answer = api.getresponse()
            data = answer.read()
            is_json = "json" in (answer.headers["content-type"] or "")
            return answer.status, json.loads(data) if is_json else {"text": data.decode()}
        finally:
            api.close()

    def until(self, path: str, is_so: Callable[[Document], bool], seconds: int = 90) -> Document:
        """Watches one object (or a list's) until one state of it is as wanted; that state."""
        api = connection(self.cluster, seconds + 5)
        last: Document = {}
        try:
            api.request("GET", f"{path}{'&' if '?' in path else '?'}watch=true&timeoutSeconds={seconds}")
            answer = api.getresponse()
            while line := answer.readline():
                event = json.loads(line)
                last = event["object"]
                if event["type"] in ("ADDED", "MODIFIED") and is_so(last):
                    return last
        finally:
            api.close()
        raise AssertionError(f"{path} did not become as wanted; last seen: {json.dumps(last)[:1500]}")

    def components(self) -> dict[str, Document]:
        document: Document = json.loads((self.cluster.run / "status.json").read_bytes())
        return dict(document["components"])

    def process_of(self, component: str, besides: ProcessId | None = None, seconds: int = 90) -> ProcessId:
        """A component's process, another one than `besides`; waits for it, as one that lost its Lease starts again."""
        deadline = time.monotonic() + seconds
        while (found := identify(self.components()[component]["pid"] or 0)) is None or found == besides:
            assert time.monotonic() < deadline, f"{component} does not run: {self.components()[component]}"
        return found

    def kill(self, component: str, number: signal.Signals = signal.SIGKILL) -> ProcessId:
        """Kills a component by its pid; returns when it is gone."""
        process = self.process_of(component)
        os.kill(process.pid, number)
        if number is signal.SIGKILL:
            wait_gone(process, 30)
        return process


def kill_everything(cluster: Cluster) -> None:
    """The launcher, its supervisor and every component, as fast as kill(1) can; pods and their shims stay."""
    parent = cluster.parent()
    assert parent is not None
    components = json.loads((cluster.run / "status.json").read_bytes())["components"].values()
    everyone = [parent, *(one for process in children_of(parent.pid) if (one := identify(process)) is not None)]
    assert {one["pid"] for one in components} < {one.pid for one in everyone}
    subprocess.run(["kill", f"-{signal.SIGKILL}", *(str(one.pid) for one in everyone)], check=True, timeout=10)
    for one in everyone:
        assert wait_gone(one, 30)


def children_of(parent: int) -> list[int]:
    return [int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in (task / "children").read_text().split()]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """A cluster of real pods names things of the whole machine: two test processes take turns with one name."""
    with (Path(tempfile.gettempdir()) / f"picokube-test-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def running_cluster(*arguments: str, name: str = "t") -> Iterator[TestCluster]:
    if shutil.which("etcd") is None:
        pytest.skip("there is no etcd binary on PATH")
    with nullcontext() if "hollow" in arguments else _alone(name), tempfile.TemporaryDirectory(prefix="pk-") as directory:
        environment = {**os.environ, "PICOKUBE_HOME": directory, "KUBECONFIG": f"{directory}/kubeconfig"}
        # Kubelets take any port that is free when they bind it: many clusters start side by side.
        # PICOKUBE_TEST_UP: what a slow machine needs for all clusters (hack/vm/guest.py).
        command = [sys.executable, "-m", "picokube", "up", "--name", name, "--component-arg", "kubelet=--port=0",
                   *os.environ.get("PICOKUBE_TEST_UP", "").split(), *arguments]
        # A port that was free may be taken by a test beside this one before it is bound.
        for attempt in range(5):
            port = 20000 + (os.getpid() * 7 + attempt * 997) % 12000
            printed = subprocess.run([*command, "--port", str(port)], cwd=ROOT, env=environment, capture_output=True, text=True,
                                     timeout=180, check=False)
            if "is taken" not in printed.stderr:
                break
        if printed.returncode != 0:
            told = printed.stdout + printed.stderr + _logs(Path(directory))
            subprocess.run([sys.executable, "-m", "picokube", "down", "--name", name], cwd=ROOT, env=environment, capture_output=True,
                           timeout=180, check=False)
            raise AssertionError(told)
        before = os.environ.get("PICOKUBE_HOME")
        os.environ["PICOKUBE_HOME"] = directory
        try:
            cluster = find(name)
            assert cluster is not None
            found = TestCluster(cluster, environment)
            yield found
        finally:
            found.picokube("down")
            if before is None:
                del os.environ["PICOKUBE_HOME"]
            else:
                os.environ["PICOKUBE_HOME"] = before


def _logs(directory: Path) -> str:
    return "\n".join(f"== {path.name}\n{path.read_text()[-2000:]}" for path in directory.glob("*/logs/*.log"))
