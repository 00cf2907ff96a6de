"""Probes of real containers: what makes them ready, what starts them anew, and what is said of them."""
from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SOCK_STREAM
from typing import Any

import pytest
from hpack import Encoder

from tests.e2e.kubelet.place import Place, can_run_pods, container, is_ready, shell, sleeper, socket_inside

pytestmark = can_run_pods
Document = dict[str, Any]


def probe(handler: Document, **fields: Any) -> Document:
    return {**handler, "periodSeconds": 1, **fields}


def command(text: str) -> Document:
    return {"exec": {"command": ["sh", "-c", text]}}


def main_status(pod: Document) -> Document:
    return dict(pod["status"].get("containerStatuses", [{}])[0])


def conditions(pod: Document) -> dict[str, Document]:
    return {one["type"]: one for one in pod["status"].get("conditions", ())}


@pytest.mark.parametrize("handler", [
    pytest.param(command("test -e /bin/web"), id="exec"), pytest.param({"httpGet": {"port": 8080}}, id="httpGet"),
    pytest.param({"httpGet": {"port": "named", "path": "/index.html", "httpHeaders": [{"name": "X", "value": "y"}]}}, id="httpGet-named-port"),
    pytest.param({"tcpSocket": {"port": 8080}}, id="tcpSocket"),
])
def test_it_is_ready_when_its_probe_succeeds(place: Place, handler: Document) -> None:
    ports = [{"name": "named", "containerPort": 8080}]
    pod = place.running("p", container(readinessProbe=probe(handler), livenessProbe=probe(handler), ports=ports))
    assert main_status(pod)["ready"] and main_status(pod)["restartCount"] == 0


@pytest.mark.parametrize(("handler", "text"), [
    pytest.param(command("echo not yet; exit 1"), "Readiness probe failed: not yet", id="exec"),
    pytest.param(command("sleep 10"), "Readiness probe failed: command timed out", id="exec-too-slow"),
    pytest.param({"httpGet": {"port": 8080, "path": "/none"}}, "Readiness probe failed: HTTP probe failed with statuscode: 404", id="httpGet"),
    pytest.param({"httpGet": {"port": 1}}, "connect: connection refused", id="httpGet-refused"),
    pytest.param({"tcpSocket": {"port": 1}}, "Readiness probe failed: dial tcp", id="tcpSocket"),
    pytest.param({"grpc": {"port": 1}}, 'Readiness probe failed: error: failed to connect service at "', id="grpc"),
    pytest.param({"grpc": {"port": 8080}}, "Readiness probe failed: error: health rpc failed", id="no-grpc"),
    pytest.param({"httpGet": {"port": "none"}}, "Readiness probe errored and resulted in unknown state: couldn't find port: none", id="no-such-port"),
])
def test_why_it_is_not_ready_is_told(place: Place, handler: Document, text: str) -> None:
    place.pod("p", container(readinessProbe=probe(handler)))
    place.until_event("Unhealthy", text)
    pod = place.cluster.request("GET", f"{place.pods}/p")[1]
    assert pod["status"]["phase"] == "Running" and not is_ready(pod) and main_status(pod)["started"]
    found = conditions(pod)
    assert found["ContainersReady"]["message"] == found["Ready"]["message"] == "containers with unready status: [main]"
    assert found["Initialized"]["status"] == found["PodReadyToStartContainers"]["status"] == "True"


def test_a_ready_pod_becomes_unready_after_so_many_failures_and_ready_again(place: Place) -> None:
    place.running("p", sleeper(readinessProbe=probe(command("test ! -e /tmp/sick"), failureThreshold=2, successThreshold=2)))
    place.exec("p", "touch", "/tmp/sick")
    place.until("p", lambda pod: not is_ready(pod))
    place.exec("p", "rm", "/tmp/sick")
    assert main_status(place.until("p", is_ready))["restartCount"] == 0


def test_a_container_whose_liveness_fails_is_started_anew(place: Place) -> None:
    place.running("p", sleeper(livenessProbe=probe(command("test ! -e /tmp/sick"), failureThreshold=1)))
    place.exec("p", "touch", "/tmp/sick")
    pod = place.until("p", lambda pod: main_status(pod).get("restartCount") == 1 and is_ready(pod))
    assert "terminated" in main_status(pod)["lastState"]
    place.until_event("Killing", "Container main failed liveness probe, will be restarted")


