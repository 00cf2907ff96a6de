"""The CRI's messages on the wire, and what becomes of our configurations in them."""
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kubeapi.protobuf.wire import ProtobufError
from kubelet.cri import (
    ContainerConfig,
    ContainerState,
    LinuxResources,
    Mount,
    PortMapping,
    SandboxConfig,
    SandboxState,
    SecurityContext,
)
from kubelet.remote import convert
from kubelet.remote.codec import decode, encode
from kubelet.remote.messages import Field, messages

TYPES = {"string", "int", "bool", "bytes", "map"}
POD = SandboxConfig(
    name="web", namespace="default", uid="u1", attempt=2, hostname="web", log_directory="/logs/web", cgroup_parent="/picokube/c/n/podu1",
    sysctls={"net.core.somaxconn": "99"}, port_mappings=(PortMapping("UDP", 53, 5353),), resources=LinuxResources(cpu_shares=100),
    labels={"app": "web"}, annotations={"a": "b"}, runtime_handler="containerd")


@pytest.mark.parametrize("name", messages())
def test_the_table_names_every_message_it_uses(name: str) -> None:
    fields = messages()[name]
    assert {field.type for field in fields} <= TYPES | messages().keys()
    assert len({field.number for field in fields}) == len({field.name for field in fields}) == len(fields)


def test_every_request_has_an_answer() -> None:
    requests = {name.removesuffix("Request") for name in messages() if name.endswith("Request")}
    assert requests == {name.removesuffix("Response") for name in messages() if name.endswith("Response")}


def test_a_line_of_the_table() -> None:
    assert messages()["PodSandboxNetworkStatus"] == (Field(1, "ip", "string", False), Field(2, "additional_ips", "PodIP", True))
    assert messages()["StopPodSandboxResponse"] == ()


@pytest.mark.parametrize(("message", "document", "data"), [
    pytest.param("VersionRequest", {"version": "v1"}, b"\x0a\x02v1", id="a string"),
    pytest.param("VersionRequest", {"version": ""}, b"", id="an empty one is not sent"),
    pytest.param("StopContainerRequest", {"container_id": "c", "timeout": -1}, b"\x0a\x01c\x10" + b"\xff" * 9 + b"\x01", id="a negative number"),
    pytest.param("ExecSyncRequest", {"cmd": ["a", "b"]}, b"\x12\x01a\x12\x01b", id="a list"),
    pytest.param("PortForwardRequest", {"port": [80, 300]}, b"\x12\x03\x50\xac\x02", id="a packed list"),
    pytest.param("LinuxContainerSecurityContext", {"run_as_user": {"value": 0}}, b"\x2a\x00", id="a zero that counts"),
    pytest.param("LinuxContainerSecurityContext", {"run_as_user": None}, b"", id="nothing"),
    pytest.param("PodSandboxFilter", {"label_selector": {"k": "v"}}, b"\x1a\x06\x0a\x01k\x12\x01v", id="a map"),
    pytest.param("ExecSyncResponse", {"stdout": b"\xff"}, b"\x0a\x01\xff", id="bytes"),
])
def test_what_is_sent(message: str, document: dict[str, Any], data: bytes) -> None:
    assert encode(message, document) == data
    assert encode(message, {name: value for name, value in decode(message, data).items() if value is not None}) == data


def test_a_field_that_no_message_has_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        encode("VersionRequest", {"versoin": "v1"})


def test_what_is_not_known_is_passed_over() -> None:
    assert decode("VersionRequest", b"\x78\x01" + b"\x7a\x01x" + b"\x0a\x02v1") == {"version": "v1"}


