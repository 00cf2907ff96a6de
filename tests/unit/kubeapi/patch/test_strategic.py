"""Strategic merge: lists by key, directives, the order of merged lists; diff and apply are inverse."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeapi.patch import mergepatch, strategic
from kubeapi.patch.jsonpatch import PatchError
from kubeapi.schemas import field_of, schema_of

DEPLOYMENT = schema_of("apps", "v1", "Deployment")
POD = schema_of("", "v1", "Pod")
SPEC = field_of(POD, "spec")


def a_container(name: str, image: str = "i", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": image, **more}


@pytest.mark.parametrize(("patch", "expected"), [
    ({"containers": [{"name": "a", "image": "x"}]}, [a_container("a", "x"), a_container("b")]),
    ({"containers": [a_container("c")]}, [a_container("c"), a_container("a"), a_container("b")]),
    ({"containers": [{"name": "a", "$patch": "delete"}]}, [a_container("b")]),
    ({"containers": [{"$patch": "replace"}, a_container("z")]}, [a_container("z")]),
    ({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, [a_container("b"), a_container("a")]),
    ({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "containers": [a_container("c")]},
     [a_container("a"), a_container("b"), a_container("c")]),
], ids=["change", "new ones come first", "delete", "replace", "order", "order with a new one"])
def test_lists_merge_by_key(patch: dict[str, Any], expected: list[Any]) -> None:
    spec = {"containers": [a_container("a"), a_container("b")]}
    assert strategic.apply(spec, patch, SPEC)["containers"] == expected
    assert spec == {"containers": [a_container("a"), a_container("b")]}


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(PatchError, match="does not contain declared merge key: name"):
        strategic.apply({"containers": [a_container("a")]}, {"containers": [{}]}, SPEC)


def test_scalars_of_a_merging_list_unite_and_are_deleted_by_name() -> None:
    meta = {"finalizers": ["a", "b"]}
    schema = field_of(POD, "metadata")
    assert sorted(strategic.apply(meta, {"finalizers": ["c", "a"]}, schema)["finalizers"]) == ["a", "b", "c"]
    assert strategic.apply(meta, {"$deleteFromPrimitiveList/finalizers": ["a"]}, schema) == {"finalizers": ["b"]}


def test_retained_keys_drop_the_others() -> None:
    spec = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert strategic.apply(spec, patch, field_of(DEPLOYMENT, "spec")) == {"strategy": {"type": "Recreate"}}


def test_a_map_may_be_replaced_or_deleted() -> None:
    pod = {"metadata": {"labels": {"a": "1"}}}
    assert strategic.apply(pod, {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}, POD) == {"metadata": {"labels": {"b": "2"}}}
    assert strategic.apply(pod, {"metadata": {"labels": {"a": None}}}, POD) == {"metadata": {"labels": {}}}


def test_three_way_keeps_what_the_cluster_added_and_removes_what_the_user_dropped() -> None:
    original = {"spec": {"containers": [a_container("a", env=[{"name": "X", "value": "1"}]), a_container("old")]}}
    modified = {"spec": {"containers": [a_container("a", "new")]}}
    current = {"spec": {"containers": [a_container("a", env=[{"name": "X", "value": "1"}], terminationMessagePath="/p"), a_container("old"),
                                       a_container("injected")]}}
    patch = strategic.diff3(original, modified, current, POD)
    assert strategic.apply(current, patch, POD) == {"spec": {"containers": [
        a_container("a", "new", terminationMessagePath="/p"), a_container("injected")]}}


_names = st.lists(st.sampled_from("abcde"), unique=True, max_size=4)
_values = st.dictionaries(st.sampled_from(["image", "workingDir", "tty"]), st.text("xyz", max_size=2), max_size=3)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    return {"containers": [{"name": name, **draw(_values)} for name in draw(_names)],
            "nodeSelector": draw(st.dictionaries(st.sampled_from("abc"), st.text("xy", max_size=1))),
            "tolerations": [{"key": key} for key in draw(_names)]}


@settings(max_examples=200, deadline=None)
@given(specs(), specs())
def test_applying_a_difference_gives_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    patch = strategic.diff(one, other, SPEC)
    assert strategic.apply(one, patch, SPEC) == other
    assert strategic.apply(other, patch, SPEC) == other
    assert not strategic.diff(one, one, SPEC)


_documents: st.SearchStrategy[Any] = st.recursive(st.integers(0, 3) | st.text("ab", max_size=1) | st.lists(st.integers(0, 2), max_size=2),
                          lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)


@given(st.dictionaries(st.sampled_from("abc"), _documents), st.dictionaries(st.sampled_from("abc"), _documents))
def test_applying_a_merge_difference_gives_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert mergepatch.apply(one, mergepatch.diff(one, other)) == other


class Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("directive", ["", "$setElementOrder/", "$deleteFromPrimitiveList/"])
def test_a_long_list_is_not_looked_through_for_each_item_of_a_long_patch(directive: str) -> None:
    """20,000 finalizers patched with 20,000 others kept an API server busy for minutes."""
    metadata = field_of(POD, "metadata")
    before, patch = [Counted(f"example.com/{n}") for n in range(2000)], [Counted(f"example.com/{n}") for n in range(1000, 3000)]
    Counted.comparisons = 0
    strategic.apply({"finalizers": before}, {f"{directive}finalizers": patch}, metadata)
    assert Counted.comparisons < 20 * len(before)


def test_a_directive_that_is_no_list_is_refused() -> None:
    with pytest.raises(PatchError, match="finalizers is no list"):
        strategic.apply({"finalizers": ["a"]}, {"$deleteFromPrimitiveList/finalizers": 1}, field_of(POD, "metadata"))


@pytest.mark.parametrize("patch", [{"$retainKeys": 3}, {"$setElementOrder/containers": 7}, {"$deleteFromPrimitiveList/containers": "a"}, {"$patch": "burn"}],
                         ids=["retained keys", "an order", "deletions", "a directive"])
def test_directives_that_are_none_are_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        strategic.apply({"containers": [a_container("a")]}, patch, SPEC)
