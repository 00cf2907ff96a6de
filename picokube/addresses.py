"""Ports and address ranges that nothing else on this machine uses."""
from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from picokube.errors import CannotRun

Network = ipaddress.IPv4Network
POD_RANGES = ["10.244.0.0/16", *(f"10.{n}.0.0/16" for n in range(200, 244))]
HOLLOW_POD_RANGE = "100.64.0.0/10"            # for 16,384 nodes; nothing is routed there, so every cluster may have the same
SERVICE_RANGES = ["10.96.0.0/16", *(f"10.{n}.0.0/16" for n in range(97, 128))]


def is_free(port: int, address: str = "0.0.0.0") -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError:
            return False
    return True


def free_port(preferred: int, taken: Iterable[int] = ()) -> int:
    """`preferred` or the next free one above it."""
    avoid = set(taken)
    for port in range(preferred, preferred + 1000):
        if port not in avoid and is_free(port):
            return port
    raise CannotRun(f"no free port from {preferred} to {preferred + 999}")


def holder_of(port: int) -> int | None:
    """The pid that listens on a TCP port; None where it cannot be told (another user's, another namespace's)."""
    inodes = {fields[9] for table in ("tcp", "tcp6") for fields in _listening(table) if int(fields[1].rpartition(":")[2], 16) == port}
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(one) in wanted for one in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    return None


def _listening(table: str) -> list[list[str]]:
    try:
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    return [fields for line in lines if (fields := line.split())[3] == "0A"]


def require_port(port: int) -> None:
    if not is_free(port):
        pid = holder_of(port)
        by = f"by the process {pid} ({_command(pid)})" if pid else "by another process"
        raise CannotRun(f"port {port} is taken {by}; stop it or choose another with --port")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


def routed_networks() -> list[Network]:
    """Every network this machine has a route to, but the default route."""
    found = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[n]), "little") for n in (1, 7))
        if mask:
            found.append(Network((destination, mask.bit_count())))
    return found


def free_range(candidates: Sequence[str], taken: Iterable[str]) -> str:
    """The first candidate that overlaps neither a route of this machine nor a range of another cluster."""
    avoid = [*routed_networks(), *(Network(one) for one in taken)]
    for candidate in candidates:
        if not any(Network(candidate).overlaps(one) for one in avoid):
            return candidate
    raise CannotRun(f"every address range from {candidates[0]} to {candidates[-1]} is in use here")


def node_address() -> str:
    """The address other machines reach this one by: the source of its default route; 127.0.0.1 without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))      # a datagram socket: nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
