"""Why a container does not run, how it ended, and its last words: as users see them."""
from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from kubelet import linux
from tests.e2e.kubelet.place import Place, can_run_pods, container, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]


def status_of(pod: Document) -> Document:
    return dict(pod["status"].get("containerStatuses", [{}])[0])


def terminated(pod: Document) -> Document:
    return dict(status_of(pod).get("state", {}).get("terminated") or {})


def waiting(pod: Document) -> Document:
    return dict(status_of(pod).get("state", {}).get("waiting") or {})


def from_key(kind: str, name: str, key: str) -> Document:
    return {"env": [{"name": "A", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key}}}]}


@pytest.mark.parametrize(("fields", "reason", "message"), [
    pytest.param(from_key("configMap", "none", "k"), "CreateContainerConfigError", 'configmap "none" not found', id="no-configmap"),
    pytest.param(from_key("configMap", "there", "k"), "CreateContainerConfigError", "couldn't find key k in ConfigMap {namespace}/there", id="no-key"),
    pytest.param(from_key("secret", "none", "k"), "CreateContainerConfigError", 'secret "none" not found', id="no-secret"),
    pytest.param(from_key("secret", "there", "k"), "CreateContainerConfigError", "couldn't find key k in Secret {namespace}/there", id="no-secret-key"),
    pytest.param({"envFrom": [{"configMapRef": {"name": "none"}}]}, "CreateContainerConfigError", 'configmap "none" not found', id="env-from"),
    pytest.param({"securityContext": {"runAsNonRoot": True}}, "CreateContainerConfigError", "container has runAsNonRoot and image will run as root",
                 id="root"),
    pytest.param({"workingDir": "not/absolute"}, "CreateContainerError", "working directory", id="working-directory"),
    pytest.param({"image": "localhost/picokube/none:1", "imagePullPolicy": "Never"}, "ErrImageNeverPull",
                 'Container image "localhost/picokube/none:1" is not present with pull policy of Never', id="never-pull"),
    pytest.param({"image": "localhost/UPPER"}, "InvalidImageName", 'Failed to apply default image tag "localhost/UPPER"', id="image-name"),
])
def test_why_a_container_does_not_run(place: Place, fields: Document, reason: str, message: str) -> None:
    for kind, data in (("configmaps", {"data": {"a": "b"}}), ("secrets", {"stringData": {"a": "b"}})):
        place.create(f"/api/v1/namespaces/{place.namespace}/{kind}", {"metadata": {"name": "there"}, **data})
    place.pod("p", sleeper(**fields))
    pod = place.until("p", lambda pod: waiting(pod).get("reason") == reason)
    assert message.format(namespace=place.namespace) in waiting(pod)["message"]
    assert pod["status"]["phase"] == "Pending"
    event = place.until_event(reason if reason == "ErrImageNeverPull" else "InspectFailed" if reason == "InvalidImageName" else "Failed",
                              message.format(namespace=place.namespace))
    assert event["involvedObject"]["fieldPath"] == "spec.containers{main}"


def test_what_was_missing_is_taken_up_when_it_comes(place: Place) -> None:
    place.pod("p", sleeper(**from_key("configMap", "late", "k")))
    place.until("p", lambda pod: waiting(pod).get("reason") == "CreateContainerConfigError")
    place.create(f"/api/v1/namespaces/{place.namespace}/configmaps", {"metadata": {"name": "late"}, "data": {"k": "v"}})
    place.until("p", lambda pod: "running" in status_of(pod).get("state", {}))
    assert place.exec("p", "sh", "-c", "echo $A") == "v\n"


def test_a_program_that_is_not_there(place: Place) -> None:
    pod = place.ended("p", container("main", "/no/such/program"))
    found = terminated(pod)
    assert (pod["status"]["phase"], found["reason"], found["exitCode"]) == ("Failed", "StartError", 128)
    assert found["startedAt"] == "1970-01-01T00:00:00Z"
    assert "/no/such/program" in found["message"] and "no such file or directory" in found["message"]
    place.until_event("Failed", "/no/such/program")


def test_a_program_that_is_not_there_is_tried_again(place: Place) -> None:
    place.pod("p", container("main", "/no/such/program"))
    pod = place.until("p", lambda pod: waiting(pod).get("reason") in ("RunContainerError", "CrashLoopBackOff"))
    assert pod["status"]["phase"] in ("Pending", "Running")
    pod = place.until("p", lambda pod: waiting(pod).get("reason") == "CrashLoopBackOff")
    assert status_of(pod)["lastState"]["terminated"]["reason"] == "StartError"
    assert waiting(pod)["message"] == f"back-off 10s restarting failed container=main pod=p_{place.namespace}({pod['metadata']['uid']})"
    place.until_event("BackOff", f"Back-off restarting failed container main in pod p_{place.namespace}({pod['metadata']['uid']})")


