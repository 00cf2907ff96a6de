from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kubelet.cri import CriError
from kubelet.images.index import Index, StoredImage

A = StoredImage("sha256:" + "a" * 64, ("docker.io/library/a:1",), (), 1, ("l1", "l2"))
B = StoredImage("sha256:" + "b" * 64, ("docker.io/library/b:1",), (), 1, ("l1", "l3"))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    found = Index(tmp_path)
    for name in ("l1", "l2", "l3", "l4"):
        (found.layers / name).mkdir()
        (found.layers / f"{name}.size").write_text("1")
    return found


def layers(index: Index) -> set[str]:
    return {path.name for path in index.layers.iterdir() if path.is_dir()}


def test_names_of_an_image_are_joined(index: Index) -> None:
    index.add(A)
    joined = index.add(replace(A, tags=("docker.io/library/a:2",), digests=("docker.io/library/a@sha256:" + "1" * 64,)))
    assert joined.tags == ("docker.io/library/a:1", "docker.io/library/a:2")
    assert index.find("a:2") == index.find("a") is None or index.find("a:2") == joined
    assert index.find("a@sha256:" + "1" * 64) == joined


def test_a_tag_belongs_to_one_image(index: Index) -> None:
    index.add(A)
    index.add(replace(B, tags=A.tags))
    assert index.images()[A.id].tags == () and index.images()[B.id].tags == A.tags


def test_another_process_s_changes_are_seen(index: Index, tmp_path: Path) -> None:
    assert index.find("a:1") is None
    Index(tmp_path).add(A)
    assert index.find("a:1") == A
    index.add(B)
    assert set(Index(tmp_path).images()) == {A.id, B.id}


def test_layers_nobody_holds_are_deleted(index: Index) -> None:
    index.add(A)
    index.add(B)
    index.hold("container", B.id)
    index.change(lambda images: images.__delitem__(B.id))
    index.collect()
    assert layers(index) == {"l1", "l2", "l3"}
    index.release("container")
    index.collect()
    assert layers(index) == {"l1", "l2"} and not (index.layers / "l3.size").exists()


def test_nothing_is_deleted_while_layers_are_added(index: Index, tmp_path: Path) -> None:
    with Index(tmp_path).in_use():
        index.collect()
        assert layers(index) == {"l1", "l2", "l3", "l4"}
    index.collect()
    assert not layers(index)


def test_an_image_that_is_not_there_cannot_be_held(index: Index) -> None:
    with pytest.raises(CriError, match="not present"):
        index.hold("container", A.id)


def test_holders_of_a_former_life_are_forgotten(index: Index) -> None:
    index.add(A)
    index.hold("old", A.id)
    index.keep_only_holders(["new"])
    index.change(lambda images: images.clear())
    index.collect()
    assert not layers(index)
