"""A real API server (in memory, TLS, client certificates) in a process of its own, and both kubectls run against it."""
from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.kubectl.conftest import fake, kubectl

__all__ = ["fake", "kubectl"]
ROOT = Path(__file__).parents[3]
UPSTREAM = next((path for path in ("/usr/bin/kubectl", "/usr/local/bin/kubectl", "/snap/bin/kubectl") if shutil.which(path)), None)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Cluster(NamedTuple):
    """The files of a running API server."""

    directory: Path
    kubeconfig: Path

    def run(self, program: list[str], line: str, stdin: str = "") -> Ran:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.directory), "TZ": "UTC"}
        done = subprocess.run([*program, *shlex.split(line)], env=environment, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60)
        return Ran(done.returncode, done.stdout, done.stderr)

    def ours(self, line: str, stdin: str = "") -> Ran:
        return self.run([sys.executable, "-m", "kubectl"], line, stdin)

    def theirs(self, line: str, stdin: str = "") -> Ran:
        return self.run([UPSTREAM or "kubectl"], line, stdin)


Normal = Callable[[str], str]
_CHANGING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"), (r"20\d\d-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r'resourceVersion"?: "?\d+"?', "REVISION"), (r"\w{3}, \d\d \w{3} 20\d\d [\d:]{8} \+0000", "DATE"), (r"10\.96\.\d+\.\d+", "ADDRESS"),
    (r"\b\d+s\b", "AGE"), (r" from NAMESPACE namespace", ""), (r"[^\S\n]+", " "), (r" +$", ""),
)


def normal(text: str, namespace: str) -> str:
    """The text without what differs from object to object."""
    text = text.replace(namespace, "NAMESPACE")
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def _openssl(directory: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)


def _certificates(directory: Path) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(directory, "req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name, subject in (("server", "/CN=kube-apiserver"), ("client", "/O=system:masters/CN=admin")):
        _openssl(directory, "req", *key, "-keyout", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", subject)
        _openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2",
                 "-out", f"{name}.pem", "-extfile", "names")


def _free_port() -> int:
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _serves(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Returns once the port answers; False when the process ended first."""
    import socket
    import threading
    pause = threading.Event()
    for _ in range(300):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            pause.wait(0.05)
    return False


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("apiserver")
    _certificates(directory)
    port = _free_port()
    command = [sys.executable, "-m", "apiserver", "--etcd-servers", "memory:", "--bind-address", "127.0.0.1", "--secure-port", str(port),
               "--tls-cert-file", str(directory / "server.pem"), "--tls-private-key-file", str(directory / "server-key.pem"),
               "--client-ca-file", str(directory / "ca.pem")]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log) as process:
        try:
            assert _serves(port, process), (directory / "log").read_text()
            made = Cluster(directory, directory / "kubeconfig")
            for line in (f"set-cluster c --server=https://127.0.0.1:{port} --certificate-authority={directory}/ca.pem --embed-certs",
                         f"set-credentials u --client-certificate={directory}/client.pem --client-key={directory}/client-key.pem --embed-certs",
                         "set-context x --cluster=c --user=u", "use-context x"):
                assert made.ours(f"config {line}").code == 0
            yield made
        finally:
            process.terminate()
