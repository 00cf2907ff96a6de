"""What is remembered of attempts, as /debug/attempts tells it, and how much of it."""
from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from kubeapi.world import World
from scheduler.algorithm import Chosen, Diagnosis, choose
from scheduler.attempts import ATTEMPTS, NODES, OF_ONE_POD, Attempts
from scheduler.debugserver import debug_server
from scheduler.framework import Code, Status
from scheduler.judgements import Search
from scheduler.nodeinfo import NodeInfo
from scheduler.options import parse
from scheduler.podinfo import PodInfo
from scheduler.registry import default_profile
from tests.unit.scheduler.builders import PlainCluster, a_cluster, a_node, a_pod


def told(pod: PodInfo, cluster: PlainCluster) -> dict[str, Any]:
    attempts = Attempts(World(1))
    attempts.note(pod, 1, choose(default_profile(), pod, cluster, Search(), World(1)))
    (one,) = attempts.to_wire()["attempts"]
    json.dumps(one)
    return dict(one)


def test_a_placed_pod_shows_every_plugin_s_score_and_who_refused() -> None:
    holding = (a_pod("x", cpu="2", memory="4Gi"),)
    one = told(a_pod(cpu="1", memory="1Gi"), a_cluster(a_node("a"), a_node("b", holding=holding), a_node("c", unschedulable=True)))
    assert (one["pod"], one["attempt"], one["node"]) == ("default/p", 1, "a")
    assert one["nodes"]["c"] == {"refusedBy": "NodeUnschedulable", "code": "Unresolvable", "reasons": ["node(s) were unschedulable"]}
    assert one["nodes"]["a"]["scores"]["NodeResourcesFit"] == {"raw": 81, "normalized": 81, "weight": 1, "weighted": 81}
    assert one["nodes"]["a"]["scores"]["TaintToleration"] == {"raw": 0, "normalized": 100, "weight": 3, "weighted": 300}
    for node in ("a", "b"):
        assert one["nodes"][node]["total"] == sum(score["weighted"] for score in one["nodes"][node]["scores"].values())
    assert one["nodes"]["a"]["total"] > one["nodes"]["b"]["total"]


def test_a_pod_without_a_node_shows_who_would_have_to_go() -> None:
    low = a_pod("low", cpu="1")
    one = told(a_pod(cpu="1", priority=9), a_cluster(a_node("a", cpu="1", holding=(low,)), a_node("b", cpu="1", holding=(a_pod("x", cpu="1", priority=9),))))
    assert one["message"] == "0/2 nodes are available: 2 Insufficient cpu."
    assert one["nominatedNode"] == "a"
    assert one["nodes"]["a"]["refusedBy"] == "NodeResourcesFit"
    assert one["preemption"] == {"a": {"victims": [{"pod": "default/low", "priority": 0}]},
                                 "b": {"reasons": ["No preemption victims found for incoming pod"]}}


def refused(nodes: int) -> Diagnosis:
    return Diagnosis(nodes, {f"n{number}": Status(Code.UNSCHEDULABLE, ("no",), "P") for number in range(nodes)})


def test_so_many_attempts_of_one_pod_are_kept_the_last_first() -> None:
    attempts = Attempts(World(1))
    for number in range(OF_ONE_POD + 3):
        attempts.note(a_pod("p"), number, refused(1))
    attempts.note(a_pod("q"), 1, refused(1))
    seen = [(one["pod"], one["attempt"]) for one in attempts.to_wire()["attempts"]]
    assert seen == [("default/q", 1), *(("default/p", number) for number in range(OF_ONE_POD + 2, 2, -1))]
    assert [one["pod"] for one in attempts.to_wire("default/q")["attempts"]] == ["default/q"]


@pytest.mark.parametrize("nodes", [0, 1, 100, NODES // 2, NODES + 1])
def test_no_more_is_kept_than_so_many_attempts_and_nodes(nodes: int) -> None:
    attempts, result, rounds = Attempts(World(1)), refused(nodes), ATTEMPTS + 10
    for number in range(rounds):
        attempts.note(a_pod(f"p{number % 50}", metadata={"uid": f"{number}"}), 1, result)
    kept = list(attempts)
    assert 1 <= len(kept) <= ATTEMPTS
    assert sum(one.nodes for one in kept) <= max(NODES, nodes)
    assert kept[-1].pod.uid == f"{rounds - 1}", "the newest is always there"


def asked(address: str, request: bytes) -> bytes:
    attempts = Attempts(World(1))
    node: NodeInfo = a_node("a")
    attempts.note(a_pod("p"), 1, Chosen(node, (node,)))
    attempts.note(a_pod("q"), 1, Chosen(node, (node,)))

    async def main() -> bytes:
        async with debug_server(address, attempts):
            reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
            writer.write(request)
            writer.write_eof()
            try:
                return await reader.read()
            finally:
                writer.close()

    async def bounded() -> bytes:
        return await asyncio.wait_for(main(), 10)

    return asyncio.run(bounded())


@pytest.mark.parametrize(("request_", "status", "body"), [
    pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"200 OK", b"ok", id="health"),
    pytest.param(b"GET /nothing HTTP/1.1\r\n\r\n", b"404 Not Found", b"404: there are /debug/attempts, /healthz, /livez, /readyz\n", id="unknown page"),
    pytest.param(b"POST /healthz HTTP/1.1\r\n\r\n", b"405 Method Not Allowed", b"only GET is served\n", id="another method"),
    pytest.param(b"what\r\n\r\n", b"400 Bad Request", b"bad request\n", id="no request"),
    pytest.param(b"GET /" + b"x" * 40000, b"", b"", id="a head without end"),
])
def test_the_server_answers_one_get(tmp_path: Path, request_: bytes, status: bytes, body: bytes) -> None:
    answer = asked(f"unix:{tmp_path}/s", request_)
    head, _, content = answer.partition(b"\r\n\r\n")
    assert (head.partition(b"\r\n")[0].removeprefix(b"HTTP/1.1 "), content) == (status, body)


def test_attempts_are_served_by_pod_and_only_to_the_owner(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("left behind")
    answer = asked(f"unix:{tmp_path}/s", b"GET /debug/attempts?pod=default/q HTTP/1.1\r\n\r\n")
    assert [one["pod"] for one in json.loads(answer.partition(b"\r\n\r\n")[2])["attempts"]] == ["default/q"]


@pytest.mark.parametrize("address", ["8080", ":80", "localhost:http", "localhost:70000", "unix:here"])
def test_an_address_that_makes_no_sense_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--kubeconfig=/a", f"--debug-address={address}"])
    assert "is neither HOST:PORT nor unix:PATH" in capsys.readouterr().err
