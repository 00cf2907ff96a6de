"""Tells whoever started this process that it is ready: the sd_notify protocol, as systemd and etcd speak it."""
from __future__ import annotations

import contextlib
import os
import socket


def notify_ready() -> None:
    """Sends READY=1 to $NOTIFY_SOCKET; nothing happens where nobody asked for it or listens any more."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)
