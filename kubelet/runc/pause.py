"""The pause process: PID 1 of a process namespace that a pod's containers share. It reaps, and ends on TERM or INT.

A static executable of 300 bytes, so that it needs no image: it blocks TERM and INT, has the kernel reap its children
(SIGCHLD ignored) and waits for a signal.
"""
from __future__ import annotations

import platform
import struct
from pathlib import Path
from typing import Any

BASE, HEADERS = 0x400000, 64 + 2 * 56
CODE = {
    "x86_64": (62, "31ff488d353f00000031d26a08415a6a0e580f056a115f488d353200000031d26a0d580f05488d3d1c00000031f631d2b8800000000f"
                   "0585c078ea31ffb8e70000000f050f1f4000024000000000000001000000000000000000000000000000000000000000000000000000"
                   "00000000"),
    "aarch64": (183, "000080d2a1020010020080d2030180d2e81080d2010000d4200280d221020010020080d2030180d2c81080d2010000d440010010010080"
                     "d2020080d2030180d2281180d2010000d440ffffb7000080d2c80b80d2010000d4024000000000000001000000000000000000000000"
                     "00000000000000000000000000000000000000"),
}


def executable(machine: str = "") -> bytes:
    number, code_hex = CODE[machine or platform.machine()]
    code = bytes.fromhex(code_hex)
    size = HEADERS + len(code)
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x10000)
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    return b"\x7fELF" + bytes([2, 1, 1, 0]) + b"\0" * 8 + header + load + stack + code


def write_root(rootfs: Path) -> None:
    rootfs.mkdir()
    program = rootfs / "pause"
    program.write_bytes(executable())
    program.chmod(0o755)


def spec(cgroup: str, namespaces: dict[str, str]) -> dict[str, Any]:
    return {
        "ociVersion": "1.0.2",
        "process": {"args": ["/pause"], "cwd": "/", "user": {"uid": 65535, "gid": 65535}, "noNewPrivileges": True, "env": []},
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}],
        "linux": {"cgroupsPath": cgroup, "resources": {"devices": [{"allow": False, "access": "rwm"}]},
                  "namespaces": [{"type": kind, **({"path": path} if path else {})} for kind, path in namespaces.items()]}}
