"""Which source a cluster runs. What is imported stays as it was; what is imported later comes from the disk: a component that starts
again after a `git pull` is of two versions at once, and nobody can say what it does."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from picokube.cluster import Cluster
from picokube.files import read_json, write_json

ROOT = Path(__file__).parent.parent
PACKAGES = ("apiserver", "controllers", "kubeapi", "kubeclient", "kubelet", "picokube", "scheduler")


def stamp(root: Path = ROOT) -> str:
    """Other when a module is: by name, size and time of change, so that it costs no reading."""
    found = hashlib.blake2b(digest_size=16)
    for line in sorted(_modules(root)):
        found.update(line.encode())
    return found.hexdigest()


def _modules(root: Path) -> Iterator[str]:
    for package in PACKAGES:
        for directory, _, names in os.walk(root / package):
            for name in names:
                if name.endswith(".py"):
                    about = os.stat(os.path.join(directory, name))
                    yield f"{directory}/{name} {about.st_size} {about.st_mtime_ns}\n"


def remember(cluster: Cluster) -> None:
    write_json(cluster.run / "sources.json", {"stamp": stamp()})


def warning(cluster: Cluster) -> str:
    """What to tell whoever asks about a running cluster, or ""."""
    known = read_json(cluster.run / "sources.json")
    if known is None or known["stamp"] == stamp():
        return ""
    return (f"picokube's source has changed since this cluster started: what starts again may mix two versions. "
            f"`picokube down --name {cluster.name}`, then `up`; pods' data stays")
