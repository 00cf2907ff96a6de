from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.generated.models.core_v1 import Pod
from kubeapi.meta import ObjectKey
from kubeclient.indexer import EncodedShelf, Indexer, PlainShelf, Shelf
from tests.unit.kubeclient.objects import a_key, a_pod


def on_node(pod: Pod) -> list[str]:
    return [pod.spec.node_name] if pod.spec.node_name else []


def names(pods: Any) -> list[str]:
    return [pod.metadata.name for pod in pods]


SHELVES = [pytest.param(lambda: EncodedShelf(Pod.from_wire), id="bytes"),
           pytest.param(lambda: EncodedShelf(Pod.from_wire, recent=1), id="bytes, one remembered"),
           pytest.param(lambda: PlainShelf(Pod.from_wire), id="plain")]


@pytest.mark.parametrize("shelf", SHELVES)
def test_an_object_is_found_by_key_namespace_and_index(shelf: Any) -> None:
    pods: Indexer[Pod] = Indexer({"node": on_node}, shelf())
    for pod in (a_pod("a", node="n1"), a_pod("b", node="n2"), a_pod("c", node="n1", namespace="other"), a_pod("d")):
        pods.put(a_key(pod.metadata.name, pod.metadata.namespace), pod.to_wire())
    assert names(pods.list()) == ["a", "b", "c", "d"]
    assert names(pods.list("other")) == ["c"]
    assert names(pods.by_index("node", "n1")) == ["a", "c"]
    assert pods.by_index("node", "n9") == []
    found = pods.get(a_key("b"))
    assert found is not None and found.spec.node_name == "n2"
    assert pods.get(a_key("z")) is None


@pytest.mark.parametrize("shelf", SHELVES)
def test_a_changed_object_moves_in_its_indexes(shelf: Any) -> None:
    pods: Indexer[Pod] = Indexer({"node": on_node}, shelf())
    assert pods.put(a_key(), a_pod(node="n1").to_wire())[0] is None
    old, new = pods.put(a_key(), a_pod(node="n2").to_wire())
    assert old is not None and (old.spec.node_name, new.spec.node_name) == ("n1", "n2")
    assert (names(pods.by_index("node", "n1")), names(pods.by_index("node", "n2"))) == ([], ["a"])
    removed = pods.remove(a_key())
    assert removed is not None and removed.spec.node_name == "n2"
    assert pods.by_index("node", "n2") == [] and pods.list("default") == [] and pods.remove(a_key()) is None


def test_an_index_added_later_knows_what_is_there() -> None:
    pods: Indexer[Pod] = Indexer({}, EncodedShelf(Pod.from_wire))
    pods.put(a_key(), a_pod(node="n1").to_wire())
    pods.add_function("node", on_node)
    assert names(pods.by_index("node", "n1")) == ["a"]


def test_typed_views_are_shared_while_remembered_and_few() -> None:
    shelf: EncodedShelf[Pod] = EncodedShelf(Pod.from_wire, recent=2)
    for name in "abc":
        shelf.put(a_key(name), a_pod(name).to_wire())
    assert shelf[a_key("c")] is shelf[a_key("c")]
    assert len(shelf._recent) == 2
    assert shelf[a_key("a")].metadata.name == "a"
    assert len(shelf._recent) == 2


def test_what_cannot_be_decoded_leaves_the_old_state() -> None:
    shelf: EncodedShelf[Pod] = EncodedShelf(Pod.from_wire)
    shelf.put(a_key(), a_pod(node="n1").to_wire())
    with pytest.raises(ValueError):
        shelf.put(a_key(), {"metadata": 7})
    assert shelf[a_key()].spec.node_name == "n1"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "n1", "n2", None]))))
def test_indexes_say_what_a_scan_says(changes: list[tuple[str, str | None]]) -> None:
    shelf: Shelf[Pod] = EncodedShelf(Pod.from_wire, recent=1)
    pods: Indexer[Pod] = Indexer({"node": on_node}, shelf)
    model: dict[ObjectKey, str] = {}
    for name, node in changes:
        key = a_key(name)
        if node is None:
            pods.remove(key)
            model.pop(key, None)
        else:
            pods.put(key, a_pod(name, node=node).to_wire())
            model[key] = node
    assert set(pods) == set(model)
    for node in ("n1", "n2"):
        assert {a_key(name) for name in names(pods.by_index("node", node))} == {key for key, on in model.items() if on == node}
