"""What `down` must have removed: everything that carries the cluster's name or runs for its directory."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kubelet import linux
from kubelet.network.netlink import Netlink
from kubelet.network.pods import links_of
from kubelet.runc.cgroups import Cgroups, cluster_path
from picokube.processes import identify

NOTHING: dict[str, list[str]] = {"processes": [], "mounts": [], "links": [], "tables": [], "namespaces": [], "cgroups": []}


def leftovers(name: str, home: str) -> dict[str, list[str]]:
    with Netlink() as netlink:
        links = [str(index) for index in links_of(name, netlink)]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True, timeout=30).stdout
    pinned = Path("/run/netns")
    return {"processes": [str(one) for one in processes_of(home)], "mounts": linux.mount_points(home), "links": links,
            "tables": [line for line in tables.splitlines() if f"picokube-{name}" in line],
            "namespaces": [one.name for one in pinned.glob(f"*{name}*")] if pinned.is_dir() else [],
            "cgroups": [str(one) for one in Cgroups.detect().directories(cluster_path(name)) if one.exists()]}


def processes_of(home: str) -> list[int]:
    """Whoever was started for this home, or works in it: launcher, components, shims. Not the test itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = (f"PICOKUBE_HOME={home}\0".encode() in (process / "environ").read_bytes() + b"\0"
                       or os.readlink(process / "cwd").startswith(home))
        except OSError:
            continue
        if is_ours and int(process.name) != os.getpid() and identify(int(process.name)) is not None:
            found.append(int(process.name))
    return sorted(found)
