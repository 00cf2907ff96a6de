"""ObjectMeta: faults of new objects and of changes."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.validation.meta import validate_object_meta, validate_object_meta_update


@pytest.mark.parametrize(("meta", "namespaced", "faults"), [
    ({"name": "a", "namespace": "d"}, True, []),
    ({"generateName": "a-", "name": "a-x", "namespace": "d"}, True, []),
    ({"namespace": "d"}, True, ["metadata.name: Required value: name or generateName is required"]),
    ({"name": "a"}, True, ["metadata.namespace: Required value"]),
    ({"name": "a", "namespace": "d"}, False, ["metadata.namespace: Forbidden: not allowed on this type"]),
    ({"name": "a", "annotations": {"k": "v" * 262144}}, False, ["metadata.annotations: Too long: may not be more than 262144 bytes"]),
], ids=["good", "generated", "no name", "no namespace", "cluster-scoped", "annotations too long"])
def test_new_metadata(meta: dict[str, Any], namespaced: bool, faults: list[str]) -> None:
    assert [str(fault) for fault in validate_object_meta(meta, namespaced)] == faults


def test_all_faults_come_at_once() -> None:
    meta = {"name": "A", "namespace": "B", "labels": {"-": "-"}, "ownerReferences": [{"name": "o"}]}
    assert [fault.field for fault in validate_object_meta(meta, True)] == [
        "metadata.name", "metadata.namespace", "metadata.labels", "metadata.labels",
        "metadata.ownerReferences[0].apiVersion", "metadata.ownerReferences[0].kind", "metadata.ownerReferences[0].uid"]


@pytest.mark.parametrize(("change", "faults"), [
    ({}, []),
    ({"uid": "2"}, ['metadata.uid: Invalid value: "2": field is immutable']),
    ({"resourceVersion": ""}, ['metadata.resourceVersion: Invalid value: "": must be specified for an update']),
    ({"generation": 1}, ["metadata.generation: Invalid value: 1: must not be decremented"]),
], ids=["none", "uid", "resourceVersion", "generation"])
def test_changed_metadata(change: dict[str, Any], faults: list[str]) -> None:
    old = {"name": "a", "uid": "1", "resourceVersion": "5", "generation": 2}
    assert [str(fault) for fault in validate_object_meta_update({**old, **change}, old)] == faults


def test_a_dying_object_gets_no_new_finalizers() -> None:
    old = {"name": "a", "resourceVersion": "5", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x.io/a"]}
    assert "found new finalizers []string{\"x.io/b\"}" in str(validate_object_meta_update({**old, "finalizers": ["x.io/a", "x.io/b"]}, old)[0])
