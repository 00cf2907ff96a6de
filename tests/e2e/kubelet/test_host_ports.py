"""hostPort: ports of the node that are a pod's, as long as it lives and whatever happens to its kubelet."""
from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from tests.e2e.kubelet.place import SECONDS, Place, can_run_pods, container, sleeper, socket_inside

pytestmark = can_run_pods
Address = tuple[str, int]


@pytest.fixture
def port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("", 0))
        return int(chosen.getsockname()[1])


def web(port: int, **fields: Any) -> dict[str, Any]:
    return container(ports=[{"containerPort": 8080, "hostPort": port, **fields}], readinessProbe={"httpGet": {"port": 8080}, "periodSeconds": 1})


def fetched(address: Address) -> bytes:
    with socket.create_connection(address, SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.makefile("rb").read().rpartition(b"\r\n\r\n")[2]


def is_refused(address: Address) -> bool:
    with socket.socket() as connection:
        connection.settimeout(SECONDS)
        return connection.connect_ex(address) == errno.ECONNREFUSED


HELLO = b"Hello from picokube.\n"


def test_a_host_port_is_reached_by_the_node_s_addresses_and_goes_with_the_pod(place: Place, port: int) -> None:
    pod = place.running("p", web(port))
    node = pod["status"]["hostIP"]
    assert [fetched((address, port)) for address in (node, "127.0.0.1")] == [HELLO, HELLO]
    place.delete_all()
    assert is_refused((node, port)) and is_refused(("127.0.0.1", port))


def test_a_host_port_may_be_bound_to_one_address(place: Place, port: int) -> None:
    place.running("p", web(port, hostIP="127.0.0.9"))
    assert fetched(("127.0.0.9", port)) == HELLO
    assert is_refused(("127.0.0.1", port))


def test_a_pod_reaches_host_ports_its_own_too(place: Place, port: int) -> None:
    node = place.running("p", web(port))["status"]["hostIP"]
    place.running("other", sleeper())
    if node.startswith("127."):
        pytest.skip("the node has no address but its localhost")
    assert [place.exec(name, "wget", "-qO-", f"http://{node}:{port}/") for name in ("p", "other")] == [HELLO.decode()] * 2


def test_datagrams_are_translated(place: Place, port: int) -> None:
    pod = place.running("p", sleeper(ports=[{"containerPort": 5000, "hostPort": port, "protocol": "UDP"}]))
    with socket_inside(pod, socket.SOCK_DGRAM, 5000) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.settimeout(SECONDS)
        client.settimeout(SECONDS)
        client.connect(("127.0.0.1", port))
        client.send(b"hello")
        data, sender = server.recvfrom(100)
        server.sendto(data.upper(), sender)
        assert client.recv(100) == b"HELLO"


def test_host_ports_outlive_the_kubelet(place: Place, port: int) -> None:
    place.running("p", web(port))
    with socket.create_connection(("127.0.0.1", port), SECONDS) as before:
        place.cluster.kill(f"kubelet-{place.cluster.cluster.name}-1")
        before.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert HELLO in before.makefile("rb").read()
    assert fetched(("127.0.0.1", port)) == HELLO
    place.running("after")                          # the new kubelet is at work
    assert fetched(("127.0.0.1", port)) == HELLO
    place.delete_all()
    assert is_refused(("127.0.0.1", port))


def test_a_port_that_is_taken_keeps_a_pod_from_being_scheduled(place: Place, port: int) -> None:
    place.running("p", web(port))
    place.pod("q", web(port))
    assert "free ports" in place.until_event("FailedScheduling", name="q")["message"]
    place.cluster.request("DELETE", f"{place.pods}/p")
    place.until("q", lambda pod: pod["status"]["phase"] == "Running")
