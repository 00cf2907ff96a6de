"""Which users pods with `hostUsers: false` are given."""
from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from kubelet.cri import CriError
from kubelet.usernamespaces import UserNamespaces

UNIT = 65536
NOWHERE = (Path("/nonexistent"), Path("/nonexistent"))


def several(namespaces: UserNamespaces, *uids: str) -> list[int]:
    async def ask() -> list[int]:
        return [await namespaces.of(uid) for uid in uids]
    return asyncio.run(ask())


def test_each_pod_has_its_own_and_keeps_it(tmp_path: Path) -> None:
    namespaces = UserNamespaces(tmp_path, 3, NOWHERE)
    assert several(namespaces, "a", "b", "a") == [UNIT, 2 * UNIT, UNIT]
    mapping = [{"hostId": 2 * UNIT, "containerId": 0, "length": UNIT}]
    assert json.loads((tmp_path / "pods" / "b" / "userns").read_text()) == {"uidMappings": mapping, "gidMappings": mapping}


def test_a_successor_knows_them(tmp_path: Path) -> None:
    several(UserNamespaces(tmp_path, 3, NOWHERE), "a", "b")
    (tmp_path / "pods" / "without").mkdir()
    assert several(UserNamespaces(tmp_path, 3, NOWHERE), "new", "b") == [3 * UNIT, 2 * UNIT]


def test_what_is_released_is_given_again(tmp_path: Path) -> None:
    namespaces = UserNamespaces(tmp_path, 3, NOWHERE)
    several(namespaces, "a", "b")
    namespaces.release("a")
    namespaces.release("unknown")
    assert several(namespaces, "c") == [UNIT]


def test_there_are_as_many_as_pods(tmp_path: Path) -> None:
    namespaces = UserNamespaces(tmp_path, 2, NOWHERE)
    with pytest.raises(CriError, match="could not find an empty slot to allocate a user namespace"):
        several(namespaces, "a", "b", "c")


@pytest.mark.parametrize(("users", "groups", "first"), [
    pytest.param("kubelet:131072:131072\n", "root:1:5\nkubelet:131072:131072\n", 131072, id="its own"),
    pytest.param("kubelet:131072:65536\n", "kubelet:196608:65536\n", UNIT, id="users and groups differ"),
    pytest.param("somebody:131072:65536\n", "somebody:131072:65536\n", UNIT, id="others'"),
])
def test_the_range_that_the_machine_gives_the_kubelet(tmp_path: Path, users: str, groups: str, first: int) -> None:
    files = tmp_path / "subuid", tmp_path / "subgid"
    for path, text in zip(files, (users, groups), strict=True):
        path.write_text(text)
    assert several(UserNamespaces(tmp_path, 5, files), "a") == [first]
