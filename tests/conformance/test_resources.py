"""What every resource of the catalog promises, whatever its kind: the verbs, and how they answer."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kubeapi.catalog import RESOURCES
from kubeapi.resource import Resource
from kubeapi.schemas import resolve
from tests.conformance.conftest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api
from tests.conformance.documents import STORED, document, name_of, named


def those(are_meant: Callable[[Resource], object] = lambda one: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("resource", [pytest.param(one, id=named(one)) for one in STORED if are_meant(one)])


def has_conditions(resource: Resource) -> bool:
    if "status" not in resource.subresources:
        return False
    status = resource.version(resource.storage_version).schema().properties["status"]
    return "conditions" in resolve(status).properties


SERVER_OWNED = {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"}
FINALIZER = "example.com/wait"


def qualified(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def test_the_table_of_documents_is_complete() -> None:
    assert {(one.group, one.plural) for one in RESOURCES if {"create", "get"} <= set(one.verbs)} == {(one.group, one.plural) for one in STORED}


@those()
def test_what_was_created_is_read_back(api: Api, resource: Resource) -> None:
    made = api.make(resource, "read", labels={"l": "1"}, annotations={"a": "1"})
    metadata = made.metadata
    assert metadata.keys() >= {"uid", "resourceVersion", "creationTimestamp", "managedFields"}
    assert (metadata["labels"].get("l"), metadata["annotations"].get("a")) == ("1", "1")      # some kinds add their own
    assert api.get(resource, "read").document == made.document
    given = document(resource, "read", api.namespace)
    assert (made.document["apiVersion"], made.document["kind"]) == (given["apiVersion"], given["kind"])


@those()
def test_a_name_is_taken_once(api: Api, resource: Resource) -> None:
    api.make(resource, "twice")
    again = api.ask("POST", api.path(resource), document(resource, "twice", api.namespace))
    name = name_of(resource, "twice")
    assert (again.code, again.document["reason"]) == (409, "AlreadyExists")
    assert again.document["message"] == f'{qualified(resource)} "{name}" already exists'
    assert again.document["details"] == {"name": name, "kind": resource.plural, **({"group": resource.group} if resource.group else {})}


@those(lambda one: one.plural not in ("apiservices", "customresourcedefinitions", "ipaddresses"))
def test_names_are_made_up_from_a_prefix(api: Api, resource: Resource) -> None:
    body = document(resource, "x", api.namespace, generateName="made-")
    del body["metadata"]["name"]
    names = {api.ask("POST", api.path(resource), body).metadata["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("made-") and len(name) == len("made-") + 5 for name in names)


@those()
def test_what_is_not_there_is_not_found(api: Api, resource: Resource) -> None:
    name = name_of(resource, "absent")
    for method in ("GET", "DELETE"):
        missing = api.ask(method, api.path(resource, "absent"))
        assert (missing.code, missing.document["reason"]) == (404, "NotFound")
        assert missing.document["message"] == f'{qualified(resource)} "{name}" not found'
        assert missing.document["details"]["kind"] == resource.plural


@those()
def test_a_stale_update_is_a_conflict_and_an_unversioned_one_wins_where_the_kind_allows_it(api: Api, resource: Resource) -> None:
    made = api.make(resource, "updated").document
    made["metadata"]["labels"] = {"changed": "1"}
    updated = api.ask("PUT", api.path(resource, "updated"), made)
    assert updated.code == 200, updated.raw
    assert int(updated.metadata["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    stale = api.ask("PUT", api.path(resource, "updated"), {**made, "metadata": {**made["metadata"], "labels": {"changed": "2"}}})
    assert (stale.code, stale.document["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version and try again" in stale.document["message"]
    del made["metadata"]["resourceVersion"]
    made["metadata"]["labels"] = {"changed": "3"}
    unversioned = api.ask("PUT", api.path(resource, "updated"), made)
    if resource.strategy().allow_unconditional_update:
        assert unversioned.metadata["labels"]["changed"] == "3"
    else:
        assert unversioned.code == 422, unversioned.raw
        assert unversioned.document["message"].endswith("metadata.resourceVersion: Invalid value: 0: must be specified for an update")
        assert unversioned.document["details"]["kind"] == resource.plural


@those()
def test_a_put_creates_where_the_kind_allows_it(api: Api, resource: Resource) -> None:
    put = api.ask("PUT", api.path(resource, "put"), document(resource, "put", api.namespace))
    assert put.code == (201 if resource.strategy().allow_create_on_update else 404), put.raw


@those()
def test_an_update_that_changes_nothing_is_no_write(api: Api, resource: Resource) -> None:
    made = api.make(resource, "unchanged").document
    again = api.ask("PUT", api.path(resource, "unchanged"), made)
    assert again.metadata["resourceVersion"] == made["metadata"]["resourceVersion"]


@those()
def test_identity_cannot_be_changed(api: Api, resource: Resource) -> None:
    made = api.make(resource, "identity").document
    changed = {**made, "metadata": {**made["metadata"], "uid": "another"}}
    assert api.ask("PUT", api.path(resource, "identity"), changed).code == 409
    changed = {**made, "metadata": {**made["metadata"], "creationTimestamp": "2020-01-01T00:00:00Z", "generation": 99}}
    after = api.ask("PUT", api.path(resource, "identity"), changed)
    for field in ("uid", "creationTimestamp", "generation"):
        assert after.metadata.get(field) == made["metadata"].get(field)
    renamed = api.ask("PUT", api.path(resource, "identity"), {**made, "metadata": {**made["metadata"], "name": "renamed"}})
    assert renamed.code == 400


@those()
@pytest.mark.parametrize(("media", "patch"), [
    pytest.param(MERGE, {"metadata": {"labels": {"p": "1"}, "annotations": {"gone": None}}}, id="merge"),
    pytest.param(STRATEGIC, {"metadata": {"labels": {"p": "1"}, "annotations": {"gone": None}}}, id="strategic"),
    pytest.param(JSON_PATCH, [{"op": "add", "path": "/metadata/labels/p", "value": "1"}, {"op": "remove", "path": "/metadata/annotations/gone"}], id="JSON"),
])
def test_patches_change_what_they_name(api: Api, resource: Resource, media: str, patch: Any) -> None:
    name = f"patched-{len(media)}"
    api.make(resource, name, labels={"kept": "1"}, annotations={"gone": "1", "kept": "1"})
    patched = api.ask("PATCH", api.path(resource, name), patch, media)
    assert patched.code == 200, patched.raw
    labels = patched.metadata["labels"]
    annotations = patched.metadata["annotations"]
    assert (labels["p"], labels["kept"], annotations.get("kept"), "gone" in annotations) == ("1", "1", "1", False)


@those()
def test_an_apply_creates_and_is_idempotent(api: Api, resource: Resource) -> None:
    config = document(resource, "applied", api.namespace, labels={"mine": "1"})
    path = api.path(resource, "applied", fieldManager="me")
    first = api.ask("PATCH", path, config, APPLY)
    assert first.code == 201, first.raw
    again = api.ask("PATCH", path, config, APPLY)
    assert (again.code, again.metadata["resourceVersion"]) == (200, first.metadata["resourceVersion"])
    config["metadata"]["labels"] = {}
    assert "mine" not in api.ask("PATCH", path, config, APPLY).metadata.get("labels", {})


@those()
def test_lists_select_by_label_and_name(api: Api, resource: Resource) -> None:
    names = {name: name_of(resource, name) for name in ("chosen-a", "chosen-b")}
    for name, real in names.items():
        api.make(resource, name, labels={"listed": real})

    def listed(**query: str) -> list[str]:
        found = api.ask("GET", api.path(resource, **query))
        assert found.document["kind"] == f"{resource.kind}List"
        return [one["metadata"]["name"] for one in found.document["items"]]

    assert set(listed()) >= set(names.values())
    both = f"listed in ({','.join(names.values())})"
    assert listed(labelSelector=f"listed={names['chosen-a']}") == [names["chosen-a"]]
    assert sorted(listed(labelSelector=both)) == sorted(names.values())
    assert listed(fieldSelector=f"metadata.name={names['chosen-b']}") == [names["chosen-b"]]
    assert listed(labelSelector=both, fieldSelector=f"metadata.name!={names['chosen-b']}") == [names["chosen-a"]]


@those()
def test_pages_show_one_moment(api: Api, resource: Resource) -> None:
    for number in range(5):
        api.make(resource, f"page-{number}", labels={"paged": "1"})
    whole = [one["metadata"]["name"] for one in api.ask("GET", api.path(resource, labelSelector="paged=1")).document["items"]]
    first = api.ask("GET", api.path(resource, labelSelector="paged=1", limit="2")).document
    seen = [one["metadata"]["name"] for one in first["items"]]
    assert len(seen) == 2
    assert "remainingItemCount" not in first["metadata"], "with a selector nobody can tell without looking"
    everything = api.ask("GET", api.path(resource)).document["items"]
    limited = api.ask("GET", api.path(resource, limit="2")).metadata
    assert limited["remainingItemCount"] == len(everything) - 2
    api.ask("DELETE", api.path(resource, "page-4", gracePeriodSeconds="0"))
    token = first["metadata"]["continue"]
    while token:
        page = api.ask("GET", api.path(resource, labelSelector="paged=1", limit="2", **{"continue": token})).document
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        seen += [one["metadata"]["name"] for one in page["items"]]
        token = page["metadata"].get("continue", "")
    assert seen == whole


@those()
def test_a_watch_goes_on_where_the_list_ended(api: Api, resource: Resource) -> None:
    version = api.ask("GET", api.path(resource)).metadata["resourceVersion"]
    made = api.make(resource, "watched", labels={"w": "0"})
    patched = api.ask("PATCH", api.path(resource, "watched"), {"metadata": {"labels": {"w": "1"}}}, MERGE)
    gone = api.ask("DELETE", api.path(resource, "watched", gracePeriodSeconds="0"))
    assert gone.code == 200, gone.raw
    name = name_of(resource, "watched")
    with api.watching(api.path(resource, resourceVersion=version, fieldSelector=f"metadata.name={name}")) as events:
        added, modified = next(events), next(events)
        deleted = next(events) if resource.plural != "namespaces" else None         # that waits for its controller
    assert (added["type"], added["object"]) == ("ADDED", made.document)
    assert (modified["type"], modified["object"]) == ("MODIFIED", patched.document)
    if deleted is not None:
        assert (deleted["type"], deleted["object"]["metadata"]["uid"]) == ("DELETED", made.metadata["uid"])
        assert int(deleted["object"]["metadata"]["resourceVersion"]) > int(patched.metadata["resourceVersion"])


@those()
def test_a_streaming_list_ends_with_its_bookmark(api: Api, resource: Resource) -> None:
    api.make(resource, "streamed")
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true",
             "fieldSelector": f"metadata.name={name_of(resource, 'streamed')}"}
    with api.watching(api.path(resource, **query)) as events:
        added, bookmark = next(events), next(events)
    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == (added["object"]["kind"], added["object"]["apiVersion"])


@those()
@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_dry_run_leaves_nothing(api: Api, resource: Resource, verb: str) -> None:
    name = f"dry-{verb.lower()}"
    if verb == "POST":
        tried = api.ask(verb, api.path(resource, dryRun="All"), document(resource, name, api.namespace))
        assert (tried.code, api.get(resource, name).code) == (201, 404)
        return
    before = api.make(resource, name).document
    body: Any = {**before, "metadata": {**before["metadata"], "labels": {"dry": "1"}}} if verb == "PUT" else {"metadata": {"labels": {"dry": "1"}}}
    tried = api.ask(verb, api.path(resource, name, dryRun="All"), None if verb == "DELETE" else body, MERGE if verb == "PATCH" else "application/json")
    assert tried.code == 200, tried.raw
    assert api.get(resource, name).document == before


@those(lambda one: one.plural != "namespaces")
def test_deletion_waits_for_finalizers(api: Api, resource: Resource) -> None:
    api.make(resource, "finalized", finalizers=[FINALIZER])
    waiting = api.ask("DELETE", api.path(resource, "finalized", gracePeriodSeconds="0"))
    assert (waiting.code, "deletionTimestamp" in api.get(resource, "finalized").metadata) == (200, True)
    assert waiting.document["kind"] == resource.kind
    done = api.ask("PATCH", api.path(resource, "finalized"), {"metadata": {"finalizers": None}}, MERGE)
    assert (done.code, api.get(resource, "finalized").code) == (200, 404)


@those()
@pytest.mark.parametrize("precondition", [{"uid": "another"}, {"resourceVersion": "1"}], ids=["uid", "resourceVersion"])
def test_deletion_has_preconditions(api: Api, resource: Resource, precondition: dict[str, str]) -> None:
    name = f"condition-{'u' if 'uid' in precondition else 'v'}"
    api.make(resource, name)
    refused = api.ask("DELETE", api.path(resource, name), {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": precondition})
    assert (refused.code, refused.document["reason"]) == (409, "Conflict")
    assert "in the precondition (" in refused.document["message"]
    assert api.get(resource, name).code == 200


@those(lambda one: "deletecollection" in one.verbs)
def test_a_collection_is_deleted_as_selected(api: Api, resource: Resource) -> None:
    for name in ("some-a", "some-b"):
        api.make(resource, name, labels={"some": name})
    deleted = api.ask("DELETE", api.path(resource, labelSelector="some=some-a", gracePeriodSeconds="0"))
    assert [one["metadata"]["name"] for one in deleted.document["items"]] == [name_of(resource, "some-a")]
    assert (api.get(resource, "some-a").code, api.get(resource, "some-b").code) == (404, 200)


@those()
def test_unknown_fields_are_refused_warned_of_or_dropped(api: Api, resource: Resource) -> None:
    body = {**document(resource, "unknown", api.namespace), "bogus": 1}
    strict = api.ask("POST", api.path(resource, fieldValidation="Strict"), body)
    assert (strict.code, strict.document["reason"]) == (400, "BadRequest")
    assert strict.document["message"].endswith('strict decoding error: unknown field "bogus"')
    warned = api.ask("POST", api.path(resource, fieldValidation="Warn"), body)
    assert (warned.code, faults(warned)) == (201, ['299 - "unknown field \\"bogus\\""'])
    assert "bogus" not in warned.document
    ignored = api.ask("PUT", api.path(resource, "unknown", fieldValidation="Ignore"), {**warned.document, "bogus": 1})
    assert (ignored.code, faults(ignored)) == (200, [])


def faults(answer: Any) -> list[str]:
    """The warnings but for those of what is deprecated whatever it holds."""
    return [one for one in answer.headers.get_all("warning", []) if "deprecated" not in one]


@those(has_conditions)
def test_a_status_is_changed_by_its_subresource_only(api: Api, resource: Resource) -> None:
    made = api.make(resource, "status").document
    patch = {"metadata": {"labels": {"from": "status"}}, "status": {"conditions": [{
        "type": "T", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
    main = api.ask("PATCH", api.path(resource, "status"), {"status": patch["status"]}, MERGE)
    assert main.document.get("status") == made.get("status")
    changed = api.ask("PATCH", api.path(resource, "status", "status"), patch, MERGE)
    assert changed.code == 200, changed.raw
    assert changed.document["status"]["conditions"][0]["type"] == "T"
    assert changed.document.get("spec") == made.get("spec")


@those()
def test_tables_have_columns_and_a_row_an_object(api: Api, resource: Resource) -> None:
    api.make(resource, "table", labels={"tabled": named(resource)})
    table = api.ask("GET", api.path(resource, labelSelector=f"tabled={named(resource)}"), Accept="application/json;as=Table;v=v1;g=meta.k8s.io").document
    assert (table["kind"], len(table["rows"])) == ("Table", 1)
    assert table["columnDefinitions"][0]["name"] in ("Name", "Last Seen")
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


@those()
def test_metadata_only_is_metadata_only(api: Api, resource: Resource) -> None:
    made = api.make(resource, "metadata")
    found = api.ask("GET", api.path(resource, "metadata"), Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io").document
    assert found == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made.metadata}


@those()
def test_every_version_shows_the_same_object(api: Api, resource: Resource) -> None:
    made = api.make(resource, "versions")
    for version in resource.versions:
        found = api.ask("GET", api.path(resource, "versions", version=version.name)).document
        assert found["apiVersion"] == resource.gvk(version.name).api_version
        written = api.ask("PUT", api.path(resource, "versions", version=version.name), found)
        assert (written.code, written.metadata["resourceVersion"]) == (200, made.metadata["resourceVersion"]), written.raw


@those()
def test_what_one_server_writes_the_other_reads_and_watches(api: Api, other: Api, resource: Resource) -> None:
    version = other.ask("GET", other.path(resource)).metadata["resourceVersion"]
    made = api.make(resource, "shared").document
    assert other.get(resource, "shared").document == made
    patched = other.ask("PATCH", other.path(resource, "shared"), {"metadata": {"labels": {"from": "other"}}}, MERGE).document
    assert api.get(resource, "shared").document == patched
    selector = f"metadata.name={name_of(resource, 'shared')}"
    for one in (api, other):
        with one.watching(one.path(resource, resourceVersion=version, fieldSelector=selector)) as events:
            assert [next(events)["object"], next(events)["object"]] == [made, patched]


@those()
def test_errors_are_statuses(api: Api, resource: Resource) -> None:
    cases = {
        405: api.ask("PUT", api.path(resource), {}), 406: api.ask("GET", api.path(resource), Accept="text/html"),
        415: api.ask("POST", api.path(resource), b"<a/>", "text/xml"), 400: api.ask("POST", api.path(resource), b"{"),
    }
    for code, found in cases.items():
        assert (found.code, found.document["kind"], found.document["code"]) == (code, "Status", code), found.raw
    wrong = api.ask("POST", api.path(resource), {**document(resource, "kind", api.namespace), "kind": "Other"})
    assert wrong.code == 400
    forbidden = api.ask("GET", api.path(resource, resourceVersionMatch="Exact"))
    assert (forbidden.code, forbidden.document["reason"]) == (422, "Invalid")
    assert json.loads(forbidden.raw)["details"]["causes"][0]["field"] == "resourceVersionMatch"


@those(lambda one: one.plural in ("configmaps", "nodes"))
def test_a_version_that_is_yet_to_come_is_waited_for_in_vain(api: Api, resource: Resource) -> None:
    """One namespaced and one cluster-wide: each costs the 3 s that the server waits."""
    future = api.ask("GET", api.path(resource, resourceVersion="999999999"))
    assert (future.code, future.document["reason"]) == (504, "Timeout")
    assert future.document["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_a_binding_tried_out_binds_nothing(api: Api) -> None:
    path = f"/api/v1/namespaces/{api.namespace}/pods"
    api.ask("POST", path, {"metadata": {"name": "tried"}, "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}})
    tried = api.ask("POST", f"{path}/tried/binding?dryRun=All", {"target": {"kind": "Node", "name": "n"}})
    assert (tried.code, "nodeName" in api.ask("GET", f"{path}/tried").document["spec"]) == (201, False)


@pytest.mark.parametrize("way", ["deleted", "its last finalizer removed", "made a name"])
def test_an_address_is_free_again(api: Api, way: str) -> None:
    path = f"/api/v1/namespaces/{api.namespace}/services"
    finalizers = [FINALIZER] if "finalizer" in way else []
    made = api.ask("POST", path, {"metadata": {"name": "had", "finalizers": finalizers}, "spec": {"ports": [{"port": 80}]}})
    address = f"/apis/networking.k8s.io/v1/ipaddresses/{made.document['spec']['clusterIP']}"
    assert api.ask("GET", address).code == 200
    if way == "made a name":
        changed = api.ask("PATCH", f"{path}/had", {"spec": {"type": "ExternalName", "externalName": "example.com"}}, MERGE)
        assert changed.code == 200, changed.raw
    else:
        api.ask("DELETE", f"{path}/had")
    if finalizers:
        assert api.ask("GET", address).code == 200
        api.ask("PATCH", f"{path}/had", {"metadata": {"finalizers": None}}, MERGE)
    assert api.ask("GET", address).code == 404
    api.ask("DELETE", f"{path}/had")
