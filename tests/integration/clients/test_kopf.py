"""kopf (PyPI): an operator process with finalizers, annotations, events and owner references."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import ROOT, TestCluster

pytest.importorskip("kopf", reason="kopf is not installed")
pytest.importorskip("kubernetes", reason="the official client is not installed")


@pytest.fixture
def operator(cluster: TestCluster, namespace: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "KUBECONFIG": str(cluster.cluster.kubeconfig("admin"))}
    log = (tmp_path / "operator.log").open("wb")
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", namespace, str(ROOT / "tests/integration/clients/operator.py")]
    with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def test_an_operator_keeps_what_it_was_written_for(cluster: TestCluster, namespace: str, operator: subprocess.Popen[bytes]) -> None:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    cluster.request("POST", maps, {"metadata": {"name": "a", "labels": {"copy": "yes"}}, "data": {"k": "1"}})
    twin = cluster.until(f"{maps}?fieldSelector=metadata.name%3Da-twin", lambda one: one.get("data") == {"k": "1"})
    assert twin["metadata"]["ownerReferences"][0]["name"] == "a"
    cluster.until(f"{maps}?fieldSelector=metadata.name%3Da", lambda one: "kopf.zalando.org/last-handled-configuration" in one["metadata"].get("annotations", {})
                  and one["metadata"].get("finalizers") == ["kopf.zalando.org/KopfFinalizerMarker"])
    cluster.request("PATCH", f"{maps}/a", {"data": {"k": "2"}}, "application/merge-patch+json")
    cluster.until(f"{maps}?fieldSelector=metadata.name%3Da-twin", lambda one: one.get("data") == {"k": "2"})
    cluster.request("DELETE", f"{maps}/a")
    cluster.until(f"{maps}?fieldSelector=metadata.name%3Da-goodbye", lambda one: True)
