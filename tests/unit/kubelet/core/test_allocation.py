"""What pods of a node are granted of it: at their beginning and when they are resized."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Pod
from kubelet.allocation import GRANT, Allocations, Wish, grant_text
from kubelet.podruntime import PodRuntime
from tests.unit.kubelet.core.builders import a_container, a_pod, a_runtime, running

NODE = {"cpu": "4", "memory": "8Gi", "pods": "3"}
NOTHING = PodRuntime()


def asking(cpu: str, uid: str = "u1", **more: Any) -> Pod:
    return a_pod([a_container(resources={"requests": {"cpu": cpu, **more}})], uid=uid)


def cpu_of(pod: Pod) -> str:
    return pod.spec.containers[0].resources.requests["cpu"]


def allocations(*pods: Pod, woken: list[str] | None = None) -> Allocations:
    found = Allocations(NODE, (woken if woken is not None else []).append)
    assert [found.admit(pod, NOTHING) for pod in pods] == [None] * len(pods)
    return found


@pytest.mark.parametrize(("pod", "reason", "message"), [
    pytest.param(asking("2"), "", "", id="fits"),
    pytest.param(asking("3"), "OutOfcpu", "Node didn't have enough resource: cpu, requested: 3000, used: 1500, capacity: 4000", id="cpu"),
    pytest.param(asking("1", memory="9Gi"), "OutOfmemory",
                 f"Node didn't have enough resource: memory, requested: {9 << 30}, used: 0, capacity: {8 << 30}", id="memory"),
    pytest.param(a_pod(overhead={"cpu": "3"}), "OutOfcpu", "Node didn't have enough resource: cpu, requested: 3000, used: 1500, capacity: 4000",
                 id="overhead"),
    pytest.param(a_pod(resources={"requests": {"cpu": "3"}}), "OutOfcpu",
                 "Node didn't have enough resource: cpu, requested: 3000, used: 1500, capacity: 4000", id="the pod as a whole"),
    pytest.param(a_pod(init=[a_container("i", resources={"requests": {"cpu": "3"}})]), "OutOfcpu",
                 "Node didn't have enough resource: cpu, requested: 3000, used: 1500, capacity: 4000", id="an init container"),
])
def test_admission(pod: Pod, reason: str, message: str) -> None:
    refused = allocations(asking("1500m", "other")).admit(pod, NOTHING)
    assert (refused.reason, refused.message) == (reason, message) if refused else not reason


def test_there_is_room_for_so_many_pods() -> None:
    found = allocations(*(a_pod(uid=uid) for uid in "abc"))
    refused = found.admit(a_pod(uid="d"), NOTHING)
    assert refused is not None and refused.message == "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"
    found.release("a")
    assert found.admit(a_pod(uid="d"), NOTHING) is None


def test_what_runs_already_is_not_refused_and_keeps_what_it_was_granted() -> None:
    found, pod = allocations(asking("3", "other")), asking("3")
    runs = a_runtime(running(annotations={GRANT: grant_text(asking("2").spec.containers[0].resources)}))
    assert found.admit(pod, runs) is None
    assert cpu_of(found.granted(pod)) == "2"


@pytest.mark.parametrize(("wanted", "wish"), [
    pytest.param("2", None, id="fits"), pytest.param("500m", None, id="less"),
    pytest.param("3", Wish("Deferred", "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"), id="not now"),
    pytest.param("5", Wish("Infeasible", "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"), id="never"),
])
def test_resizes(wanted: str, wish: Wish | None) -> None:
    found = allocations(asking("1"), asking("2", "other"))
    found.resize(asking(wanted))
    assert found.wish("u1") == wish
    assert cpu_of(found.granted(asking(wanted))) == (wanted if wish is None else "1")


@pytest.mark.parametrize("how", ["ends", "shrinks"])
def test_a_deferred_one_is_woken_when_another_makes_room(how: str) -> None:
    woken: list[str] = []
    found = allocations(asking("1"), asking("2", "other"), woken=woken)
    found.resize(asking("3"))
    found.release("other") if how == "ends" else found.resize(asking("1", "other"))
    assert woken == ["u1"]
    found.resize(asking("3"))
    assert found.wish("u1") is None and cpu_of(found.granted(asking("3"))) == "3"


def test_a_wish_that_is_taken_back_is_forgotten() -> None:
    found = allocations(asking("1"))
    found.resize(asking("5"))
    found.resize(asking("1"))
    assert found.wish("u1") is None