@pytest.mark.parametrize("data", [b"\x0a\x05v1", b"\x0a", b"\x08\x01"], ids=["cut off", "a key alone", "another type"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtobufError):
        decode("VersionRequest", data)


# --- configurations

def through_the_wire(message: str, document: dict[str, Any]) -> dict[str, Any]:
    return decode(message, encode(message, document))


def test_a_sandbox_comes_back_as_it_was_asked_for() -> None:
    sent = through_the_wire("PodSandboxConfig", convert.sandbox_config(POD, "c/n"))
    assert sent["labels"] == {"app": "web", convert.NODE_LABEL: "c/n"} and sent["linux"]["cgroup_parent"] == POD.cgroup_parent
    assert sent["port_mappings"] == [{"protocol": 1, "container_port": 53, "host_port": 5353, "host_ip": ""}]
    told = {"id": "s", "metadata": sent["metadata"], "state": 0, "created_at": 7, "labels": sent["labels"], "annotations": sent["annotations"],
            "network": {"ip": "10.0.0.5", "additional_ips": [{"ip": "fd00::5"}]}}
    status = convert.sandbox_status(through_the_wire("PodSandboxStatus", told))
    assert status is not None and (status.config, status.state, status.ips) == (POD, SandboxState.READY, ("10.0.0.5", "fd00::5"))


def test_another_s_sandbox_is_none_of_ours() -> None:
    assert convert.sandbox_status(through_the_wire("PodSandboxStatus", {"id": "s", "labels": {}, "annotations": {}})) is None


@pytest.mark.parametrize(("changes", "namespaces"), [
    pytest.param({}, {"network": 0, "pid": 1, "ipc": 0}, id="its own"),
    pytest.param({"share_process_namespace": True}, {"network": 0, "pid": 0, "ipc": 0}, id="shared processes"),
    pytest.param({"host_network": True, "host_pid": True, "host_ipc": True}, {"network": 2, "pid": 2, "ipc": 2}, id="the host's"),
])
def test_namespaces(changes: dict[str, Any], namespaces: dict[str, int]) -> None:
    config = SandboxConfig(name="w", namespace="d", uid="u", attempt=0, hostname="w", log_directory="/l", cgroup_parent="/c", **changes)
    found = through_the_wire("PodSandboxConfig", convert.sandbox_config(config, "n"))
    assert found["linux"]["security_context"]["namespace_options"] == {**namespaces, "target_id": "", "userns_options": None}
    assert found["hostname"] == ("" if config.host_network else "w")


def container(**fields: Any) -> dict[str, Any]:
    config = ContainerConfig(name="main", attempt=1, image_ref="sha256:1", **fields)
    return through_the_wire("ContainerConfig", convert.container_config(config, POD, "c/n", "/root/seccomp", {}))


@pytest.mark.parametrize(("security", "sent"), [
    pytest.param(SecurityContext(), {"run_as_user": None, "seccomp": {"profile_type": 1, "localhost_ref": ""}}, id="nothing said"),
    pytest.param(SecurityContext(run_as_user=0), {"run_as_user": {"value": 0}}, id="root, said so"),
    pytest.param(SecurityContext(seccomp="RuntimeDefault"), {"seccomp": {"profile_type": 0, "localhost_ref": ""}}, id="the runtime's profile"),
    pytest.param(SecurityContext(seccomp="Localhost/a/b.json"), {"seccomp": {"profile_type": 2, "localhost_ref": "/root/seccomp/a/b.json"}},
                 id="a profile of the node's"),
    pytest.param(SecurityContext(privileged=True), {"privileged": True, "masked_paths": [], "readonly_paths": []}, id="privileged"),
    pytest.param(SecurityContext(add_capabilities=("NET_ADMIN",), drop_capabilities=("ALL",)),
                 {"capabilities": {"add_capabilities": ["NET_ADMIN"], "drop_capabilities": ["ALL"]}}, id="capabilities"),
    pytest.param(SecurityContext(supplemental_groups=(1, 2), strict_groups=True),
                 {"supplemental_groups": [1, 2], "supplemental_groups_policy": 1}, id="groups"),
])
def test_security(security: SecurityContext, sent: dict[str, Any]) -> None:
    found = container(security=security)["linux"]["security_context"]
    assert {name: found[name] for name in sent} == sent


def test_what_a_container_is_asked_to_be() -> None:
    found = container(command=("a",), env=(("K", "V"),), mounts=(Mount("/in", "/out", readonly=True, propagation="rslave"),), tty=True,
                      stop_signal="SIGRTMIN+3", resources=LinuxResources(cpu_quota=5000, memory_limit_bytes=1 << 20, oom_score_adj=-997))
    assert (found["command"], found["envs"], found["tty"], found["stop_signal"]) == (["a"], [{"key": "K", "value": "V"}], True, 38)
    assert found["mounts"] == [{"container_path": "/in", "host_path": "/out", "readonly": True, "propagation": 1,
                                "uid_mappings": [], "gid_mappings": []}]
    assert found["linux"]["resources"]["cpu_quota"] == 5000 and found["linux"]["resources"]["oom_score_adj"] == -997
    assert convert.streams_of(found["annotations"]) == convert.Streams(tty=True)


@pytest.mark.parametrize(("told", "state", "reason", "finished_at"), [
    pytest.param({"state": 0}, ContainerState.CREATED, "", 0, id="created"),
    pytest.param({"state": 1, "started_at": 5}, ContainerState.RUNNING, "", 0, id="running"),
    pytest.param({"state": 2, "finished_at": 9}, ContainerState.EXITED, "Completed", 9, id="ended well"),
    pytest.param({"state": 2, "finished_at": 9, "exit_code": 3}, ContainerState.EXITED, "Error", 9, id="ended badly"),
    pytest.param({"state": 2, "exit_code": 137, "reason": "OOMKilled"}, ContainerState.EXITED, "OOMKilled", 0, id="out of memory"),
    pytest.param({"state": 3, "exit_code": 255, "reason": "Unknown"}, ContainerState.UNKNOWN, "Unknown", 0, id="nobody knows"),
])
def test_what_became_of_a_container(told: dict[str, Any], state: ContainerState, reason: str, finished_at: int) -> None:
    sandbox = convert.sandbox_status(through_the_wire("PodSandboxStatus", {
        "id": "s", "annotations": convert.sandbox_config(POD, "n")["annotations"]}))
    assert sandbox is not None
    document = {"id": "c", "metadata": {"name": "main", "attempt": 1}, "annotations": {"io.kubernetes.container.image": "web:1"},
                "log_path": "/logs/web/main/1.log", **told}
    found = convert.container_status(through_the_wire("ContainerStatus", document), sandbox, "containerd")
    assert (found.state, found.reason, found.finished_at, found.exit_code) == (state, reason, finished_at, told.get("exit_code", 0))
    assert (found.name, found.attempt, found.image, found.runtime, found.sandbox_id) == ("main", 1, "web:1", "containerd", "s")


@pytest.mark.parametrize(("info", "pid"), [
    pytest.param({"info": json.dumps({"pid": 42})}, 42, id="told"), pytest.param({"info": "{}"}, 0, id="not told"),
    pytest.param({}, 0, id="nothing told"), pytest.param({"info": "no JSON"}, 0, id="something else"), pytest.param({"info": "[]"}, 0, id="a list"),
])
def test_the_process_that_a_runtime_tells(info: dict[str, str], pid: int) -> None:
    assert convert.process_of(info) == pid


@pytest.mark.parametrize(("first", "users"), [pytest.param(0, [], id="the node's"),
                                              pytest.param(131072, [{"host_id": 131072, "container_id": 0, "length": 65536}], id="its own")])
def test_whose_users_a_pod_s_are(first: int, users: list[dict[str, int]]) -> None:
    pod = replace(POD, first_user=first)
    sent = through_the_wire("PodSandboxConfig", convert.sandbox_config(pod, "c/n"))["linux"]["security_context"]["namespace_options"]
    assert sent["userns_options"] == ({"mode": 0, "uids": users, "gids": users} if users else None)
    container = through_the_wire("ContainerConfig", convert.container_config(
        ContainerConfig("c", 0, "i", mounts=(Mount("/in", "/out"),)), pod, "c/n", "/seccomp", {}))
    assert [(one["uid_mappings"], one["gid_mappings"]) for one in container["mounts"]] == [(users, users)]
