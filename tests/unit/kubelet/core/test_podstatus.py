"""A pod's status from what is observed."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import ContainerStateWaiting, Pod, PodStatus
from kubelet.containerstatus import Observed
from kubelet.podruntime import PodRuntime
from kubelet.podstatus import held_back, pod_status
from kubelet.probes.results import ProbeResults
from tests.unit.kubelet.core.builders import a_container, a_pod, a_runtime, created, ended, lost, running

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TWO = [a_container("a"), a_container("b")]
INIT = [a_container("i")]
RULED = [a_container("i", restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}])]
SIDE = [a_container("side", restartPolicy="Always")]
CRASH = {"c": ContainerStateWaiting(reason="CrashLoopBackOff", message="back-off 10s")}
NOTHING = a_runtime(sandboxes=[])


def status(pod: Pod, runtime: PodRuntime, **more: Any) -> PodStatus:
    reason = {key: more.pop(key) for key in ("reason", "message") if key in more}
    return pod_status(pod, Observed(runtime, host_ips=("192.0.2.1",), **more), NOW, **reason)


@pytest.mark.parametrize(("pod", "runtime", "more", "phase"), [
    pytest.param(a_pod(), NOTHING, {}, "Pending", id="nothing yet"),
    pytest.param(a_pod(), a_runtime(running()), {}, "Running", id="runs"),
    pytest.param(a_pod(TWO), a_runtime(running("a")), {}, "Pending", id="one of two is still to start"),
    pytest.param(a_pod(TWO), a_runtime(running("a"), ended("b", 1)), {}, "Running", id="one of two has ended"),
    pytest.param(a_pod(), a_runtime(ended(code=1)), {"waiting": CRASH}, "Running", id="crash loop"),
    pytest.param(a_pod(), a_runtime(ended(code=0)), {}, "Running", id="Always: between two attempts"),
    pytest.param(a_pod(restart="Never"), a_runtime(ended(code=0)), {}, "Succeeded", id="Never: success"),
    pytest.param(a_pod(restart="Never"), a_runtime(ended(code=1)), {}, "Failed", id="Never: failure"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=0)), {}, "Succeeded", id="OnFailure: success"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=1)), {}, "Running", id="OnFailure: failure goes on"),
    pytest.param(a_pod(TWO, restart="Never"), a_runtime(ended("a"), ended("b", 3)), {}, "Failed", id="Never: one of two failed"),
    pytest.param(a_pod(restart="Never"), a_runtime(lost()), {}, "Failed", id="Never: lost"),
    pytest.param(a_pod(init=INIT), a_runtime(running("i")), {}, "Pending", id="initializing"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i", 1)), {}, "Pending", id="init failed, tried again"),
    pytest.param(a_pod(init=INIT, restart="Never"), a_runtime(ended("i", 1)), {}, "Failed", id="Never: init failed"),
    pytest.param(a_pod(init=RULED), a_runtime(ended("i", 42)), {}, "Pending", id="init failed, its rules try again"),
    pytest.param(a_pod(init=RULED), a_runtime(ended("i", 1)), {}, "Failed", id="init failed for good, whatever the pod's policy"),
    pytest.param(a_pod(init=SIDE, restart="Never"), a_runtime(running("side"), ended(code=0)), {}, "Succeeded", id="a sidecar outlives the rest"),
    pytest.param(a_pod(), a_runtime(ended(code=0)), {"is_terminal": True}, "Succeeded", id="ended for good, all well"),
    pytest.param(a_pod(), a_runtime(ended(code=143)), {"is_terminal": True}, "Failed", id="ended for good, killed"),
    pytest.param(a_pod(), NOTHING, {"is_terminal": True}, "Failed", id="ended before it began"),
    pytest.param(a_pod(), a_runtime(running()), {"reason": "DeadlineExceeded"}, "Failed", id="ended by the kubelet"),
    pytest.param(a_pod(status={"phase": "Succeeded"}), NOTHING, {}, "Succeeded", id="what has ended stays ended"),
])
def test_phase(pod: Pod, runtime: PodRuntime, more: dict[str, Any], phase: str) -> None:
    assert status(pod, runtime, **more).phase == phase


@pytest.mark.parametrize(("before", "now", "phase"), [
    pytest.param("Running", "Succeeded", "Running", id="ends"), pytest.param("", "Failed", "Pending", id="ends before it was seen"),
    pytest.param("Failed", "Failed", "Failed", id="has ended"), pytest.param("Pending", "Running", "Running", id="lives"),
])
def test_the_end_of_a_pod_that_still_runs_something_is_not_told(before: str, now: str, phase: str) -> None:
    old, new = PodStatus(phase=before), PodStatus(phase=now, reason="Evicted")
    assert held_back(old, new) == (new if phase == now else PodStatus(phase=phase))


def conditions(found: PodStatus) -> dict[str, tuple[str, str, str]]:
    return {one.type: (one.status, one.reason, one.message) for one in found.conditions}


def test_conditions_of_a_running_pod() -> None:
    assert set(conditions(status(a_pod(), a_runtime(running()))).values()) == {("True", "", "")}


def test_conditions_before_anything_runs() -> None:
    assert conditions(status(a_pod(init=INIT), NOTHING)) == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": ("False", "ContainersNotInitialized", "containers with incomplete status: [i]"),
        "Ready": ("False", "ContainersNotReady", "containers with unready status: [c]"),
        "ContainersReady": ("False", "ContainersNotReady", "containers with unready status: [c]"),
        "PodScheduled": ("True", "", "")}


def test_conditions_of_a_pod_that_has_completed() -> None:
    found = conditions(status(a_pod(restart="Never"), a_runtime(ended())))
    assert found["Ready"] == found["ContainersReady"] == ("False", "PodCompleted", "")
    assert found["Initialized"] == ("True", "PodCompleted", "")


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    before = {"phase": "Pending", "conditions": [
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    times = {one.type: one.last_transition_time for one in status(a_pod(status=before), a_runtime(running())).conditions}
    assert times["Initialized"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert times["Ready"] == NOW


def test_other_people_s_conditions_stay() -> None:
    before = {"phase": "Running", "conditions": [{"type": "example.com/gate", "status": "True"}]}
    assert "example.com/gate" in conditions(status(a_pod(status=before), a_runtime(running())))


@pytest.mark.parametrize(("gate", "expected"), [
    ([], ("False", "ReadinessGatesNotReady", 'corresponding condition of pod readiness gate "g" does not exist.')),
    ([{"type": "g", "status": "False"}], ("False", "ReadinessGatesNotReady", 'the status of pod readiness gate "g" is not "True", but False')),
    ([{"type": "g", "status": "True"}], ("True", "", "")),
], ids=["missing", "false", "true"])
def test_readiness_gates(gate: list[dict[str, str]], expected: tuple[str, str, str]) -> None:
    pod = a_pod(status={"phase": "Running", "conditions": gate}, readinessGates=[{"conditionType": "g"}])
    found = conditions(status(pod, a_runtime(running())))
    assert found["Ready"] == expected
    assert found["ContainersReady"][0] == "True"


def test_a_waiting_container_says_why_and_how_it_ended_before() -> None:
    found = status(a_pod(), a_runtime(ended(code=3, attempt=2)), waiting=CRASH).container_statuses[0]
    assert found.state.waiting == CRASH["c"]
    assert found.last_state.terminated is not None
    assert (found.last_state.terminated.exit_code, found.restart_count, found.ready) == (3, 2, False)


def test_one_that_never_runs_again_waits_for_nothing() -> None:
    failed = {"c": ContainerStateWaiting(reason="RunContainerError", message="no such file")}
    found = status(a_pod(restart="Never"), a_runtime(ended(code=128, reason="StartError")), waiting=failed)
    terminated = found.container_statuses[0].state.terminated
    assert terminated is not None and (found.phase, terminated.reason) == ("Failed", "StartError")


def test_a_running_container_tells_of_its_predecessor() -> None:
    found = status(a_pod(), a_runtime(running(attempt=1), ended(code=3, reason="OOMKilled"))).container_statuses[0]
    assert found.state.running is not None and found.last_state.terminated is not None
    assert (found.last_state.terminated.reason, found.restart_count) == ("OOMKilled", 1)
    assert (found.container_id, found.image_id, found.started, found.ready) == ("runc://c1", "sha256:1", True, True)


@pytest.mark.parametrize(("probes", "expected"), [
    (ProbeResults(), (False, False)), (ProbeResults(started=frozenset({"c0"})), (True, False)),
    (ProbeResults(started=frozenset({"c0"}), ready=frozenset({"c0"})), (True, True)),
], ids=["not started", "started", "ready"])
def test_probes_decide_of_started_and_ready(probes: ProbeResults, expected: tuple[bool, bool]) -> None:
    container = a_container(startupProbe={"exec": {}}, readinessProbe={"exec": {}})
    found = status(a_pod([container]), a_runtime(running()), probes=probes).container_statuses[0]
    assert (found.started, found.ready) == expected


@pytest.mark.parametrize(("init", "reason"), [([], "ContainerCreating"), (INIT, "PodInitializing")], ids=["plain", "with init"])
def test_a_container_that_is_not_there_yet_waits(init: list[Any], reason: str) -> None:
    waiting = status(a_pod(init=init), NOTHING).container_statuses[0].state.waiting
    assert waiting is not None and waiting.reason == reason


def test_a_created_container_is_still_being_created() -> None:
    waiting = status(a_pod(), a_runtime(created())).container_statuses[0].state.waiting
    assert waiting is not None and waiting.reason == "ContainerCreating"


def test_a_container_the_node_lost_is_told_as_unknown() -> None:
    known = {"phase": "Running", "containerStatuses": [{"name": "c", "image": "app:1", "imageID": "x", "ready": True, "restartCount": 2,
                                                        "containerID": "runc://old", "state": {"running": {}}}]}
    found = status(a_pod(status=known), NOTHING).container_statuses[0]
    assert found.last_state.terminated is not None
    assert (found.last_state.terminated.reason, found.last_state.terminated.exit_code) == ("ContainerStatusUnknown", 137)
    assert found.restart_count == 2


def test_addresses() -> None:
    found = status(a_pod(), a_runtime(running()))
    assert (found.pod_ip, [one.ip for one in found.pod_ips], found.host_ip) == ("10.0.0.5", ["10.0.0.5"], "192.0.2.1")
    of_host = status(a_pod(hostNetwork=True), a_runtime(running()))
    assert of_host.pod_ip == "192.0.2.1"


def test_the_kubelet_s_reason_is_told() -> None:
    found = status(a_pod(), a_runtime(running()), reason="DeadlineExceeded", message="too long")
    assert (found.reason, found.message) == ("DeadlineExceeded", "too long")


def test_nothing_changes_when_nothing_has_changed() -> None:
    first = status(a_pod(), a_runtime(running()))
    pod = a_pod().evolve(status=first)
    assert pod_status(pod, Observed(a_runtime(running()), host_ips=("192.0.2.1",)), datetime(2030, 1, 1, tzinfo=UTC)) == first


def test_a_pod_that_goes_for_the_others_sake_says_so() -> None:
    pod = a_pod(status={"phase": "Running", "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]})
    found = pod_status(pod, Observed(a_runtime(ended(code=137))), NOW, reason="Evicted", message="The node was low.", is_disruption=True)
    assert (found.phase, found.reason) == ("Failed", "Evicted")
    assert [(one.status, one.reason, one.message) for one in found.conditions if one.type == "DisruptionTarget"] == [
        ("True", "TerminationByKubelet", "The node was low.")]
    unasked = pod_status(pod, Observed(a_runtime(running())), NOW)
    assert [one.reason for one in unasked.conditions if one.type == "DisruptionTarget"] == ["EvictionByEvictionAPI"]
