"""`kubectl proxy`, ours and upstream's, asked the same: which paths it serves, refuses and does not know."""
from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.kubectl.conftest import ROOT, UPSTREAM, Cluster

pytestmark = [pytest.mark.upstream_kubectl, pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed")]
PATHS = ("/version", "/k8s/version", "/api/v1/namespaces/default", "/api/v1/namespaces/default/pods/x/exec", "/files/a.txt", "/files/", "/nope")


def answers(cluster: Cluster, program: list[str], flags: str, directory: Path) -> list[tuple[str, int, str | None, bytes]]:
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(cluster.directory), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*program, "proxy", "--port=0", *shlex.split(flags)], env=environment, cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            assert told.startswith("Starting to serve on 127.0.0.1:")
            return [(path, *_answer(int(told.rpartition(":")[2]), path)) for path in PATHS]
        finally:
            process.terminate()


def _answer(port: int, path: str) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, answer.headers["Content-Type"], body if path.startswith("/files") else b""
    finally:
        connection.close()


@pytest.mark.parametrize("flags", ["", "--api-prefix=/k8s", "--accept-paths=^/version$", "--reject-methods=GET", "--accept-hosts=^nope$", "--disable-filter",
                                   "--reject-paths=^/api/v1/namespaces/.*", "--www=tree --www-prefix=/files/", "--append-server-path"], ids=str)
def test_both_serve_the_same(cluster: Cluster, tmp_path: Path, flags: str) -> None:
    (tmp_path / "tree" / "b").mkdir(parents=True)
    (tmp_path / "tree" / "a.txt").write_text("hi\n")
    ours = answers(cluster, [sys.executable, "-m", "kubectl"], flags, tmp_path)
    assert ours == answers(cluster, [UPSTREAM or ""], flags, tmp_path)
