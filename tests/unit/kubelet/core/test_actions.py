"""What comes next for a pod, in every state it can be found in."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Pod
from kubelet.actions import HASH_ANNOTATION, Actions, compute_actions, container_hash
from kubelet.allocation import GRANT, grant_text
from kubelet.cri import ContainerStatus
from kubelet.podruntime import PodRuntime
from kubelet.probes.results import ProbeResults
from tests.unit.kubelet.core.builders import a_container, a_pod, a_runtime, a_sandbox, created, ended, lost, running

GONE = a_sandbox(ready=False)
NEW = a_sandbox("s1", 1)
INIT = [a_container("i1"), a_container("i2")]
SIDE = a_container("side", restartPolicy="Always")
PROBED_SIDE = a_container("side", restartPolicy="Always", startupProbe={"exec": {"command": ["x"]}})
RULES = a_container(restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}])
RULED = a_container("i", restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}])
NOTHING_LEFT = Actions(stop_everything=True)
SANDBOX = Actions(create_sandbox=True)
WAIT = Actions()

DEBUGGED = a_pod(ephemeralContainers=[{"name": "debug", "image": "app:1", "targetContainerName": "c"}])


def start(*names: str) -> Actions:
    return Actions(start=names)


@pytest.mark.parametrize(("pod", "runtime", "expected"), [
    pytest.param(a_pod(), a_runtime(sandboxes=[]), SANDBOX, id="nothing is there: a sandbox first"),
    pytest.param(a_pod(), a_runtime(), start("c"), id="a sandbox: its container"),
    pytest.param(a_pod([a_container("a"), a_container("b")]), a_runtime(), start("a", "b"), id="all containers at once"),
    pytest.param(a_pod(), a_runtime(running()), WAIT, id="all run"),
    pytest.param(a_pod(), a_runtime(created()), start("c"), id="created but never started: anew"),
    pytest.param(a_pod(), a_runtime(lost()), start("c"), id="a lost container is restarted"),
    pytest.param(a_pod(restart="Never"), a_runtime(lost()), NOTHING_LEFT, id="a lost container is not, under Never"),
    # --- restartPolicy
    pytest.param(a_pod(), a_runtime(ended(code=0)), start("c"), id="Always restarts success"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=1)), start("c"), id="OnFailure restarts failure"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=0)), NOTHING_LEFT, id="OnFailure leaves success"),
    pytest.param(a_pod(restart="Never"), a_runtime(ended(code=1)), NOTHING_LEFT, id="Never leaves failure"),
    pytest.param(a_pod([a_container("a"), a_container("b")], restart="Never"), a_runtime(ended("a", 1), running("b")), WAIT,
                 id="one has ended, the other runs on"),
    pytest.param(a_pod([RULES], restart="Never"), a_runtime(ended(code=42)), start("c"), id="a rule restarts its exit code"),
    pytest.param(a_pod([RULES], restart="Never"), a_runtime(ended(code=1)), NOTHING_LEFT, id="and no other"),
    # --- the sandbox is gone
    pytest.param(a_pod(), a_runtime(running(), sandboxes=[GONE]), SANDBOX, id="the sandbox died: a new one"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=0), sandboxes=[GONE]), NOTHING_LEFT, id="but not for what has succeeded"),
    pytest.param(a_pod(restart="Never"), a_runtime(ended(code=1), sandboxes=[GONE]), NOTHING_LEFT, id="nor under Never once it ran"),
    pytest.param(a_pod(restart="Never"), a_runtime(sandboxes=[GONE]), SANDBOX, id="under Never if nothing ran yet"),
    pytest.param(a_pod(restart="OnFailure"), a_runtime(ended(code=0), sandboxes=[NEW, GONE]), NOTHING_LEFT,
                 id="success in an older sandbox counts"),
    pytest.param(a_pod(), a_runtime(ended(code=0), sandboxes=[NEW, GONE]), start("c"), id="started again in the new sandbox"),
    # --- init containers
    pytest.param(a_pod(init=INIT), a_runtime(), start("i1"), id="the first init container alone"),
    pytest.param(a_pod(init=INIT), a_runtime(running("i1")), WAIT, id="it runs"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i1")), start("i2"), id="then the second"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i1"), ended("i2")), start("c"), id="then the containers"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i1"), ended("i2", 1)), start("i2"), id="a failed one again"),
    pytest.param(a_pod(init=INIT, restart="Never"), a_runtime(ended("i1"), ended("i2", 1)), NOTHING_LEFT, id="under Never the pod has failed"),
    pytest.param(a_pod(init=[RULED]), a_runtime(ended("i", 42)), start("i"), id="its own rules come first"),
    pytest.param(a_pod(init=[RULED]), a_runtime(ended("i", 1)), NOTHING_LEFT, id="where none matches it is not started again"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i1"), ended("i2"), running()), WAIT, id="initialized and running"),
    pytest.param(a_pod(init=INIT), a_runtime(ended("i1", sandbox="s0"), sandboxes=[NEW, GONE]), start("i1"), id="a new sandbox: from the beginning"),
    pytest.param(a_pod(init=INIT), a_runtime(running(), sandboxes=[a_sandbox()]), WAIT, id="no init container again once a container ran"),
    # --- sidecars
    pytest.param(a_pod(init=[SIDE]), a_runtime(), start("side"), id="the sidecar first"),
    pytest.param(a_pod(init=[SIDE]), a_runtime(running("side")), start("c"), id="it runs: the containers"),
    pytest.param(a_pod(init=[PROBED_SIDE]), a_runtime(running("side")), WAIT, id="not before its startup probe has succeeded"),
    pytest.param(a_pod(init=[SIDE], restart="Never"), a_runtime(ended("side", 1), running()), start("side"), id="a sidecar is always restarted"),
    pytest.param(a_pod(init=[SIDE], restart="Never"), a_runtime(running("side"), ended(code=0)), NOTHING_LEFT, id="sidecars alone keep no pod"),
    pytest.param(a_pod(init=[SIDE], restart="Never"), a_runtime(ended("side", 1), ended(code=0)), NOTHING_LEFT,
                 id="nor are they started again when the rest has ended"),
    pytest.param(a_pod(init=[PROBED_SIDE], restart="OnFailure"), a_runtime(running("side"), ended(code=0)), NOTHING_LEFT,
                 id="nor waited for"),
    # --- ephemeral containers
    pytest.param(DEBUGGED, a_runtime(running()), start("debug"), id="an ephemeral container starts beside what runs"),
    pytest.param(DEBUGGED, a_runtime(running(), running("debug")), WAIT, id="and runs"),
    pytest.param(DEBUGGED, a_runtime(running(), ended("debug", 1)), WAIT, id="once"),
    pytest.param(DEBUGGED.evolve(spec=DEBUGGED.spec.evolve(init_containers=tuple(INIT))), a_runtime(running("i1")), start("debug"),
                 id="it does not wait for init containers"),
    pytest.param(DEBUGGED.evolve(spec=DEBUGGED.spec.evolve(restart_policy="Never")), a_runtime(ended(), running("debug")), NOTHING_LEFT,
                 id="nor keeps a pod that has ended"),
    pytest.param(a_pod(init=[SIDE, *INIT]), a_runtime(running("side"), ended("i1")), start("i2"), id="init containers beside a running sidecar"),
])
def test_what_comes_next(pod: Pod, runtime: PodRuntime, expected: Actions) -> None:
    assert compute_actions(pod, runtime) == expected


def test_an_ended_container_waits_for_its_back_off() -> None:
    found = compute_actions(a_pod(), a_runtime(ended(code=1)), remaining=lambda container: 7.0)
    assert found == Actions(backing_off={"c": 7.0})


def test_others_start_while_one_backs_off() -> None:
    pod = a_pod([a_container("a"), a_container("b")])
    found = compute_actions(pod, a_runtime(ended("a", 1)), remaining=lambda container: 7.0)
    assert found == Actions(start=("b",), backing_off={"a": 7.0})


@pytest.mark.parametrize(("kind", "restart", "message"), [
    ("liveness", "Always", "Container c failed liveness probe, will be restarted"),
    ("startup", "OnFailure", "Container c failed startup probe, will be restarted"),
    ("liveness", "Never", "Container c failed liveness probe, will be killed"),
])
def test_a_failed_probe_kills(kind: str, restart: str, message: str) -> None:
    probes = ProbeResults(failed={"c0": kind})
    found = compute_actions(a_pod(restart=restart), a_runtime(running()), probes)
    assert [(one.container.id, one.message) for one in found.kill] == [("c0", message)]


SMALL, LARGE = ({"requests": {"cpu": cpu, "memory": "1Gi"}} for cpu in ("1", "2"))


def sized(resources: dict[str, Any]) -> ContainerStatus:
    return running(annotations={GRANT: grant_text(a_container(resources=resources).resources)})


@pytest.mark.parametrize(("resources", "policy", "resized", "killed"), [
    pytest.param(LARGE, [], [], [], id="as it is"), pytest.param(SMALL, [], ["c0"], [], id="live"),
    pytest.param({"requests": {"cpu": "2000m", "memory": "1024Mi"}}, [], [], [], id="the same in other words"),
    pytest.param(SMALL, [{"resourceName": "memory", "restartPolicy": "RestartContainer"}], ["c0"], [], id="a policy of another resource"),
    pytest.param(SMALL, [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}], [], ["Container c resize requires restart"], id="restart"),
])
def test_a_container_that_was_granted_other_amounts(resources: dict[str, Any], policy: list[dict[str, str]], resized: list[str],
                                                    killed: list[str]) -> None:
    found = compute_actions(a_pod([a_container(resources=LARGE, resizePolicy=policy)]), a_runtime(sized(resources)))
    assert ([one.id for one in found.resize], [one.message for one in found.kill]) == (resized, killed)


def test_a_changed_image_restarts_the_container() -> None:
    old = running(annotations={HASH_ANNOTATION: container_hash(a_container(image="app:0"))})
    found = compute_actions(a_pod(), a_runtime(old))
    assert [one.message for one in found.kill] == ["Container c definition changed, will be restarted"]


def test_the_same_image_does_not() -> None:
    same: Any = running(annotations={HASH_ANNOTATION: container_hash(a_container())})
    assert compute_actions(a_pod(), a_runtime(same)) == WAIT
