"""Which pods of a node were given to a CRI runtime, on disk: ROOT/remote/NUMBER/endpoint, ROOT/remote/NUMBER/pods/UID.

A pod is there before its runtime hears of it, and until that has nothing of it any more: so nobody takes a runtime that does not answer
for one without pods, its pods' control groups for forgotten ones, or leaves them behind when the node is cleaned up.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path


class RemotePods:
    """Those of the runtime at one endpoint."""

    def __init__(self, root: Path, endpoint: str) -> None:
        self._directory = root / "remote" / hashlib.sha256(endpoint.encode()).hexdigest()[:12]
        self._endpoint, self._pods = endpoint, self._directory / "pods"
        self._uids = set(_names(self._pods))

    def add(self, uid: str, cgroup: str) -> None:
        """Raises OSError."""
        if uid in self._uids:
            return
        self._pods.mkdir(parents=True, exist_ok=True)
        temporary = self._directory / "endpoint.tmp"
        temporary.write_text(self._endpoint)
        temporary.rename(self._directory / "endpoint")
        (self._pods / uid).write_text(cgroup)
        self._uids.add(uid)

    def cgroup(self, uid: str) -> str:
        """"" where a predecessor died before it could say."""
        return (self._pods / uid).read_text()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._uids))

    def remove(self, uid: str) -> None:
        (self._pods / uid).unlink(missing_ok=True)
        self._uids.discard(uid)

    def __contains__(self, uid: object) -> bool:
        return uid in self._uids

    def __len__(self) -> int:
        return len(self._uids)


def remote_pods(root: Path) -> Iterator[str]:
    """The uids of all of them."""
    for directory in (root / "remote").glob("*/pods"):
        yield from _names(directory)


def endpoints(root: Path) -> Iterator[str]:
    """The runtimes that have, or have had, pods of this node."""
    for file in (root / "remote").glob("*/endpoint"):
        yield file.read_text()


def _names(directory: Path) -> list[str]:
    return [one.name for one in directory.iterdir()] if directory.is_dir() else []
