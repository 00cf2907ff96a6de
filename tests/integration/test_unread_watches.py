"""Clients that ask for much and read nothing: what they may cost, while they are there and afterwards."""
from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from picokube.processes import proportional_memory_kib
from picokube.ready import connection
from tests.cluster import TestCluster, running_cluster

CLIENTS, CONFIGMAPS, BYTES_EACH = 150, 40, 100_000
CONFIGMAP = "/api/v1/namespaces/default/configmaps"
# Of each: its TLS session, one piece of a list and what was encrypted of the one before: 800 KiB of objects so large. It was 1.6 MiB.
MOST_EACH_KIB = 1200
MOST_LEFT_KIB = 60 << 10
WATCH = b"GET /api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true HTTP/1.1\r\nHost: x\r\n%b\r\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,controllers,scheduler", "--component-arg",
                         "apiserver=--max-long-running-requests-per-user=3", name="unread") as cluster:
        yield cluster


def watch(cluster: TestCluster, *, token: str = "", buffer: int = 4096) -> ssl.SSLSocket:
    """A watch of more than the buffers of both ends hold, as the administrator or with a token."""
    context = ssl.create_default_context(cafile=str(cluster.cluster.pki / "ca.crt"))
    if not token:
        context.load_cert_chain(cluster.cluster.pki / "admin.crt", cluster.cluster.pki / "admin.key")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(60)
    client.connect(("127.0.0.1", cluster.cluster.settings.port))
    wrapped = context.wrap_socket(client, server_hostname="127.0.0.1")
    wrapped.sendall(WATCH % (f"Authorization: Bearer {token}\r\n".encode() if token else b""))
    return wrapped


def memory_kib(cluster: TestCluster) -> int:
    return proportional_memory_kib(cluster.components()["apiserver"]["pid"])


def after_a_while(cluster: TestCluster) -> None:
    """Returns when a watch of three seconds has ended by itself."""
    api = connection(cluster.cluster, 60)
    with contextlib.closing(api):
        api.request("GET", f"{CONFIGMAP}?watch=true&timeoutSeconds=3&fieldSelector=metadata.name%3Dnone")
        assert api.getresponse().read() == b""


def test_watches_that_nobody_reads_hold_little_and_leave_nothing(cluster: TestCluster) -> None:
    for number in range(CONFIGMAPS):
        code, answer = cluster.request("POST", CONFIGMAP, {"metadata": {"name": f"c{number}"}, "data": {"x": "x" * BYTES_EACH}})
        assert code == 201, answer
    before = memory_kib(cluster)
    with ExitStack() as clients:
        for _ in range(CLIENTS):
            clients.enter_context(contextlib.closing(watch(cluster)))
        after_a_while(cluster)
        assert (memory_kib(cluster) - before) / CLIENTS < MOST_EACH_KIB
    after_a_while(cluster)
    assert memory_kib(cluster) - before < MOST_LEFT_KIB


def test_one_user_opens_so_many_watches_and_no_more(cluster: TestCluster) -> None:
    account = "/api/v1/namespaces/default/serviceaccounts"
    cluster.request("POST", account, {"metadata": {"name": "watcher"}})
    cluster.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
        "metadata": {"name": "watcher"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["watch"]}]})
    cluster.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "watcher"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "watcher"},
        "subjects": [{"kind": "ServiceAccount", "name": "watcher", "namespace": "default"}]})
    token = cluster.request("POST", f"{account}/watcher/token", {"spec": {}})[1]["status"]["token"]
    with ExitStack() as clients:
        answers = []
        for _ in range(4):
            client = clients.enter_context(contextlib.closing(watch(cluster, token=token, buffer=65536)))
            answers.append(client.recv(65536))
        codes = [answer.split()[1] for answer in answers]
        assert codes == [b"200", b"200", b"200", b"429"]
        assert b"retry-after: 1" in answers[-1].lower()
