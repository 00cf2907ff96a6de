"""`picokube up --etcd-servers`: somebody else's etcd, with mutual TLS."""
from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from picokube.certificates import Authority, Wanted
from tests.cluster import running_cluster

pytestmark = pytest.mark.skipif(shutil.which("etcd") is None, reason="there is no etcd binary on PATH")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def etcd_with_tls(directory: Path, pki: Path) -> Iterator[str]:
    client, peer = f"https://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = ["etcd", f"--data-dir={directory}", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
               f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
               "--client-cert-auth", f"--trusted-ca-file={pki}/ca.crt", f"--cert-file={pki}/server.crt", f"--key-file={pki}/server.key"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield client
        finally:
            process.terminate()
            process.wait(30)


def test_a_cluster_keeps_its_objects_in_an_etcd_that_is_not_its_own(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    authority = Authority(pki)
    authority.issue("server", Wanted("etcd", names=("127.0.0.1",)))
    authority.issue("client", Wanted("apiserver", is_client=True))
    with etcd_with_tls(tmp_path / "data", pki) as servers:
        arguments = ("--runtime", "hollow", f"--etcd-servers={servers}", f"--etcd-cafile={pki}/ca.crt", f"--etcd-certfile={pki}/client.crt",
                     f"--etcd-keyfile={pki}/client.key")
        with running_cluster(*arguments, name="guest") as cluster:
            assert "etcd" not in cluster.components()
            code, _ = cluster.request("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}})
            assert code == 201
            assert cluster.picokube("down").returncode == 0
            assert cluster.picokube("up").returncode == 0                  # what was said first is still known
            assert cluster.request("GET", "/api/v1/namespaces/default/configmaps/a")[0] == 200


def test_an_etcd_that_nobody_listens_for_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no etcd listens at http://127.0.0.1:1"), \
            running_cluster("--runtime", "hollow", "--etcd-servers=http://127.0.0.1:1", name="lost"):
        pass
