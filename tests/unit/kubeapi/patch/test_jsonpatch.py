"""JSON Patch: each operation, its refusals, and that the document given stays as it was."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.patch import jsonpatch, mergepatch
from kubeapi.patch.jsonpatch import PatchError


@pytest.mark.parametrize(("operation", "expected"), [
    ({"op": "add", "path": "/a/c", "value": 2}, {"a": {"b": 1, "c": 2}, "l": [1, 2]}),
    ({"op": "add", "path": "/l/-", "value": 3}, {"a": {"b": 1}, "l": [1, 2, 3]}),
    ({"op": "add", "path": "/l/0", "value": 0}, {"a": {"b": 1}, "l": [0, 1, 2]}),
    ({"op": "remove", "path": "/l/1"}, {"a": {"b": 1}, "l": [1]}),
    ({"op": "replace", "path": "/a/b", "value": None}, {"a": {"b": None}, "l": [1, 2]}),
    ({"op": "copy", "from": "/a", "path": "/z~1y"}, {"a": {"b": 1}, "z/y": {"b": 1}, "l": [1, 2]}),
    ({"op": "move", "from": "/a/b", "path": "/b"}, {"a": {}, "b": 1, "l": [1, 2]}),
    ({"op": "test", "path": "/a/b", "value": 1}, {"a": {"b": 1}, "l": [1, 2]}),
    ({"op": "add", "path": "", "value": {}}, {}),
], ids=lambda value: f"{value['op']} {value['path']}" if "op" in value else "")
def test_operations(operation: dict[str, Any], expected: Any) -> None:
    document = {"a": {"b": 1}, "l": [1, 2]}
    assert jsonpatch.apply(document, [operation]) == expected
    assert document == {"a": {"b": 1}, "l": [1, 2]}


@pytest.mark.parametrize(("operation", "sentence"), [
    ({"op": "remove", "path": "/x"}, "remove operation does not apply: doc is missing key: /x: missing value"),
    ({"op": "replace", "path": "/x", "value": 1}, "replace operation does not apply: doc is missing key: /x: missing value"),
    ({"op": "add", "path": "/x/y", "value": 1}, 'add operation does not apply: doc is missing path: "/x/y": missing value'),
    ({"op": "test", "path": "/a", "value": True}, "testing value /a failed"),
    ({"op": "add", "path": "/l/9", "value": 1}, "Unable to access invalid index: 9: invalid index referenced"),
    ({"op": "jump", "path": "/a"}, "Unexpected kind: jump"),
], ids=lambda value: value["op"] if isinstance(value, dict) else "")
def test_refusals(operation: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PatchError) as caught:
        jsonpatch.apply({"a": 1, "l": []}, [operation])
    assert str(caught.value) == sentence


def test_merge_patch_removes_nulls_at_any_depth() -> None:
    assert mergepatch.apply({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None}, "d": None, "e": {"f": None, "g": 1}}) == {"a": {"c": 2}, "e": {"g": 1}}


def test_three_way_merge_patch_leaves_what_others_added() -> None:
    assert mergepatch.diff3({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 2, "theirs": 1}) == {"a": None, "b": 3}


def test_copies_that_double_a_document_are_bounded() -> None:
    """Thirty of them would make a gigabyte of one byte."""
    operations = [{"op": "copy", "from": "/a", "path": f"/a/{number}"} for number in range(60)]
    with pytest.raises(PatchError, match="Unable to complete the copy, the accumulated size increase of copy is"):
        jsonpatch.apply({"a": {"b": "c" * 100}}, operations)


def test_many_small_copies_are_fine() -> None:
    operations = [{"op": "copy", "from": "/a", "path": f"/b/{number}"} for number in range(1000)]
    assert len(jsonpatch.apply({"a": {"b": "c" * 100}, "b": {}}, operations)["b"]) == 1000
