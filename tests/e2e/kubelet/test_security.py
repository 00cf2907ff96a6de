"""What a container may do: users, capabilities, system calls, its root, sysctls."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubelet.admission import APPARMOR
from kubelet.runc.spec import CAPABILITIES, DEFAULT_CAPABILITIES
from tests.e2e.kubelet.place import Place, can_run_pods, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
OWN = {name for number, name in enumerate(CAPABILITIES)
       if int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd")).split()[1], 16) >> number & 1}


def status_of(pod: Document) -> dict[str, str]:
    """The first process's, as the kernel tells it."""
    lines = Path(f"/proc/{processes_of(pod)[0]}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def said(place: Place, command: str, **fields: Any) -> str:
    """What a container prints that runs a command and ends well; `fields` are of the pod but `securityContext`."""
    pod = place.ended("p", shell(command, **fields.pop("of_container", {})), **fields)
    assert pod["status"]["phase"] == "Succeeded", (pod["status"], place.log())
    return place.log()


def waiting(place: Place, reason: str) -> str:
    """The message of the container that waits for that reason."""
    def state(pod: Document) -> Document:
        statuses = pod["status"].get("containerStatuses", [{}])
        return dict(statuses[0].get("state", {}).get("waiting", {}))
    return str(state(place.until("p", lambda pod: state(pod).get("reason") == reason))["message"])


@pytest.mark.parametrize(("context", "expected"), [
    pytest.param({}, set(DEFAULT_CAPABILITIES), id="default"),
    pytest.param({"capabilities": {"drop": ["ALL"]}}, set(), id="none"),
    pytest.param({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, {"NET_BIND_SERVICE"}, id="one"),
    pytest.param({"capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]}}, {*DEFAULT_CAPABILITIES, "NET_ADMIN"} - {"MKNOD"}, id="changed"),
    pytest.param({"privileged": True}, set(CAPABILITIES), id="privileged"),
])
def test_capabilities(place: Place, context: Document, expected: set[str]) -> None:
    bits = int(status_of(place.running("p", sleeper(securityContext=context)))["CapEff"], 16)
    assert {name for number, name in enumerate(CAPABILITIES) if bits >> number & 1} == expected & OWN


def test_the_privileged_see_and_change_the_machine(place: Place) -> None:
    command = "mkdir /m && mount -t tmpfs none /m && ls /dev/kmsg && touch /proc/sys/kernel/panic && echo end"
    assert said(place, command, of_container={"securityContext": {"privileged": True}}) == "/dev/kmsg\nend\n"


def test_an_ordinary_container_cannot(place: Place) -> None:
    command = "mkdir /m; mount -t tmpfs none /m || echo no mount; ls /dev/kmsg || echo no kmsg; echo 1 > /proc/sys/kernel/panic || echo no sysctl"
    assert [line for line in said(place, command + "; true").splitlines() if line.startswith("no ")] == ["no mount", "no kmsg", "no sysctl"]


@pytest.mark.parametrize(("of_pod", "context", "expected"), [
    pytest.param({}, {}, "0", id="unconfined-where-nothing-is-said"),
    pytest.param({"seccompProfile": {"type": "RuntimeDefault"}}, {}, "2", id="of-the-pod"),
    pytest.param({"seccompProfile": {"type": "RuntimeDefault"}}, {"seccompProfile": {"type": "Unconfined"}}, "0", id="of-the-container"),
    pytest.param({}, {"seccompProfile": {"type": "RuntimeDefault"}, "privileged": True}, "0", id="not-for-the-privileged"),
])
def test_seccomp_mode(place: Place, of_pod: Document, context: Document, expected: str) -> None:
    assert status_of(place.running("p", sleeper(securityContext=context), securityContext=of_pod))["Seccomp"] == expected


def test_the_default_profile_lets_programs_work_and_keeps_namespaces_away(place: Place) -> None:
    command = ("unshare -U true 2>&1 || echo no namespace; swapoff -a 2>&1; echo x > /tmp/f; chmod 600 /tmp/f; chown 5 /tmp/f; "
               "(sleep 0.01 & wait); nc 127.0.0.1 1 2> /dev/null || echo end")
    lines = said(place, command, securityContext={"seccompProfile": {"type": "RuntimeDefault"}}).splitlines()
    assert "no namespace" in lines and "Operation not permitted" in lines[0] and lines[-1] == "end"


def test_a_profile_of_the_node(place: Place) -> None:
    profiles = place.node_directory / "seccomp" / "own"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / "no-mkdir.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}))
    profile = {"type": "Localhost", "localhostProfile": "own/no-mkdir.json"}
    assert "not permitted" in said(place, "mkdir /x 2>&1; touch /y", securityContext={"seccompProfile": profile})


def test_a_profile_that_is_missing(place: Place) -> None:
    place.pod("p", securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "none.json"}})
    assert 'cannot load seccomp profile "' in (message := waiting(place, "CreateContainerError")) and "no such file" in message


def test_no_new_privileges(place: Place) -> None:
    assert status_of(place.running("p", sleeper(securityContext={"allowPrivilegeEscalation": False})))["NoNewPrivs"] == "1"


def test_a_root_that_is_read_only(place: Place) -> None:
    fields = {"securityContext": {"readOnlyRootFilesystem": True}, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    command = "touch /x 2>&1; touch /v/x && echo volume; cat /etc/hosts > /dev/null && touch /dev/shm/x && echo more"
    assert said(place, command, of_container=fields, volumes=[{"name": "v", "emptyDir": {}}]).splitlines() == [
        "touch: /x: Read-only file system", "volume", "more"]


@pytest.mark.parametrize(("of_pod", "of_container", "expected"), [
    pytest.param({}, {}, "uid=0(root) gid=0(root) groups=0(root)", id="root"),
    pytest.param({"runAsUser": 1000}, {}, "uid=1000 gid=0(root) groups=0(root)", id="user"),
    pytest.param({"runAsUser": 1000, "runAsGroup": 2000}, {"runAsUser": 3000}, "uid=3000 gid=2000 groups=2000", id="the-container-wins"),
    pytest.param({"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3, "supplementalGroups": [4]}, {}, "uid=1 gid=2 groups=2,3,4", id="groups"),
])
def test_users(place: Place, of_pod: Document, of_container: Document, expected: str) -> None:
    assert said(place, "id", of_container={"securityContext": of_container}, securityContext=of_pod).strip() == expected


@pytest.mark.parametrize(("context", "message"), [
    pytest.param({"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root", id="image"),
    pytest.param({"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy", id="user"),
])
def test_root_is_refused(place: Place, context: Document, message: str) -> None:
    pod = place.pod("p", securityContext=context)
    where = f'(pod: "p_{place.namespace}({pod["metadata"]["uid"]})", container: main)'
    assert waiting(place, "CreateContainerConfigError") == f"{message} {where}"
    assert place.until_event("Failed", message)["message"] == f"Error: {message} {where}"


def test_safe_sysctls_are_set(place: Place) -> None:
    sysctls = [{"name": "net.ipv4.tcp_syncookies", "value": "0"}, {"name": "kernel/shm_rmid_forced", "value": "1"}]
    command = "cat /proc/sys/net/ipv4/tcp_syncookies /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start"
    assert said(place, command, securityContext={"sysctls": sysctls}).split() == ["0", "1", "0"]


@pytest.mark.parametrize(("spec", "name", "message"), [
    pytest.param({}, "kernel.msgmax", 'forbidden sysctl: "kernel.msgmax" not allowlisted', id="unsafe"),
    pytest.param({"hostIPC": True}, "kernel.shm_rmid_forced", 'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
                 id="host-ipc"),
])
def test_sysctls_that_are_refused(place: Place, spec: Document, name: str, message: str) -> None:
    pod = place.ended("p", securityContext={"sysctls": [{"name": name, "value": "1"}]}, **spec)
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "SysctlForbidden")
    assert pod["status"]["message"] == f"Pod was rejected: {message}"
    assert place.until_event("SysctlForbidden")["message"] == message


@pytest.mark.skipif(APPARMOR.exists(), reason="this machine has AppArmor")
@pytest.mark.parametrize("spec", [
    pytest.param({"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}, id="of-the-pod"),
    pytest.param({"of_container": {"securityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "x"}}}}, id="of-a-container"),
])
def test_a_profile_that_nobody_enforces_is_refused(place: Place, spec: Document) -> None:
    place.pod("p", sleeper(**spec.pop("of_container", {})), **spec)
    pod = place.until("p", lambda pod: pod["status"]["phase"] == "Failed")
    assert (pod["status"]["reason"], pod["status"]["message"]) == (
        "AppArmor", "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host")


def test_unconfined_needs_no_apparmor(place: Place) -> None:
    place.running("p", sleeper(securityContext={"appArmorProfile": {"type": "Unconfined"}}))