@pytest.mark.parametrize(("script", "reason", "code", "phase"), [
    pytest.param("exit 0", "Completed", 0, "Succeeded", id="completed"), pytest.param("exit 42", "Error", 42, "Failed", id="error"),
    pytest.param("sh -c 'kill -9 $$$$'; exit $?", "Error", 137, "Failed", id="killed"),
])
def test_how_a_container_ended(place: Place, script: str, reason: str, code: int, phase: str) -> None:
    pod = place.ended("p", shell(script))
    assert (terminated(pod)["reason"], terminated(pod)["exitCode"], pod["status"]["phase"]) == (reason, code, phase)
    assert terminated(pod)["startedAt"] <= terminated(pod)["finishedAt"] and terminated(pod)["containerID"].startswith("runc://")


def test_a_container_whose_end_nobody_saw_is_unknown(place: Place) -> None:
    """Its shim was killed: with it the exit code is lost."""
    pod = place.running("p", sleeper(), restartPolicy="Never")
    shim = place.node_directory / "runtime" / "containers" / status_of(pod)["containerID"].rpartition("/")[2] / "shim.json"
    os.kill(json.loads(shim.read_text())["pid"], signal.SIGKILL)
    pod = place.until("p", lambda pod: bool(terminated(pod)))
    assert (terminated(pod)["reason"], terminated(pod)["exitCode"], pod["status"]["phase"]) == ("ContainerStatusUnknown", 137, "Failed")
    assert terminated(pod)["message"] == "The container could not be located when the pod was terminated"
    assert not [pid for pid in processes_of(pod) if linux.start_time(pid)], "it still runs"


@pytest.mark.parametrize(("script", "fields", "message"), [
    pytest.param("echo last words > /dev/termination-log", {}, "last words\n", id="the-file"),
    pytest.param("echo last words > /tmp/words; exit 1", {"terminationMessagePath": "/tmp/words"}, "last words\n", id="another-path"),
    pytest.param("head -c 10000 /dev/zero | tr '\\0' x > /dev/termination-log", {}, "x" * 4096, id="too-many"),
    pytest.param("echo said; exit 1", {}, None, id="the-log-does-not-count"),
    pytest.param("echo said; echo cried >&2; exit 1", {"terminationMessagePolicy": "FallbackToLogsOnError"}, "said\ncried\n", id="the-log-on-error"),
    pytest.param("echo said", {"terminationMessagePolicy": "FallbackToLogsOnError"}, None, id="on-error-alone"),
    pytest.param("echo said; echo words > /dev/termination-log; exit 1", {"terminationMessagePolicy": "FallbackToLogsOnError"}, "words\n",
                 id="the-file-first"),
    pytest.param("seq 1000; exit 1", {"terminationMessagePolicy": "FallbackToLogsOnError"}, "".join(f"{n}\n" for n in range(921, 1001)),
                 id="the-log-s-last-80-lines"),
])
def test_last_words(place: Place, script: str, fields: Document, message: str | None) -> None:
    assert terminated(place.ended("p", shell(script, **fields))).get("message") == message


def test_init_containers_run_one_by_one_before_the_others(place: Place) -> None:
    place.pod("p", sleeper(), initContainers=[shell("while [ ! -e /dev/shm/go ]; do sleep 0.1; done", "first"), shell("exit 0", "second")])
    pod = place.until("p", lambda pod: any("running" in one["state"] for one in pod["status"].get("initContainerStatuses", ())))
    assert waiting(pod) == {"reason": "PodInitializing"}
    assert pod["status"]["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}
    condition = next(one for one in pod["status"]["conditions"] if one["type"] == "Initialized")
    assert (condition["status"], condition["reason"]) == ("False", "ContainersNotInitialized")
    assert condition["message"] == "containers with incomplete status: [first second]"
    place.exec("p", "touch", "/dev/shm/go", container="first")
    pod = place.until("p", lambda pod: "running" in status_of(pod).get("state", {}))
    assert [one["state"]["terminated"]["reason"] for one in pod["status"]["initContainerStatuses"]] == ["Completed", "Completed"]


@pytest.mark.parametrize(("rules", "phase", "restarts"), [
    pytest.param([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}], "Succeeded", 1, id="a-rule-that-matches"),
    pytest.param([{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [42]}}], "Failed", 0, id="one-that-does-not"),
])
def test_restart_rules(place: Place, rules: list[Document], phase: str, restarts: int) -> None:
    main = shell("[ -e /dev/shm/again ] && exit 0; touch /dev/shm/again; exit 42", restartPolicy="Never", restartPolicyRules=rules)
    pod = place.ended("p", main)
    assert (pod["status"]["phase"], status_of(pod)["restartCount"]) == (phase, restarts)
