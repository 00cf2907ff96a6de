"""SIGKILL of the kubelet, its zygote, shims, pause processes, container processes and runc in the middle of its work, at seeded
moments while pods come and go: every pod converges, no container runs twice, nothing leaks.

PICOKUBE_STORM_SECONDS says how long (default: 60), PICOKUBE_STORM_SEED which moments. Half of the kills wait a moment for the newest pod:
so they hit what runs as well as what is being made.
"""
from __future__ import annotations

import json
import os
import runpy
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kubeapi.world import World
from kubelet import linux
from kubelet.network.netlink import Netlink
from kubelet.network.pods import links_of
from kubelet.runc.cgroups import Cgroups, cluster_path
from picokube.ready import connection
from tests.cluster import ROOT, TestCluster, running_cluster
from tests.e2e.kills.census import Census
from tests.e2e.leftovers import NOTHING, leftovers
from tests.e2e.runtime.node import can_run_pods

pytestmark = [pytest.mark.root, can_run_pods]
NAME = "storm"
SECONDS, SEED = float(os.environ.get("PICOKUBE_STORM_SECONDS", "60")), int(os.environ.get("PICOKUBE_STORM_SEED", "5"))
MOST_PODS = 12
# Who is killed how often; the kubelet seldom: the supervisor lets one that dies again and again wait for up to 30 s.
STRUCK = ("kubelet", *2 * ("zygote", "shim", "shim", "pause", "container", "runc", "runc"))
PACE_SECONDS, LOOKS = 3, 30
# What may still hinder a pod after the last kill: a container's CrashLoopBackOff, at most 5 minutes, and not much longer than the storm was
# (10 s doubling: whoever waits d has waited d - 10 before, and was killed in between each time); the supervisor's back-off of the kubelet
# (30 s) and the kubelet's of a sandbox (10 s). The rest is the machine's, however busy it is.
PATIENCE_SECONDS = 180
SETTLE_SECONDS = int(min(300, SECONDS + 10) + 30 + 10 + PATIENCE_SECONDS)
PODS = "/api/v1/namespaces/default/pods"
STAYS = "trap 'exit 0' TERM; while :; do sleep 0.2; done"
Document = dict[str, Any]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TestCluster]:
    archive = tmp_path / "web.tar"
    runpy.run_path(str(ROOT / "hack" / "make-image"))["write"](archive)
    with running_cluster(name=NAME) as cluster:
        imported = cluster.picokube("image", "import", str(archive))
        assert imported.returncode == 0, imported.stderr
        yield cluster
        assert cluster.picokube("down").returncode == 0
        assert leftovers(NAME, cluster.environment["PICOKUBE_HOME"]) == NOTHING