def test_the_probe_s_own_grace_period_counts(place: Place) -> None:
    place.running("p", shell("trap '' TERM; while :; do sleep 0.1; done", livenessProbe=probe(
        command("test ! -e /tmp/sick"), failureThreshold=1, terminationGracePeriodSeconds=1)), terminationGracePeriodSeconds=3600)
    place.exec("p", "touch", "/tmp/sick")
    pod = place.until("p", lambda pod: main_status(pod).get("restartCount") == 1)
    assert main_status(pod)["lastState"]["terminated"]["exitCode"] == 137
    place.cluster.request("DELETE", f"{place.pods}/p?gracePeriodSeconds=1")


def test_nothing_else_is_probed_before_the_start_is_over(place: Place) -> None:
    place.pod("p", sleeper(startupProbe=probe(command("test -e /tmp/up"), failureThreshold=1000),
                           livenessProbe=probe(command("test -e /tmp/up"), failureThreshold=1),
                           readinessProbe=probe(command("true"))))
    place.until_event("Unhealthy", "Startup probe failed")
    pod = place.cluster.request("GET", f"{place.pods}/p")[1]
    assert (main_status(pod)["started"], main_status(pod)["ready"]) == (False, False)
    place.exec("p", "touch", "/tmp/up")
    pod = place.until("p", is_ready)
    assert main_status(pod)["started"] and main_status(pod)["restartCount"] == 0


def test_a_start_that_takes_too_long_is_begun_anew(place: Place) -> None:
    place.pod("p", sleeper(startupProbe=probe(command("false"), failureThreshold=2)))
    place.until("p", lambda pod: main_status(pod).get("restartCount", 0) >= 1)
    place.until_event("Killing", "Container main failed startup probe, will be restarted")


def test_readiness_gates(place: Place) -> None:
    place.pod("p", sleeper(), readinessGates=[{"conditionType": "example.com/gate"}])
    pod = place.until("p", lambda pod: conditions(pod).get("ContainersReady", {}).get("status") == "True")
    assert conditions(pod)["Ready"]["reason"] == "ReadinessGatesNotReady"
    code, answer = place.cluster.request("PATCH", f"{place.pods}/p/status", {"status": {"conditions": [
        {"type": "example.com/gate", "status": "True"}]}}, "application/strategic-merge-patch+json")
    assert code == 200, answer
    place.until("p", is_ready)


# --- grpc

def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def answer(status: int, code: str = "0", message: str = "") -> bytes:
    """A settings frame, headers, the status in a message, trailers."""
    encoder = Encoder()
    body = bytes([8, status])
    trailers = [("grpc-status", code), *([("grpc-message", message)] if message else [])]
    return (frame(4) + frame(1, 4, 1, encoder.encode([(":status", "200"), ("content-type", "application/grpc")]))
            + frame(0, 0, 1, struct.pack(">BI", 0, len(body)) + body) + frame(1, 5, 1, encoder.encode(trailers)))


@contextmanager
def grpc_server(pod: Document, said: bytes) -> Iterator[list[bytes]]:
    """Answers every call in the pod's network alike; what it is asked."""
    listener, asked = socket_inside(pod, SOCK_STREAM, 9000), []
    listener.listen()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(said)
                    while connection.recv(65536):
                        pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(2)
        listener.close()
        thread.join(10)


def test_grpc_that_serves(place: Place) -> None:
    place.pod("p", sleeper(readinessProbe=probe({"grpc": {"port": 9000, "service": "liver"}})))
    pod = place.until("p", lambda pod: bool(main_status(pod).get("state", {}).get("running")))
    with grpc_server(pod, answer(1)) as asked:
        place.until("p", is_ready)
    assert asked[0].startswith(b"PRI * HTTP/2.0") and asked[0].endswith(b"\0\0\0\0\x07\x0a\x05liver")


@pytest.mark.parametrize(("said", "text"), [
    pytest.param(answer(2), 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")', id="not-serving"),
    pytest.param(answer(0, "12", "unknown service"), "this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service",
                 id="no-health"),
])
def test_grpc_that_does_not(place: Place, said: bytes, text: str) -> None:
    place.pod("p", sleeper(readinessProbe=probe({"grpc": {"port": 9000}})))
    pod = place.until("p", lambda pod: bool(main_status(pod).get("state", {}).get("running")))
    with grpc_server(pod, said):
        place.until_event("Unhealthy", text)
