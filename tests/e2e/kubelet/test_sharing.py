"""What the containers of a pod share, what they do not, and what the node's they may have; names and resolution."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kubelet.place import Place, can_run_pods, processes_of, shell, sleeper

pytestmark = can_run_pods
Document = dict[str, Any]
KINDS = ("net", "ipc", "uts", "mnt", "pid", "cgroup", "user")


def namespaces(pid: int | str) -> dict[str, int]:
    return {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in KINDS}


def inits(pod: Document) -> dict[str, int]:
    """The pid of each container's first process, by the container's id."""
    found: dict[str, int] = {}
    for pid in processes_of(pod):
        group = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if f"pod{pod['metadata']['uid']}/" in line)
        found.setdefault(group.rpartition("/")[2], pid)
    return found


def of_containers(pod: Document) -> list[dict[str, int]]:
    ids = [one["containerID"].rpartition("/")[2] for one in pod["status"]["containerStatuses"]]
    return [namespaces(inits(pod)[one]) for one in ids]


def same(one: dict[str, int], other: dict[str, int]) -> set[str]:
    return {kind for kind in KINDS if one[kind] == other[kind]}


def test_two_containers_share_network_and_ipc_and_have_their_own_mounts_and_processes(place: Place) -> None:
    pod = place.running("p", shell("httpd -f -p 127.0.0.1:8000 -h /www", "server"), sleeper("client"))
    server, client = of_containers(pod)
    assert same(server, client) >= {"net", "ipc", "uts"}
    assert not same(server, client) & {"mnt", "pid"}
    assert not same(server, namespaces("self")) & {"net", "ipc", "uts", "mnt", "pid"}
    assert place.exec("p", "wget", "-qO-", "http://127.0.0.1:8000/", container="client") == "Hello from picokube.\n"
    place.exec("p", "touch", "/dev/shm/seen", container="server")
    assert place.exec("p", "ls", "/dev/shm", container="client") == "seen\n"
    place.exec("p", "touch", "/tmp/unseen", container="server")
    assert place.exec("p", "ls", "/tmp", container="client") == ""
    assert "httpd" not in place.exec("p", "ps", container="client")


def test_with_a_shared_process_namespace_each_sees_the_other_and_the_first_is_pause(place: Place) -> None:
    pod = place.running("p", shell("exec sleep 1234567", "one"), sleeper("two"), shareProcessNamespace=True)
    one, two = of_containers(pod)
    assert "pid" in same(one, two) and "mnt" not in same(one, two)
    lines = place.exec("p", "ps", "-o", "pid,args", container="two").splitlines()
    assert [line.split()[1] for line in lines if line.split()[0] == "1"] == ["/pause"]
    assert any("sleep 1234567" in line for line in lines)
    # Its orphans are reaped, and it lives as long as the pod.
    place.exec("p", "sh", "-c", "(sleep 0.1 &)", container="two")
    assert " Z " not in place.exec("p", "sh", "-c", "sleep 0.3; ps -o pid,stat,args", container="two")


@pytest.mark.parametrize(("field", "shared"), [
    pytest.param("hostNetwork", {"net", "uts"}, id="network"), pytest.param("hostPID", {"pid"}, id="processes"),
    pytest.param("hostIPC", {"ipc"}, id="ipc"),
])
def test_a_pod_may_have_the_node_s(place: Place, field: str, shared: set[str]) -> None:
    pod = place.running("p", sleeper(), **{field: True})
    (found,) = of_containers(pod)
    assert same(found, namespaces("self")) & {"net", "uts", "pid", "ipc", "mnt"} == shared


def test_a_pod_in_the_node_s_network_has_its_name_and_address(place: Place) -> None:
    pod = place.running("p", sleeper(), hostNetwork=True)
    assert pod["status"]["podIP"] == pod["status"]["hostIP"]
    assert place.exec("p", "sh", "-c", "hostname; echo $HOSTNAME").split() == [os.uname().nodename] * 2


@pytest.mark.parametrize(("spec", "name", "line"), [
    pytest.param({}, "p", "p", id="its-own"),
    pytest.param({"hostname": "web"}, "web", "web", id="given"),
    pytest.param({"hostname": "web", "subdomain": "sub"}, "web", "web.sub.{namespace}.svc.cluster.local\tweb", id="subdomain"),
    pytest.param({"subdomain": "sub", "setHostnameAsFQDN": True}, "p.sub.{namespace}.svc.cluster.local",
                 "p.sub.{namespace}.svc.cluster.local\tp", id="the-full-name"),
    pytest.param({"setHostnameAsFQDN": True}, "p", "p", id="no-full-name-without-a-subdomain"),
])
def test_host_names(place: Place, spec: Document, name: str, line: str) -> None:
    pod = place.running("p", sleeper(), **spec)
    assert place.exec("p", "hostname") == name.format(namespace=place.namespace) + "\n"
    hosts = place.exec("p", "cat", "/etc/hosts").splitlines()
    assert hosts[0] == "# Kubernetes-managed hosts file."
    assert hosts[-1] == f"{pod['status']['podIP']}\t{line.format(namespace=place.namespace)}"


def test_a_full_name_that_is_too_long(place: Place) -> None:
    place.pod("p", hostname="h" * 60, subdomain="sub", setHostnameAsFQDN=True)
    assert "is too long (64 characters is the max" in place.until_event("FailedCreatePodSandBox")["message"]


def test_host_aliases_follow_in_the_hosts_file(place: Place) -> None:
    place.running("p", sleeper(), hostAliases=[{"ip": "192.0.2.1", "hostnames": ["a", "b"]}, {"ip": "192.0.2.2", "hostnames": ["c"]}])
    hosts = place.exec("p", "cat", "/etc/hosts")
    assert hosts.endswith("\n\n# Entries added by HostAliases.\n192.0.2.1\ta\tb\n192.0.2.2\tc\n")


@pytest.mark.parametrize(("spec", "expected"), [
    pytest.param({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.5"], "searches": ["a.example", "b.example"], "options": [
        {"name": "ndots", "value": "2"}, {"name": "edns0"}]}}, "search a.example b.example\nnameserver 192.0.2.5\noptions ndots:2 edns0\n", id="none"),
    pytest.param({"dnsPolicy": "Default"}, None, id="the-node-s"),
])
def test_resolution(place: Place, spec: Document, expected: str | None) -> None:
    place.running("p", sleeper(), **spec)
    found = place.exec("p", "cat", "/etc/resolv.conf")
    if expected is None:
        names = [line for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")]
        assert [line for line in found.splitlines() if line.startswith("nameserver")] == names[:3]
    else:
        assert found == expected
