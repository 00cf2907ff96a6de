"""The control groups of pods and what is above them: by QoS class, with the weight and the limits that were asked for."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubelet.runc.cgroups import node_path
from tests.e2e.kubelet import groups
from tests.e2e.kubelet.place import Place, can_run_pods, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
MI = 1 << 20
GUARANTEED = {"limits": {"cpu": "100m", "memory": "32Mi"}}
BURSTABLE = {"requests": {"cpu": "250m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}}


@pytest.mark.parametrize(("resources", "qos", "below", "score"), [
    pytest.param(GUARANTEED, "Guaranteed", "", -997, id="guaranteed"), pytest.param(BURSTABLE, "Burstable", "/burstable", 999, id="burstable"),
    pytest.param({}, "BestEffort", "/besteffort", 1000, id="best-effort"),
])
def test_a_pod_s_group_lies_below_its_class_s(place: Place, resources: Document, qos: str, below: str, score: int) -> None:
    pod = place.running("p", sleeper(resources=resources))
    assert pod["status"]["qosClass"] == qos
    assert groups.path_of(pod) == f"{node_path(place.cluster.cluster.name, place.node)}{below}/pod{pod['metadata']['uid']}"
    pid = processes_of(pod)[0]
    adjusted = int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert adjusted in (score, own) if score < 0 else adjusted <= score and adjusted >= min(score, 990)


def test_burstable_pods_weigh_together_what_they_asked_for(place: Place) -> None:
    node = node_path(place.cluster.cluster.name, place.node)
    place.running("a", sleeper(resources=BURSTABLE))
    assert abs(groups.shares(f"{node}/burstable") - 256) < 30
    place.running("b", sleeper(resources=BURSTABLE), sleeper("second", resources=BURSTABLE))
    assert abs(groups.shares(f"{node}/burstable") - 768) < 30
    assert groups.shares(f"{node}/besteffort") == 2
    place.delete_all()
    assert groups.shares(f"{node}/burstable") == 2


def test_a_pod_s_group_is_limited_where_all_its_containers_are(place: Place) -> None:
    limited = {"limits": {"cpu": "100m", "memory": "32Mi"}}
    pod = place.running("p", sleeper(resources=limited), sleeper("second", resources={"limits": {"cpu": "200m"}}),
                        initContainers=[shell("true", "init", resources={"limits": {"cpu": "500m"}})])
    assert (groups.milli_cpu_limit(groups.path_of(pod)), groups.memory_limit(groups.path_of(pod))) == (500, 0)
    assert groups.memory_limit(groups.path_of(pod, "main")) == 32 * MI and groups.milli_cpu_limit(groups.path_of(pod, "second")) == 200


def test_resources_of_the_pod_as_a_whole(place: Place) -> None:
    whole = {"requests": {"cpu": "200m", "memory": "32Mi"}, "limits": {"cpu": "300m", "memory": "64Mi"}}
    pod = place.running("p", sleeper(), sleeper("second"), resources=whole)
    assert pod["status"]["qosClass"] == "Burstable"
    path = groups.path_of(pod)
    assert (groups.milli_cpu_limit(path), groups.memory_limit(path)) == (300, 64 * MI)
    assert groups.memory_limit(groups.path_of(pod, "main")) == 0


def test_too_much_memory_is_oom_killed(place: Place) -> None:
    pod = place.ended("p", shell("exec tail /dev/zero", resources={"limits": {"memory": "16Mi"}}))
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (pod["status"]["phase"], ended["reason"], ended["exitCode"]) == ("Failed", "OOMKilled", 137)


def test_what_does_not_fit_the_node_is_refused(place: Place) -> None:
    """As by a DaemonSet of an old node, or a pod that names its node itself: no scheduler has looked at it."""
    place.pod("p", sleeper(resources={"requests": {"cpu": "1000"}}), nodeName=place.node)
    pod = place.until("p", lambda one: one["status"]["phase"] == "Failed")
    assert pod["status"]["reason"] == "OutOfcpu"
    assert pod["status"]["message"].startswith("Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: ")
    place.until_event("OutOfcpu")
