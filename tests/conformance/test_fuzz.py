"""Requests made from the server's own OpenAPI, valid and not: each is answered in time, none by a fault of the server's.

schemathesis makes them; PICOKUBE_FUZZ_SECONDS is the time for each group-version, PICOKUBE_FUZZ_SEED makes a run repeat.
"""
from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kubeapi.openapi import group_versions
from tests.cluster import TestCluster

pytestmark = pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
SECONDS, SEED = os.environ.get("PICOKUBE_FUZZ_SECONDS", "2"), os.environ.get("PICOKUBE_FUZZ_SEED", "1")
# They wait for a kubelet; there is none here. Watches have no end.
STREAMS = "proxy|exec|attach|portforward|/log|/watch/"
NO_WATCH = "parameters = { watch = false }\n"


def faults(cluster: TestCluster) -> int:
    """That the server has logged."""
    log = cluster.cluster.logs / "apiserver.log"
    return log.read_text().count("Traceback") if log.exists() else 0


@pytest.mark.parametrize("group_version", group_versions())
def test_no_request_is_the_server_s_fault(cluster: TestCluster, group_version: str, tmp_path: Path) -> None:
    pki = cluster.cluster.pki
    before = faults(cluster)
    (tmp_path / "schemathesis.toml").write_text(NO_WATCH)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{cluster.cluster.server}/openapi/v3/{group_version}",
               "--checks=not_a_server_error", "--phases=fuzzing", f"--max-time={SECONDS}", f"--seed={SEED}", "--request-timeout=30",
               f"--request-cert={pki}/admin.crt", f"--request-cert-key={pki}/admin.key", f"--tls-verify={pki}/ca.crt",
               "--suppress-health-check=all", f"--exclude-path-regex={STREAMS}", "--continue-on-failure", "--warnings=off", "--no-color"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120 + 3 * float(SECONDS), check=False)
    assert printed.returncode == 0, printed.stdout[-6000:] + printed.stderr[-2000:]
    assert "generated" in printed.stdout
    assert faults(cluster) == before
    assert cluster.request("GET", "/readyz")[0] == 200
