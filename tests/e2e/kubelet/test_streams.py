"""exec, attach, cp, run and port-forward by upstream's kubectl, over WebSockets and over SPDY."""
from __future__ import annotations

import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.kubelet.place import (
    COLUMNS,
    IMAGE,
    ROWS,
    SECONDS,
    Place,
    can_run_pods,
    container,
    has_kubectl,
    shell,
    sleeper,
    terminal,
)

pytestmark = [*can_run_pods, has_kubectl]
OLD = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


@pytest.fixture(params=["websocket", "spdy"])
def spoken(request: pytest.FixtureRequest, place: Place) -> Place:
    """kubectl as it is, and as it was before WebSockets."""
    return replace(place, environment={**place.environment, **(OLD if request.param == "spdy" else {})})


@contextmanager
def forwarded(place: Place, target: str, port: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    process = subprocess.Popen(place.command("port-forward", target, f":{port}"), env=dict(place.environment), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> ", line)
        assert found, line + (process.communicate(timeout=SECONDS)[1] if not line else "")
        yield int(found[1]), process
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)


def test_port_forward_carries_many_connections_at_once(spoken: Place) -> None:
    spoken.running("p", shell("head -c 3000000 /dev/zero > /tmp/big; httpd -f -p 127.0.0.1:8080 -h /tmp"))
    with forwarded(spoken, "pod/p", "8080") as (port, _), ThreadPoolExecutor(8) as pool:
        def size(number: int) -> int:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/big?{number}", timeout=SECONDS) as answer:
                return len(answer.read())
        assert list(pool.map(size, range(16))) == [3000000] * 16


def test_port_forward_keeps_a_half_closed_connection(spoken: Place) -> None:
    spoken.running("p", shell("while nc -l -p 7000 -e sh -c 'cat; echo end'; do :; done"))
    with forwarded(spoken, "pod/p", "7000") as (port, _), socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(b"hello\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b"hello\nend\n"


def test_port_forward_to_a_closed_port_says_so(spoken: Place) -> None:
    spoken.running("p")
    with forwarded(spoken, "pod/p", "81") as (port, process):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            assert connection.recv(10) == b""
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "an error occurred forwarding" in line and "-> 81: error forwarding port 81 to pod" in line
        assert "connection refused" in line


def test_port_forward_to_a_service_goes_to_a_pod_of_it(place: Place) -> None:
    place.running("p", metadata={"labels": {"app": "web"}})
    place.create(f"/api/v1/namespaces/{place.namespace}/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    with forwarded(place, "service/web", "80") as (port, _), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=SECONDS) as answer:
        assert answer.read() == b"Hello from picokube.\n"


def test_exec_tells_output_and_exit_code(spoken: Place) -> None:
    spoken.running("p")
    done = spoken.kubectl("exec", "-i", "p", "--", "sh", "-c", "cat; echo err >&2; exit 7", stdin="typed\n")
    assert (done.returncode, done.stdout) == (7, "typed\n")
    assert "err\n" in done.stderr and "command terminated with exit code 7" in done.stderr


def test_exec_into_no_container_says_so(spoken: Place) -> None:
    spoken.pod("p", container(image="localhost/none:1", imagePullPolicy="Never"))
    spoken.until("p", lambda pod: pod["status"].get("containerStatuses") is not None)
    done = spoken.kubectl("exec", "p", "--", "true")
    assert done.returncode == 1 and 'container not found ("main")' in done.stderr


def test_attach_types_to_the_container_s_terminal(spoken: Place) -> None:
    spoken.running("p", container("main", "sh", stdin=True, tty=True))
    with terminal(spoken, "attach", "-it", "p") as screen:
        screen.until("try pressing enter")
        screen.type(f"until stty size 2>/dev/null | grep '{ROWS} {COLUMNS}'; do sleep 0.1; done; echo a$((1+1))b\n")
        screen.until("a2b")
        screen.type("exit\n")
        screen.ended()


def test_attach_shows_output_until_the_container_ends(spoken: Place) -> None:
    spoken.running("p", shell("read line; echo got $line; echo oops >&2; exit 3", stdin=True, stdinOnce=True), restartPolicy="Never")
    done = spoken.kubectl("attach", "-i", "p", stdin="word\n")
    assert done.stdout == "got word\n" and "oops" in done.stderr
    ended = spoken.until("p", lambda pod: pod["status"]["phase"] == "Failed")
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_run_with_a_terminal_is_removed_at_the_end(spoken: Place) -> None:
    with terminal(spoken, "run", "box", "-it", "--rm", "--restart=Never", f"--image={IMAGE}", "--", "sh") as screen:
        screen.until("try pressing enter")
        screen.type("\n")
        screen.until("#")
        screen.type("hostname; exit 5\n")
        assert screen.ended() == 5
        assert b"\nbox\r" in screen.shown and b'pod "box" deleted' in screen.shown
    spoken.wait_gone("box")


def test_run_feeds_standard_input(spoken: Place) -> None:
    done = spoken.kubectl("run", "sorter", "-i", "--rm", "--quiet", "--restart=Never", f"--image={IMAGE}", "--", "sort", stdin="b\na\n")
    assert (done.returncode, done.stdout) == (0, "a\nb\n")


def test_files_are_copied_both_ways(spoken: Place, tmp_path: Path) -> None:
    spoken.running("p", sleeper())
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "big").write_bytes(bytes(range(256)) * 20000)
    (tmp_path / "here" / "small").write_text("text\n")
    assert spoken.kubectl("cp", str(tmp_path / "here"), "p:/tmp/there").returncode == 0
    assert spoken.kubectl("cp", "p:/tmp/there", str(tmp_path / "back")).returncode == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
