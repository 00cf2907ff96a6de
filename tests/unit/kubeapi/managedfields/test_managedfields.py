"""managedFields: who gets a field by an update and by an apply."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.errors import Conflict
from kubeapi.managedfields import apply, track_update
from kubeapi.schemas import schema_of

POD = schema_of("", "v1", "Pod")
T0, T1 = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def a_pod(image: str = "i", **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "labels": labels},
            "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80, "protocol": "TCP"}]}], "restartPolicy": "Always"}}


def managers(document: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in document["metadata"].get("managedFields", [])}


def update(live: dict[str, Any] | None, new: dict[str, Any], manager: str, now: str = T0) -> dict[str, Any]:
    return track_update(live, new, manager, "Update", "v1", "", now, POD)


def test_a_creator_manages_all_it_wrote() -> None:
    assert managers(update(None, a_pod(app="x"), "kubectl")) == {"kubectl": {
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        "f:spec": {"f:restartPolicy": {}, "f:containers": {'k:{"name":"c"}': {
            ".": {}, "f:name": {}, "f:image": {}, "f:ports": {".": {}, 'k:{"containerPort":80,"protocol":"TCP"}': {
                ".": {}, "f:containerPort": {}, "f:protocol": {}}}}}}}}


def test_a_changed_field_changes_hands() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    after = managers(update(live, a_pod("new", app="x"), "other", T1))
    assert after["other"] == {"f:spec": {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}}
    assert "f:image" not in after["kubectl"]["f:spec"]["f:containers"]['k:{"name":"c"}']


def test_a_removed_field_has_no_manager() -> None:
    live = update(None, a_pod(app="x", b="y"), "kubectl")
    after = managers(update(live, a_pod(app="x"), "other", T1))
    assert after == {"kubectl": {**managers(live)["kubectl"], "f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}


def test_an_update_that_changes_nothing_leaves_the_entries_alone() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    assert update(live, a_pod(app="x"), "other", T1) == live


def test_an_empty_list_resets_the_managers() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    new = a_pod(app="x")
    new["metadata"]["managedFields"] = []
    assert managers(update(live, new, "other", T1)) == {}


def applied(live: dict[str, Any] | None, config: dict[str, Any], manager: str, force: bool = False) -> dict[str, Any]:
    return apply(live, config, manager, force, "v1", "", T1, POD)


def test_apply_merges_with_what_others_manage() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"mine": "1"}}}
    after = applied(live, config, "me")
    assert after["metadata"]["labels"] == {"app": "x", "mine": "1"}
    assert managers(after)["me"] == {"f:metadata": {"f:labels": {"f:mine": {}}}}


def test_apply_refuses_to_change_what_another_manages_unless_forced() -> None:
    live = update(None, a_pod("one"), "kubectl")
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "two"}]}}
    with pytest.raises(Conflict) as caught:
        applied(live, config, "me")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "kubectl" using v1: .spec.containers[name="c"].image'
    after = applied(live, config, "me", force=True)
    assert after["spec"]["containers"][0]["image"] == "two"


def test_apply_removes_what_its_manager_no_longer_applies() -> None:
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "1", "b": "2"}}}
    first = applied(None, config, "me")
    config["metadata"] = {"name": "p", "labels": {"a": "1"}}
    assert applied(first, config, "me")["metadata"]["labels"] == {"a": "1"}


def test_applying_the_same_again_changes_no_value() -> None:
    first = applied(None, a_pod(app="x"), "me")
    assert applied(first, a_pod(app="x"), "me") == first
