"""Which users of the node the users of a pod with `hostUsers: false` are: 65536 of its own, kept for as long as the pod is there.

What was given is written beside the pod's volumes (pods/UID/userns): a successor of the kubelet finds it there.
"""
from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

from kubelet.cri import USERS_PER_POD, CriError
from kubelet.podfiles import PodDirectory

FILE = "userns"
SUBORDINATE = (Path("/etc/subuid"), Path("/etc/subgid"))
OWNER = "kubelet"


class UserNamespaces:
    def __init__(self, root: Path, most_pods: int, files: tuple[Path, Path] = SUBORDINATE) -> None:
        """The ranges are those that /etc/subuid and /etc/subgid give the user `kubelet`, or those right above the node's own users."""
        self._root = root
        self._ranges = _own_ranges(files) or range(USERS_PER_POD, (most_pods + 1) * USERS_PER_POD, USERS_PER_POD)
        self._given = dict(self._known())

    async def of(self, uid: str) -> int:
        """The first of a pod's users. Raises CriError."""
        if uid not in self._given:
            taken = set(self._given.values())
            first = next((one for one in self._ranges if one not in taken), None)
            if first is None:
                raise CriError("FailedCreatePodSandBox", "create user namespace: could not find an empty slot to allocate a user namespace")
            self._given[uid] = first
        await asyncio.to_thread(self._write, uid, self._given[uid])
        return self._given[uid]

    def release(self, uid: str) -> None:
        self._given.pop(uid, None)

    def _write(self, uid: str, first: int) -> None:
        path = PodDirectory(self._root, uid).path / FILE
        if path.exists():
            return
        mapping = [{"hostId": first, "containerId": 0, "length": USERS_PER_POD}]
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"uidMappings": mapping, "gidMappings": mapping}))
        temporary.rename(path)

    def _known(self) -> Iterator[tuple[str, int]]:
        try:
            pods = os.listdir(self._root / "pods")
        except FileNotFoundError:
            return
        for uid in pods:
            try:
                yield uid, int(json.loads((self._root / "pods" / uid / FILE).read_bytes())["uidMappings"][0]["hostId"])
            except FileNotFoundError:
                continue


def _own_ranges(files: tuple[Path, Path]) -> range | None:
    """None where the files say nothing, or not the same, of the kubelet."""
    found = []
    for path in files:
        try:
            lines = [line.split(":") for line in path.read_text().splitlines()]
        except OSError:
            return None
        found += [(int(fields[1]), int(fields[2])) for fields in lines if len(fields) == 3 and fields[0] == OWNER]
    if len(found) != 2 or found[0] != found[1] or found[0][0] < USERS_PER_POD:
        return None
    first, count = found[0]
    return range(first, first + count - USERS_PER_POD + 1, USERS_PER_POD)