class Storm:
    def __init__(self, cluster: TestCluster) -> None:
        self.cluster, self.world = cluster, World(seed=SEED)
        self.node = cluster.cluster.node_directory(f"{NAME}-1")
        self.alive: list[str] = []
        self.killed: Counter[str] = Counter()
        self._made = 0

    # --- pods come and go

    def create(self) -> None:
        self._made += 1
        name, random = f"p{self._made}", self.world.random
        containers = [{"name": f"c{number}", "image": "localhost/picokube/web:1", "command": ["sh", "-c", STAYS], "imagePullPolicy": "Never"}
                      for number in range(random.randint(1, 2))]
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": containers, "shareProcessNamespace": random.random() < 0.5}}
        assert self.cluster.request("POST", PODS, body)[0] == 201
        self.alive.append(name)

    def delete(self) -> None:
        name = self.alive.pop(self.world.random.randrange(len(self.alive)))
        assert self.cluster.request("DELETE", f"{PODS}/{name}")[0] == 200

    # --- kills

    def strike(self) -> None:
        kind = self.world.random.choice(STRUCK)
        if self.world.random.random() < 0.5 and self.alive:
            self._wait_a_moment_for(self.alive[-1])
        if kind == "kubelet":
            with suppress(AssertionError):              # it has just been killed and is not there again
                self.cluster.kill(f"kubelet-{NAME}-1")
                self.killed[kind] += 1
            return
        if victims := self._victims(kind):
            with suppress(ProcessLookupError):
                os.kill(self.world.random.choice(victims), signal.SIGKILL)
                self.killed[kind] += 1

    def _wait_a_moment_for(self, name: str) -> None:
        with suppress(AssertionError, TimeoutError):
            self.cluster.until(f"{PODS}?fieldSelector=metadata.name%3D{name}", is_ready, seconds=PACE_SECONDS)

    def _victims(self, kind: str) -> list[int]:
        """runc is caught in the middle of its work or not at all: that is worth a few looks."""
        looks = (sorted(self._processes(kind)) for _ in range(LOOKS if kind == "runc" else 1))
        return next((found for found in looks if found), [])

    def _processes(self, kind: str) -> list[int]:
        is_it: dict[str, Callable[[Path], bool]] = {
            "shim": lambda one: _name(one) == "picokube-shim" and self._works_here(one),
            "runc": lambda one: _name(one).startswith("runc") and self._works_here(one),
            "zygote": lambda one: _name(one) == "picokube-zygote" and _parent(one) == self.cluster.components()[f"kubelet-{NAME}-1"]["pid"],
            "pause": lambda one: self._is_inside(one) and _words(one) == "/pause",
            "container": lambda one: self._is_inside(one) and _words(one).startswith("sh -c trap")}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if is_it[kind](process):
                    found.append(int(process.name))
        return found

    def _works_here(self, process: Path) -> bool:
        return os.readlink(process / "cwd").startswith(str(self.node))

    def _is_inside(self, process: Path) -> bool:
        return f"{cluster_path(NAME)}/" in (process / "cgroup").read_text()

    # --- afterwards

    def settle(self) -> None:
        for name in self.alive:
            try:
                self.cluster.until(f"{PODS}?fieldSelector=metadata.name%3D{name}", is_ready, seconds=SETTLE_SECONDS)
            except AssertionError:
                raise AssertionError(self.told(name)) from None

    def end(self) -> None:
        while self.alive:
            self.delete()
        try:
            self._until_gone()
        except TimeoutError:
            left = [one["metadata"]["name"] for one in self.cluster.request("GET", PODS)[1]["items"]]
            raise AssertionError("\n".join([f"pods {left} are still there", *map(self.told, left)])) from None

    def _until_gone(self) -> None:
        listed = self.cluster.request("GET", PODS)[1]
        left = {one["metadata"]["name"] for one in listed["items"]}
        api = connection(self.cluster.cluster, PATIENCE_SECONDS)
        try:
            api.request("GET", f"{PODS}?watch=true&timeoutSeconds={PATIENCE_SECONDS}&resourceVersion={listed['metadata']['resourceVersion']}")
            answer = api.getresponse()
            while left:
                if not (line := answer.readline()):
                    raise TimeoutError
                event = json.loads(line)
                if event["type"] == "DELETED":
                    left.discard(event["object"]["metadata"]["name"])
        finally:
            api.close()

    def told(self, name: str) -> str:
        """All there is to be known of a pod that does not become what it should."""
        status = self.cluster.request("GET", f"{PODS}/{name}")[1].get("status")
        events = self.cluster.request("GET", f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}")[1]["items"]
        lines = sorted(f"{one.get('lastTimestamp') or one.get('eventTime')} {one.get('count', 1)} {one['reason']} {one['message']}" for one in events)
        log = (self.cluster.cluster.logs / f"kubelet-{NAME}-1.log").read_text().splitlines()
        return "\n".join([f"pod {name}: {json.dumps(status, indent=1)}", "its events:", *lines, "the kubelet's log:", *log[-60:]])

    def left(self) -> dict[str, list[str]]:
        """What pods leave on a node where none is any more."""
        runtime = self.node / "runtime"
        with Netlink() as netlink:
            links = [str(index) for index in links_of(NAME, netlink)]
        groups = [str(pod) for one in Cgroups.detect().directories(cluster_path(NAME)) for pod in one.glob("*/pod*")]
        return {"links": links, "cgroups": groups, "mounts": [one for one in linux.mount_points(runtime) if one != str(runtime)],
                "shims": [str(pid) for pid in self._processes("shim")], "runc": [str(pid) for pid in self._processes("runc")],
                **{name: [one.name for one in (runtime / name).iterdir()] for name in ("sandboxes", "containers", "runc")},
                "pods": [one.name for one in (self.node / "pods").iterdir()], "logs": [one.name for one in (self.node / "logs").iterdir()],
                "holders": [one.name for one in (self.node / "images" / "holders").iterdir()],
                "addresses": [one.name for one in (runtime / "network" / "addresses").iterdir() if one.name[0].isdigit()]}


def _name(process: Path) -> str:
    return (process / "comm").read_text().strip()


def _parent(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def _words(process: Path) -> str:
    return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def is_ready(pod: Document) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ()))


def test_whatever_is_killed_pods_converge_and_nothing_leaks(cluster: TestCluster) -> None:
    storm = Storm(cluster)
    with Census(NAME, cluster.cluster.data / "nodes").running() as census:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if len(storm.alive) < MOST_PODS:
                storm.create()
            else:
                storm.delete()
            for _ in range(storm.world.random.randrange(4)):
                storm.strike()
        storm.settle()
        alive = census.roots()
        pods = [pod for pod in cluster.request("GET", PODS)[1]["items"] if pod["metadata"]["name"] in storm.alive]
        storm.end()
    print("killed", dict(storm.killed), "pods", storm._made)
    assert census.faults == []
    counts = {(place.pod_uid, place.container): len(found) for place, found in alive.items() if place.container}
    assert {(pod["metadata"]["uid"], one["name"]): 1 for pod in pods for one in pod["spec"]["containers"]}.items() <= counts.items()
    deadline = time.monotonic() + 60
    while any(found := storm.left().values()):
        assert time.monotonic() < deadline, {name: one for name, one in storm.left().items() if one}
    assert not any(found)
