"""etcd stopped, and killed without being started again: the API server says so, stays small, and goes on when it is back."""
from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from kubeapi.world import World
from kubeclient.kubeconfig import load
from kubeclient.sockets import SocketTransport
from picokube.processes import proportional_memory_kib
from tests.cluster import TestCluster, running_cluster
from tests.etcd import Etcd, running_etcd
from tests.recorder import CONFIG_MAPS, DATA, Asking, Recorder

MEMORY_KIB = 96 * 1024              # what a thousand waiting requests may cost
WAVES, AT_ONCE = 1, 250


@dataclass(frozen=True)
class Place:
    cluster: TestCluster
    etcd: Etcd

    def back(self) -> None:
        """Returns when the API server answers again."""
        deadline = time.monotonic() + 90
        while self.cluster.request("GET", CONFIG_MAPS)[0] != 200:
            assert time.monotonic() < deadline
        while self.cluster.request("GET", "/readyz")[0] != 200:
            assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running_etcd() as etcd, running_cluster("--runtime", "hollow", "--without", "kubelet,scheduler", "--etcd-servers", etcd.server,
                                                 name="noetcd") as cluster:
        yield Place(cluster, etcd)


def stop(etcd: Etcd) -> Callable[[], None]:
    etcd.pause()
    return etcd.resume


def kill(etcd: Etcd) -> Callable[[], None]:
    etcd.kill()
    return etcd.start


MAP: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"}, "data": {"n": "1"}}
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", f"{CONFIG_MAPS}/there", None), ("GET", CONFIG_MAPS, None), ("GET", f"{CONFIG_MAPS}?watch=true", None),
    ("POST", CONFIG_MAPS, {**MAP, "metadata": {"name": "new"}}), ("PUT", f"{CONFIG_MAPS}/there", {**MAP, "data": {"n": "2"}}),
    ("PATCH", f"{CONFIG_MAPS}/there", {"data": {"n": "3"}}), ("DELETE", f"{CONFIG_MAPS}/there", None)]


def asked(cluster: TestCluster, method: str, path: str, body: Any) -> tuple[int, str, str]:
    code, status = cluster.request(method, path, body, "application/merge-patch+json" if method == "PATCH" else "application/json")
    return code, status["kind"], status.get("reason", "")


@pytest.mark.parametrize("lose", [stop, kill])
def test_every_request_is_answered_by_503_and_later_as_ever(place: Place, lose: Callable[[Etcd], Callable[[], None]]) -> None:
    cluster = place.cluster
    before = cluster.components()["apiserver"]
    assert cluster.request("POST", CONFIG_MAPS, MAP)[0] in (201, 409)
    bring_back = lose(place.etcd)
    try:
        with ThreadPoolExecutor() as pool:
            for request, answer in zip(REQUESTS, pool.map(lambda one: asked(cluster, *one), REQUESTS), strict=True):
                assert answer == (503, "Status", "ServiceUnavailable"), request
        code, told = cluster.request("GET", "/readyz")
        assert code == 503
        assert "[-]etcd failed" in told["text"]
        assert cluster.request("GET", "/livez")[0] == 200
    finally:
        bring_back()
    place.back()
    assert cluster.components()["apiserver"] == before
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/there")[0] in (200, 404)
    cluster.request("DELETE", f"{CONFIG_MAPS}/new")


@pytest.mark.parametrize("lose", [stop, kill])
def test_clients_that_press_on_do_not_make_the_server_grow(place: Place, lose: Callable[[Etcd], Callable[[], None]]) -> None:
    pid = place.cluster.components()["apiserver"]["pid"]
    before = proportional_memory_kib(pid)
    bring_back = lose(place.etcd)
    try:
        codes = asyncio.run(_press(place.cluster))
        after = proportional_memory_kib(pid)
    finally:
        bring_back()
    place.back()
    assert codes <= {503, 429}, codes
    assert after - before < MEMORY_KIB


async def _press(cluster: TestCluster) -> set[int]:
    transport = SocketTransport(load(cluster.cluster.kubeconfig("admin")))
    asking, codes = Asking(transport), set()

    async def one(name: str) -> None:
        codes.add((await asking.ask("POST", CONFIG_MAPS, {**MAP, "metadata": {"name": name}, "data": {"n": "x" * 20_000}})).code)
        codes.add((await asking.ask("GET", CONFIG_MAPS)).code)

    try:
        for wave in range(WAVES):
            async with asyncio.TaskGroup() as group:
                for number in range(AT_ONCE):
                    group.create_task(one(f"pressed-{wave}-{number}"))
    finally:
        await transport.aclose()
    return codes


def test_what_was_acknowledged_before_is_there_after_it_was_killed_over_and_over(place: Place) -> None:
    async def scenario() -> None:
        transport = SocketTransport(load(place.cluster.cluster.kubeconfig("admin")))
        recorder = Recorder(transport, World(seed=11))
        recorder.add(DATA, 8)
        try:
            async with asyncio.timeout(90), asyncio.TaskGroup() as group:
                end = asyncio.Event()
                writing = group.create_task(recorder.run(end))
                for _ in range(5):
                    enough = recorder.counts["acknowledged"] + 60
                    while recorder.counts["acknowledged"] < enough:
                        await asyncio.sleep(0)
                    place.etcd.kill()
                    place.etcd.start()
                end.set()
                await writing
                assert await recorder.verify() == []
        finally:
            await transport.aclose()
    asyncio.run(scenario())
    assert place.cluster.components()["apiserver"]["restarts"] == 0
