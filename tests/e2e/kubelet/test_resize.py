"""Resizing a pod that runs: its control groups change under it, or its container is started anew, or it waits and says why."""
from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import Place, can_run_pods, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
MI = 1 << 20


def amounts(cpu: str, memory: str, *, limit_cpu: str = "", limit_memory: str = "") -> Document:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": limit_cpu or cpu, "memory": limit_memory or memory}}


BEFORE = amounts("100m", "32Mi", limit_cpu="200m", limit_memory="64Mi")
AFTER = amounts("150m", "48Mi", limit_cpu="400m", limit_memory="128Mi")


def resize(place: Place, resources: Document, *, kind: str = "containers", container: str = "main") -> tuple[int, Document]:
    return place.cluster.request("PATCH", f"{place.pods}/p/resize", {"spec": {kind: [{"name": container, "resources": resources}]}},
                                 "application/strategic-merge-patch+json")


def status_of(pod: Document, container: str = "main") -> Document:
    return dict(next(one for kind in ("containerStatuses", "initContainerStatuses") for one in pod["status"].get(kind, ())
                     if one["name"] == container))


def condition(pod: Document, type: str) -> Document:
    return next((one for one in pod["status"]["conditions"] if one["type"] == type), {})


def is_resized(pod: Document, resources: Document, container: str = "main") -> bool:
    return status_of(pod, container).get("resources") == resources and not condition(pod, "PodResizeInProgress")


def test_limits_change_live(place: Place) -> None:
    before = place.running("p", sleeper(resources=BEFORE))
    own, whole = groups.path_of(before, "main"), groups.path_of(before)
    assert (groups.memory_limit(own), groups.milli_cpu_limit(own), groups.milli_cpu_limit(whole)) == (64 * MI, 200, 200)
    assert status_of(before)["allocatedResources"] == BEFORE["requests"] and status_of(before)["resources"] == BEFORE
    code, answer = resize(place, AFTER)
    assert code == 200, answer
    after = place.until("p", lambda pod: is_resized(pod, AFTER))
    assert (groups.memory_limit(own), groups.milli_cpu_limit(own)) == (128 * MI, 400)
    assert (groups.memory_limit(whole), groups.milli_cpu_limit(whole)) == (128 * MI, 400)
    assert abs(groups.shares(own) - 153) < 30
    now = status_of(after)
    assert (now["restartCount"], now["containerID"], now["allocatedResources"]) == (0, status_of(before)["containerID"], AFTER["requests"])
    resize(place, BEFORE)
    place.until("p", lambda pod: is_resized(pod, BEFORE))
    assert (groups.memory_limit(own), groups.milli_cpu_limit(own), groups.memory_limit(whole)) == (64 * MI, 200, 64 * MI)


def test_a_container_may_ask_to_be_started_anew(place: Place) -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}, {"resourceName": "cpu", "restartPolicy": "NotRequired"}]
    place.running("p", sleeper(resources=BEFORE, resizePolicy=policy))
    more_cpu = {**BEFORE, "limits": {**BEFORE["limits"], "cpu": "300m"}}
    resize(place, more_cpu)
    pod = place.until("p", lambda pod: is_resized(pod, more_cpu))
    assert status_of(pod)["restartCount"] == 0
    resize(place, AFTER)
    pod = place.until("p", lambda pod: is_resized(pod, AFTER) and status_of(pod)["restartCount"] == 1)
    assert groups.memory_limit(groups.path_of(pod, "main")) == groups.memory_limit(groups.path_of(pod)) == 128 * MI
    place.until_event("Killing", "Container main resize requires restart")


def test_a_sidecar_is_resized_too(place: Place) -> None:
    place.running("p", sleeper(resources=BEFORE), initContainers=[sleeper("side", resources=BEFORE, restartPolicy="Always")])
    resize(place, AFTER, kind="initContainers", container="side")
    pod = place.until("p", lambda pod: is_resized(pod, AFTER, "side"))
    assert groups.memory_limit(groups.path_of(pod, "side")) == 128 * MI
    assert groups.memory_limit(groups.path_of(pod)) == 192 * MI


def test_what_the_node_never_has_is_told(place: Place) -> None:
    place.running("p", sleeper(resources=BEFORE))
    huge = {**AFTER, "requests": {"cpu": "1001", "memory": "48Mi"}, "limits": {"cpu": "1001", "memory": "128Mi"}}
    resize(place, huge)
    pod = place.until("p", lambda pod: bool(condition(pod, "PodResizePending")))
    found = condition(pod, "PodResizePending")
    assert (found["status"], found["reason"]) == ("True", "Infeasible")
    assert found["message"].startswith("Node didn't have enough capacity: cpu, requested: 1001000, capacity: ")
    assert status_of(pod)["allocatedResources"] == BEFORE["requests"] and pod["spec"]["containers"][0]["resources"] == huge
    assert groups.milli_cpu_limit(groups.path_of(pod, "main")) == 200
    resize(place, AFTER)
    pod = place.until("p", lambda pod: is_resized(pod, AFTER))
    assert not condition(pod, "PodResizePending")


def test_what_others_have_is_waited_for(place: Place) -> None:
    node = place.cluster.request("GET", f"/api/v1/nodes/{place.node}")[1]
    milli = int(node["status"]["allocatable"]["cpu"]) * 1000
    place.running("other", sleeper(resources={"requests": {"cpu": f"{milli // 2}m"}}))
    place.running("p", sleeper(resources={"requests": {"cpu": "100m"}}))
    wanted = {"requests": {"cpu": f"{milli // 2 + 101}m"}}
    resize(place, wanted)
    pod = place.until("p", lambda pod: bool(condition(pod, "PodResizePending")))
    assert condition(pod, "PodResizePending")["reason"] == "Deferred"
    place.cluster.request("DELETE", f"{place.pods}/other?gracePeriodSeconds=1")
    pod = place.until("p", lambda pod: is_resized(pod, wanted))
    assert not condition(pod, "PodResizePending")


def test_a_kubelet_killed_after_a_resize_finds_what_was_granted(place: Place) -> None:
    place.running("p", sleeper(resources=BEFORE))
    resize(place, AFTER)
    before = place.until("p", lambda pod: is_resized(pod, AFTER))
    place.cluster.kill(f"kubelet-{place.node}" if f"kubelet-{place.node}" in place.cluster.components() else "kubelet")
    less = {**AFTER, "limits": {**AFTER["limits"], "cpu": "300m"}}
    resize(place, less)
    pod = place.until("p", lambda pod: is_resized(pod, less))
    assert status_of(pod)["containerID"] == status_of(before)["containerID"]
    assert groups.milli_cpu_limit(groups.path_of(pod, "main")) == 300


@pytest.mark.parametrize(("resources", "message"), [
    pytest.param({"limits": {"cpu": None}}, "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed", id="a-limit-gone"),
    pytest.param(amounts("200m", "64Mi"), 'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing', id="qos"),
    pytest.param({"requests": {"cpu": "500m"}}, "must be less than or equal to cpu limit of 200m", id="more-than-the-limit"),
])
def test_refusals(place: Place, resources: Document, message: str) -> None:
    place.running("p", sleeper(resources=BEFORE))
    code, answer = resize(place, resources)
    assert code == 422 and message in answer["message"], answer
    pod = place.cluster.request("GET", f"{place.pods}/p")[1]
    assert pod["spec"]["containers"][0]["resources"] == BEFORE
