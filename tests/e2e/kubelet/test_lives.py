"""How pods end: what the API sees of it, and in which order."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from picokube.ready import connection
from tests.e2e.kubelet.place import SECONDS, Place, can_run_pods, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]


@contextmanager
def seen(place: Place, name: str = "p") -> Iterator[Callable[[], list[Document]]]:
    """All states of a pod from now on until it is gone."""
    api = connection(place.cluster.cluster, SECONDS)
    try:
        version = place.cluster.request("GET", place.pods)[1]["metadata"]["resourceVersion"]
        api.request("GET", f"{place.pods}?watch=true&fieldSelector=metadata.name%3D{name}&resourceVersion={version}")
        answer = api.getresponse()

        def until_gone() -> list[Document]:
            found = []
            while line := answer.readline():
                event = json.loads(line)
                found.append(event["object"])
                if event["type"] == "DELETED":
                    return found
            raise AssertionError("the pod did not go")
        yield until_gone
    finally:
        api.close()


def codes(pod: Document) -> dict[str, int]:
    return {one["name"]: one["state"]["terminated"]["exitCode"] for one in (
        *pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ())) if "terminated" in one["state"]}


@pytest.mark.parametrize(("command", "code", "phase"), [
    pytest.param("trap 'exit 0' TERM; while :; do sleep 0.1; done", 0, "Succeeded", id="well"),
    pytest.param("trap 'exit 7' TERM; while :; do sleep 0.1; done", 7, "Failed", id="with-a-code"),
    pytest.param("exec sleep 1000", 137, "Failed", id="killed"),
])
def test_a_deleted_pod_tells_how_its_container_ended_before_it_goes(place: Place, command: str, code: int, phase: str) -> None:
    place.running("p", shell(command))
    grace = 1 if code == 137 else 30            # a busy machine takes its time to obey
    with seen(place) as until_gone:
        place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds={grace}")
        states = until_gone()
    assert codes(states[-1]) == {"main": code} and states[-1]["status"]["phase"] == phase
    assert all(one["status"]["phase"] == "Running" for one in states if not codes(one)), "it ended before its container did"


def test_how_one_container_ended_is_told_while_another_still_ends(place: Place) -> None:
    place.running("p", shell("trap 'exit 3' TERM; while :; do sleep 0.1; done", "quick"), shell("exec sleep 1000", "slow"))
    with seen(place) as until_gone:
        place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds=3")
        states = until_gone()
    assert {"quick": 3} in [codes(one) for one in states]
    assert codes(states[-1]) == {"quick": 3, "slow": 137}


def test_a_pod_has_succeeded_only_when_its_sidecars_have_ended(place: Place) -> None:
    sidecar = {**shell("trap 'sleep 1; exit 0' TERM; while :; do sleep 0.1; done", "side"), "restartPolicy": "Always"}
    with seen(place) as until_gone:
        ended = place.ended("p", shell("sleep 0.5"), initContainers=[sidecar], terminationGracePeriodSeconds=10)
        assert (ended["status"]["phase"], codes(ended)) == ("Succeeded", {"side": 0, "main": 0})
        place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds=1")
        states = until_gone()
    between = [one["status"]["phase"] for one in states if codes(one) == {"main": 0}]
    assert set(between) <= {"Running"}, "it succeeded while its sidecar ran"


def test_sidecars_end_after_the_others_and_in_reverse_order(place: Place) -> None:
    def noting(name: str, **fields: Any) -> Document:
        return shell(f"trap 'echo {name} >> /v/order; exit 0' TERM; while :; do sleep 0.05; done", name,
                     volumeMounts=[{"name": "v", "mountPath": "/v"}], **fields)
    place.running("p", noting("main"), initContainers=[noting("first", restartPolicy="Always"), noting("second", restartPolicy="Always")],
                  volumes=[{"name": "v", "hostPath": {"path": str(place.node_directory), "type": "Directory"}}], terminationGracePeriodSeconds=20)
    place.cluster.request("DELETE", f"{place.pods}/p")
    place.wait_gone("p")
    assert (place.node_directory / "order").read_text().split() == ["main", "second", "first"]


def test_a_pod_past_its_deadline_has_failed_when_it_has_ended(place: Place) -> None:
    with seen(place) as until_gone:
        ended = place.ended("p", sleeper(), activeDeadlineSeconds=1)
        assert (ended["status"]["phase"], ended["status"]["reason"]) == ("Failed", "DeadlineExceeded")
        assert set(codes(ended)) == {"main"}
        place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds=1")
        assert all(codes(one) for one in until_gone() if one["status"]["phase"] == "Failed")
