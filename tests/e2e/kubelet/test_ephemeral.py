"""Ephemeral containers: added to a pod that runs, seeing its processes, run once and relied upon by nobody."""
from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.kubelet.place import IMAGE, Place, can_run_pods, has_kubectl, sleeper, terminal
from tests.e2e.kubelet.test_sharing import inits, namespaces

pytestmark = can_run_pods
Document = dict[str, Any]


def debug(place: Place, *containers: Document, name: str = "p") -> tuple[int, Document]:
    return place.cluster.request("PATCH", f"{place.pods}/{name}/ephemeralcontainers", {"spec": {"ephemeralContainers": list(containers)}},
                                 "application/strategic-merge-patch+json")


def state_of(pod: Document, name: str = "debug") -> Document:
    statuses = {one["name"]: one for one in pod["status"].get("ephemeralContainerStatuses", ())}
    return dict(statuses.get(name, {}).get("state", {}))


def ephemeral(script: str, **fields: Any) -> Document:
    return {"name": "debug", "image": IMAGE, "command": ["sh", "-c", script], **fields}


@pytest.mark.parametrize(("target", "shared"), [
    pytest.param("main", {"pid", "net", "ipc", "uts"}, id="with-a-target"), pytest.param("", {"net", "ipc", "uts"}, id="without"),
])
def test_it_joins_the_pod_and_its_target_s_processes(place: Place, target: str, shared: set[str]) -> None:
    place.running("p", sleeper())
    code, answer = debug(place, ephemeral("trap exit TERM; while :; do sleep 1; done", **({"targetContainerName": target} if target else {})))
    assert code == 200, answer
    pod = place.until("p", lambda one: "running" in state_of(one))
    status = pod["status"]["ephemeralContainerStatuses"][0]
    assert (status["ready"], status["restartCount"], status["imageID"] != "") == (False, 0, True)
    found, main = (namespaces(inits(pod)[one["containerID"].rpartition("/")[2]])
                   for one in (status, pod["status"]["containerStatuses"][0]))
    assert {kind for kind in ("pid", "net", "ipc", "uts", "mnt") if found[kind] == main[kind]} == shared
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    place.until_event("Started")


def test_it_runs_once_and_the_pod_goes_on_without_it(place: Place) -> None:
    place.running("p", sleeper())
    debug(place, ephemeral("echo seen; exit 3"))
    pod = place.until("p", lambda one: "terminated" in state_of(one))
    ended = state_of(pod)["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert place.log("p", "debug") == "seen\n"
    code, _ = debug(place, ephemeral("sleep 1000", name="other"))
    assert code == 200
    pod = place.until("p", lambda one: "running" in state_of(one, "other"))
    assert state_of(pod)["terminated"] == ended
    assert [one["type"] for one in pod["status"]["conditions"] if one["status"] == "True" and one["type"] == "Ready"]


def test_it_does_not_keep_a_pod_that_has_ended(place: Place) -> None:
    place.pod("p", {**sleeper(), "command": ["sh", "-c", "while [ ! -e /dev/shm/end ]; do sleep 0.1; done"]}, restartPolicy="Never")
    place.until("p", lambda one: one["status"]["phase"] == "Running")
    debug(place, ephemeral("touch /dev/shm/end; trap exit TERM; while :; do sleep 0.1; done"))
    pod = place.until("p", lambda one: one["status"]["phase"] in ("Succeeded", "Failed"))
    assert pod["status"]["phase"] == "Succeeded" and "terminated" in state_of(pod)


def test_without_its_target_it_says_what_is_missing(place: Place) -> None:
    place.pod("p", {**sleeper("main"), "image": "localhost/picokube/none:1", "imagePullPolicy": "Never"}, sleeper("other"))
    place.until("p", lambda one: any("running" in each["state"] for each in one["status"].get("containerStatuses", ())))
    debug(place, ephemeral("true", targetContainerName="main"))
    pod = place.until("p", lambda one: "reason" in state_of(one).get("waiting", {}) and state_of(one)["waiting"]["reason"] != "ContainerCreating")
    assert state_of(pod)["waiting"] == {"reason": "CreateContainerConfigError", "message": "unable to find target container main"}


def test_the_subresource_changes_nothing_else(place: Place) -> None:
    before = place.running("p", sleeper())
    wanted = json.loads(json.dumps(before))
    wanted["metadata"]["labels"] = {"a": "b"}
    wanted["spec"]["containers"][0]["image"] = "other:1"
    wanted["status"] = {}
    wanted["spec"]["ephemeralContainers"] = [ephemeral("true")]
    code, after = place.cluster.request("PUT", f"{place.pods}/p/ephemeralcontainers", {**wanted, "metadata": {
        **wanted["metadata"], "resourceVersion": ""}})
    assert code == 200, after
    assert after["spec"]["containers"] == before["spec"]["containers"] and "labels" not in after["metadata"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


@has_kubectl
def test_kubectl_debug(place: Place) -> None:
    place.running("p", sleeper())
    with terminal(place, "debug", "-it", "p", f"--image={IMAGE}", "--target=main", "--profile=general", "--container=dbg", "--", "sh") as shown:
        place.until("p", lambda one: "running" in state_of(one, "dbg"))
        shown.type("echo it-is-$((40+2)); ps\n")
        shown.until("it-is-42")
        shown.until("sleep 1")
        shown.type("exit\n")
        assert shown.ended() == 0
    pod = place.until("p", lambda one: "terminated" in state_of(one, "dbg"))
    assert state_of(pod, "dbg")["terminated"]["exitCode"] == 0
