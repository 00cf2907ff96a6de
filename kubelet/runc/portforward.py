"""Connections to what listens on a pod's localhost: the socket is made inside the pod's network, the bytes flow outside."""
from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from pathlib import Path

from kubelet import linux
from kubelet.cri import CriError

LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
VERSIONS = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
CONNECT_SECONDS = 30.0


async def connect(namespace: Path | None, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """`namespace` is pinned there; None is the node's own."""
    faults = []
    for family, address in LOOPBACKS:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(sock=await _connected(namespace, family, address, port))
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else "i/o timeout"
            faults.append(f"{VERSIONS[family]} [{address}]:{port}: connect: {why}")
    raise CriError("PortForwardFailed", f"failed to connect to localhost:{port} inside the pod, {', '.join(faults)}")


async def _connected(namespace: Path | None, family: int, address: str, port: int) -> socket.socket:
    connection = await linux.in_fresh_thread(partial(_socket_in, namespace, family))
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


def _socket_in(namespace: Path | None, family: int) -> socket.socket:
    if namespace is not None:
        linux.enter_namespace(namespace)
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    return connection
