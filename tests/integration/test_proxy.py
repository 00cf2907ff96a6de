"""The proxies of nodes, pods and services: what comes out at the other end, both ways, and where they do not lead."""
from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from picokube.ready import connection
from tests.cluster import TestCluster, running_cluster

POD: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}}
WEB = "/api/v1/namespaces/default/pods/web"


class Backend(BaseHTTPRequestHandler):
    """Tells what it was asked; `/redirect` and `/stream` do as they say, `/silent` says nothing."""

    protocol_version = "HTTP/1.1"
    go_on, is_left = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/redirect"):
            self._begin(302, {"Location": "/there?a=1", "Content-Length": "0"})
        elif self.path.startswith("/stream"):
            self._begin(200, {"Transfer-Encoding": "chunked"})
            self.wfile.write(b"3\r\none\r\n")
            self.wfile.flush()
            assert self.go_on.wait(20)                   # until the client has seen the first part
            self.wfile.write(b"3\r\ntwo\r\n0\r\n\r\n")
        elif self.path.startswith("/silent"):
            self.connection.settimeout(20)
            if not self.connection.recv(1):
                self.is_left.set()
        else:
            length = int(self.headers.get("Content-Length") or 0)
            told = json.dumps({"method": self.command, "path": self.path, "headers": {key.lower(): value for key, value in self.headers.items()},
                               "body": self.rfile.read(length).decode()}).encode()
            self._begin(418, {"Content-Length": str(len(told)), "X-Mine": "1", "Content-Type": "application/json"})
            self.wfile.write(told)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _begin(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        return


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "scheduler", name="proxies") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def address() -> str:
    """Of this machine in its network: loopback is refused."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))             # sends nothing
        except OSError:
            pytest.skip("this machine has no network")
        return str(asked.getsockname()[0])


@pytest.fixture(scope="module")
def port(cluster: TestCluster, address: str) -> Iterator[int]:
    """Of a server that stands for a pod and for a Service's only endpoint."""
    server = ThreadingHTTPServer((address, 0), Backend)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        ask(cluster, "POST", "/api/v1/namespaces/default/pods", POD)
        ask(cluster, "PATCH", f"{WEB}/status", {"status": {"podIP": address, "podIPs": [{"ip": address}]}})
        ask(cluster, "POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80}]}})
        ask(cluster, "POST", "/api/v1/namespaces/default/endpoints", {"metadata": {"name": "web"}, "subsets": [
            {"addresses": [{"ip": address}], "ports": [{"name": "http", "port": server.server_port}]}]})
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


def ask(cluster: TestCluster, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, http.client.HTTPMessage, Any]:
    client = connection(cluster.cluster, 20)
    try:
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        client.request(method, path, None if body is None else json.dumps(body), {"Content-Type": media, **headers})
        answer = client.getresponse()
        raw = answer.read()
        return answer.status, answer.headers, json.loads(raw) if raw[:1] == b"{" else raw
    finally:
        client.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_pod_hears_what_it_was_asked_and_its_answer_comes_back(cluster: TestCluster, port: int, method: str) -> None:
    code, headers, told = ask(cluster, method, f"{WEB}:{port}/proxy/a%2Fb/../c?x=1&watch=true", {"n": 1}, Authorization="")
    assert (code, headers["x-mine"], told["method"], told["path"], told["body"]) == (418, "1", method, "/a%2Fb/../c?x=1&watch=true", '{"n": 1}')
    assert "authorization" not in told["headers"]
    assert told["headers"]["x-forwarded-uri"].startswith(f"{WEB}:{port}/proxy/")


@pytest.mark.parametrize("name", ["web", "web:80", "web:http", "http:web:http"])
def test_a_service_is_one_of_its_endpoints(cluster: TestCluster, port: int, name: str) -> None:
    code, _, told = ask(cluster, "GET", f"/api/v1/namespaces/default/services/{name}/proxy/x")
    assert (code, told["path"]) == (418, "/x")


def test_a_client_that_hangs_up_is_not_waited_for(cluster: TestCluster, port: int) -> None:
    """Each left a request and a connection behind for as long as the pod said nothing."""
    Backend.is_left.clear()
    client = connection(cluster.cluster, 20)
    client.request("GET", f"{WEB}:{port}/proxy/silent")
    client.close()
    assert Backend.is_left.wait(20)


def test_an_answer_comes_as_it_is_made(cluster: TestCluster, port: int) -> None:
    Backend.go_on.clear()
    client = connection(cluster.cluster, 20)
    try:
        client.request("GET", f"{WEB}:{port}/proxy/stream")
        answer = client.getresponse()
        assert answer.read(3) == b"one"
        Backend.go_on.set()
        assert answer.read() == b"two"
    finally:
        Backend.go_on.set()
        client.close()


def test_redirections_stay_in_the_proxy(cluster: TestCluster, port: int) -> None:
    assert ask(cluster, "GET", f"{WEB}:{port}/proxy/redirect")[1]["location"] == f"{WEB}:{port}/proxy/there?a=1"
    code, headers, _ = ask(cluster, "GET", f"{WEB}:{port}/proxy?a=1")
    assert (code, headers["location"]) == (301, f"{WEB}:{port}/proxy/?a=1")


def test_a_node_is_its_kubelet(cluster: TestCluster) -> None:
    name = ask(cluster, "GET", "/api/v1/nodes")[2]["items"][0]["metadata"]["name"]
    assert ask(cluster, "GET", f"/api/v1/nodes/{name}/proxy/healthz")[::2] == (200, b"ok")
    assert ask(cluster, "GET", f"/api/v1/nodes/{name}/proxy/pods")[2]["kind"] == "PodList"


@pytest.mark.parametrize(("path", "code", "message"), [
    ("pods/web:x:y:z/proxy/", 400, 'invalid pod request "web:x:y:z"'), ("pods/absent/proxy/", 404, 'pods "absent" not found'),
    ("services/absent/proxy/", 404, 'services "absent" not found'), ("services/web:81/proxy/", 503, 'no service port 81 found for service "web"'),
    ("services/web:other/proxy/", 503, 'no endpoints available for service "web"')])
def test_where_nothing_is_the_answer_says_so(cluster: TestCluster, port: int, path: str, code: int, message: str) -> None:
    found, _, told = ask(cluster, "GET", f"/api/v1/namespaces/default/{path}")
    assert (found, told["message"]) == (code, message)


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254"])
def test_the_server_s_own_network_is_not_reached(cluster: TestCluster, inside: str) -> None:
    name = f"inside-{inside.replace('.', '-')}"
    ask(cluster, "POST", "/api/v1/namespaces/default/pods", {**POD, "metadata": {"name": name}})
    ask(cluster, "PATCH", f"/api/v1/namespaces/default/pods/{name}/status", {"status": {"podIP": inside, "podIPs": [{"ip": inside}]}})
    found, _, told = ask(cluster, "GET", f"/api/v1/namespaces/default/pods/{name}:{cluster.cluster.settings.port}/proxy/")
    assert (found, told["message"]) == (400, "address not allowed")
