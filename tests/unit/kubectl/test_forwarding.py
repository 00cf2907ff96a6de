"""port-forward and proxy, spoken to over sockets while they run in a process of their own."""
from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.unit.kubectl.fakeserver import FakeServer

ROOT = Path(__file__).parents[3]


@contextmanager
def running(fake: FakeServer, directory: Path, *line: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "HOME": str(directory), "KUBECONFIG": str(directory / "config"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-m", "kubectl", "-s", fake.url, *line], env=environment, cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _port(line: str) -> int:
    match = re.search(r":(\d+)( |$)", line)
    assert match is not None, line
    return int(match.group(1))


def _exchange(port: int, data: bytes) -> bytes:
    """All that comes back; a connection that is closed under the data is one without an answer."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, suppress(ConnectionError):
        connection.sendall(data)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            answer += more
    return answer


def test_each_local_connection_is_one_to_the_pod(fake: FakeServer, tmp_path: Path) -> None:
    with running(fake, tmp_path, "port-forward", "--address", "127.0.0.1", "a", ":80") as process:
        line = _line(process)
        assert re.fullmatch(r"Forwarding from 127\.0\.0\.1:\d+ -> 80\n", line)
        for text in (b"hello", b"x" * 300_000, b"again"):
            assert _exchange(_port(line), text) == text.upper()
        assert _line(process) == f"Handling connection for {_port(line)}\n"


def test_what_the_pod_refuses_is_told_and_ends_it(fake: FakeServer, tmp_path: Path) -> None:
    with running(fake, tmp_path, "port-forward", "--address=127.0.0.1", "pod/a", ":81", ":80") as process:
        refused = _port(_line(process))
        assert _exchange(refused, b"x") == b""
        _, said = process.communicate(timeout=20)
        assert said == f"an error occurred forwarding {refused} -> 81: connection refused\nerror: lost connection to pod\n"
        assert process.returncode == 1


@pytest.mark.parametrize(("request_line", "host", "code"), [
    ("GET /version", "localhost", 200), ("GET /version", "127.0.0.1:8001", 200), ("GET /version", "evil.example", 403),
    ("GET /api/v1/namespaces/default/pods/a/exec", "localhost", 403), ("GET /nope", "localhost", 404)], ids=str)
def test_the_proxy_answers_for_its_own_hosts_and_paths_only(fake: FakeServer, tmp_path: Path, request_line: str, host: str, code: int) -> None:
    with running(fake, tmp_path, "proxy", "--port=0") as process:
        answer = _exchange(_port(_line(process)), f"{request_line} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.1 {code} ".encode())


def test_the_proxy_serves_files_below_its_prefix_only(fake: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page.html").write_text("<p>hi")
    (tmp_path / "secret").write_text("no")
    with running(fake, tmp_path, "proxy", "--port=0", "--www=www") as process:
        port = _port(_line(process))
        assert _exchange(port, b"GET /static/page.html HTTP/1.1\r\nHost: localhost\r\n\r\n").endswith(b"<p>hi")
        assert _exchange(port, b"GET /static/../secret HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_writes_go_through_the_proxy(fake: FakeServer, tmp_path: Path) -> None:
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "default"}}).encode()
    head = f"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with running(fake, tmp_path, "proxy", "--port=0") as process:
        assert _exchange(_port(_line(process)), head.encode() + body).startswith(b"HTTP/1.1 201 ")
    assert fake.objects["", "configmaps", "default", "new"]["metadata"]["name"] == "new"
