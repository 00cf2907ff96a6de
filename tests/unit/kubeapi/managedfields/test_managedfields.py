"""managedFields: who gets a field by an update and by an apply."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.errors import Conflict
from kubeapi.managedfields import Manager, apply, track_update
from kubeapi.schemas import schema_of

POD = schema_of("", "v1", "Pod")
T0, T1 = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def a_pod(image: str = "i", **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "labels": labels},
            "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80, "protocol": "TCP"}]}], "restartPolicy": "Always"}}


def managers(document: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in document["metadata"].get("managedFields", [])}


def update(live: dict[str, Any] | None, new: dict[str, Any], manager: str, now: str = T0) -> dict[str, Any]:
    return track_update(live, new, Manager(manager, "Update", "v1"), now, POD)


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
    return apply(live, config, Manager(manager, "Apply", "v1"), force, T1, POD)


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


def configured(*containers: dict[str, Any], **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "p", "namespace": "d"}
    if labels:
        metadata["labels"] = labels
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    return {**found, "spec": {"containers": list(containers)}} if containers else found


def names(document: dict[str, Any]) -> list[str]:
    return [one["name"] for one in document["spec"]["containers"]]


@pytest.mark.parametrize(("live", "config", "merged"), [
    pytest.param("ab", "cb", "acb", id="a new item before a shared one"),
    pytest.param("ab", "abc", "abc", id="a new item at the end"),
    pytest.param("axb", "ba", "xba", id="shared items in the order of the configuration"),
    pytest.param("ab", "c", "abc", id="nothing shared"),
    pytest.param("abc", "c", "abc", id="what comes before a shared one stays before it"),
])
def test_items_of_both_are_ordered_by_the_configuration(live: str, config: str, merged: str) -> None:
    stored = update(None, configured(*({"name": name} for name in live)), "creator")
    after = applied(stored, configured(*({"name": name} for name in config)), "me")
    assert "".join(names(after)) == merged


def test_an_item_goes_with_its_last_applier_and_stays_with_another() -> None:
    live = applied(None, configured({"name": "a", "image": "1"}, {"name": "b", "image": "1"}), "me")
    live = applied(live, configured({"name": "b", "image": "1"}), "other")
    after = applied(live, configured({"name": "c", "image": "1"}), "me")
    assert sorted(names(after)) == ["b", "c"]


def test_two_appliers_of_one_value_share_it() -> None:
    live = applied(None, configured(app="x"), "me")
    live = applied(live, configured(app="x"), "other")
    assert list(managers(live)) == ["me", "other"]
    with pytest.raises(Conflict, match='conflict with "other": .metadata.labels.app'):
        applied(live, configured(app="y"), "me")


def test_a_forced_apply_takes_the_field_from_its_manager() -> None:
    live = applied(applied(None, configured(app="x"), "me"), configured(app="y"), "other", force=True)
    assert list(managers(live)) == ["other"]


def test_what_nobody_tracked_belonged_to_somebody_before_the_first_apply() -> None:
    live = a_pod(app="x")
    assert "managedFields" not in update(live, a_pod("new", app="x"), "someone")["metadata"]
    with pytest.raises(Conflict, match='conflict with "before-first-apply" using v1'):
        applied(live, configured({"name": "c", "image": "new"}), "me")


def test_kubectl_takes_over_what_it_applied_on_the_client_side() -> None:
    annotation = '{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"app":"x"},"name":"p"}}'
    live = a_pod(app="x", other="1")
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": annotation}
    live = update(None, live, "kubectl-client-side-apply")
    assert applied(live, configured(app="y"), "kubectl")["metadata"]["labels"] == {"app": "y", "other": "1"}
    with pytest.raises(Conflict):
        applied(live, configured(other="2"), "kubectl")


@pytest.mark.parametrize("given", [[], [{}]], ids=["no entries", "one empty entry"])
def test_a_reset_object_has_no_managers_until_the_next_apply(given: list[Any]) -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    new = a_pod(app="y")
    new["metadata"]["managedFields"] = given
    after = update(live, new, "other", T1)
    assert managers(after) == {}
    assert list(managers(applied(after, configured(mine="1"), "me"))) == ["me", "before-first-apply"]


def test_a_client_may_state_the_entries_itself() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    new = a_pod(app="x")
    new["metadata"]["managedFields"] = [{**live["metadata"]["managedFields"][0], "manager": "renamed"}]
    assert list(managers(update(live, new, "other", T1))) == ["renamed"]


def test_the_oldest_updaters_become_one_entry() -> None:
    live = update(None, a_pod(app="x"), "m00")
    for number in range(1, 14):
        live = update(live, a_pod(**{"app": "x", **{f"l{n}": "1" for n in range(number + 1)}}), f"m{number:02}", f"2026-01-01T00:01:{number:02}Z")
    found = managers(live)
    assert len(found) == 10
    assert next(iter(found)) == "ancient-changes"
    assert found["ancient-changes"]["f:metadata"]["f:labels"].keys() >= {"f:app", "f:l1"}


def test_a_port_without_protocol_is_the_one_with_the_default() -> None:
    live = update(None, a_pod(), "kubectl")
    after = applied(live, configured({"name": "c", "ports": [{"containerPort": 80, "name": "http"}]}), "me")
    assert after["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "http"}]


def test_nothing_given_is_changed() -> None:
    live = update(None, a_pod(app="x"), "kubectl")
    config = configured({"name": "c", "image": "new"}, app="y")
    before = copy.deepcopy((live, config))
    applied(live, config, "me", force=True)
    assert (live, config) == before
