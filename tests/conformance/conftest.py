"""Two API servers over one etcd, without controllers: nobody but the tests writes."""
from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kubeapi.resource import Resource
from picokube.ready import connection
from tests.cluster import ROOT, TestCluster, running_cluster
from tests.conformance.documents import Document, document, name_of

MERGE, STRATEGIC, JSON_PATCH = "application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
IDLE_SECONDS = 30.0


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.code, self.headers = answer.status, answer.headers
        self.raw = answer.read()

    @cached_property
    def document(self) -> Document:
        found: Document = json.loads(self.raw) if "json" in (self.headers["content-type"] or "") else {}
        return found

    @property
    def metadata(self) -> Document:
        return dict(self.document["metadata"])


class Api:
    """A client of one of the servers, over one connection."""

    def __init__(self, connect: Any, namespace: str) -> None:
        self._connect, self.namespace = connect, namespace
        self._connection: http.client.HTTPSConnection | None = None
        self._used = 0.0

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json", **headers: str) -> Answer:
        """`body`: a document, or raw bytes. A DELETE without any asks for Background, as kubectl does."""
        if method == "DELETE" and body is None:
            path += ("&" if "?" in path else "?") + "propagationPolicy=Background"
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()                        # other tests came in between: the server may have closed it
        if self._connection is None:
            self._connection = self._connect()
        self._used = time.monotonic()
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, raw, {**({"Content-Type": content_type} if raw is not None else {}), **given})
            return Answer(self._connection.getresponse())
        except (http.client.HTTPException, OSError):
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- by resource

    def path(self, resource: Resource, name: str = "", subresource: str = "", version: str = "", **query: str) -> str:
        version = version or resource.storage_version
        root = f"/apis/{resource.group}/{version}" if resource.group else f"/api/{version}"
        parts = [root, *(("namespaces", self.namespace) if resource.is_namespaced else ()), resource.plural,
                 *((quote(name_of(resource, name), safe=""),) if name else ()), *((subresource,) if subresource else ())]
        return "/".join(parts) + ("?" + "&".join(f"{key}={quote(value)}" for key, value in query.items()) if query else "")

    def make(self, resource: Resource, name: str, **metadata: Any) -> Answer:
        made = self.ask("POST", self.path(resource), document(resource, name, self.namespace, **metadata))
        assert made.code == 201, made.raw
        return made

    def get(self, resource: Resource, name: str) -> Answer:
        return self.ask("GET", self.path(resource, name))

    @contextmanager
    def watching(self, path: str) -> Iterator[Iterator[Document]]:
        """Events of a watch, as they come; it ends by itself after 20 s."""
        watch = self._connect()
        try:
            watch.request("GET", f"{path}{'&' if '?' in path else '?'}watch=1&timeoutSeconds=20")
            answer = watch.getresponse()
            assert answer.status == 200, answer.read()
            yield (json.loads(line) for line in iter(answer.readline, b""))
        finally:
            watch.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "kubelet,scheduler,controllers", name="conformance") as running:
        yield running


@pytest.fixture(scope="session")
def second(cluster: TestCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of another API server, started like the first."""
    from picokube.certificates import Authority
    from picokube.components import plan
    command = next(one for one in plan(cluster.cluster, Authority(cluster.cluster.pki), {}) if one.name == "apiserver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    arguments = [f"--secure-port={port}" if one.startswith("--secure-port") else one for one in command.argv]
    log = tmp_path_factory.mktemp("second") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "apiserver", *arguments], cwd=cluster.cluster.run, stderr=out,
                                   env={**cluster.environment, "PYTHONPATH": str(ROOT)})
        try:
            _wait_ready(cluster, port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _wait_ready(cluster: TestCluster, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            api = connection(cluster.cluster, 5)
            api.port = port
            api.request("GET", "/readyz")
            if api.getresponse().status == 200:
                return
        except (OSError, ssl.SSLError):
            threading_pause()
        finally:
            api.close()
    raise AssertionError(log.read_text())


def threading_pause() -> None:
    """A server that is starting tells nobody but systemd: the only wait of this suite that looks again and again."""
    import threading
    threading.Event().wait(0.05)


@pytest.fixture(scope="session")
def namespace(cluster: TestCluster) -> str:
    """One per worker of the run, with the account that pods need."""
    name = f"c-{os.getpid()}"
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    assert cluster.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})[0] == 201
    return name


@pytest.fixture(scope="session")
def api(cluster: TestCluster, namespace: str) -> Iterator[Api]:
    found = Api(lambda: connection(cluster.cluster, 60), namespace)
    yield found
    found.close()


@pytest.fixture(scope="session")
def other(cluster: TestCluster, second: int, namespace: str) -> Iterator[Api]:
    """The other server."""
    def connect() -> http.client.HTTPSConnection:
        made = connection(cluster.cluster, 60)
        made.port = second
        return made

    found = Api(connect, namespace)
    yield found
    found.close()
