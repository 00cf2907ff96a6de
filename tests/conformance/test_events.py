"""Events are one store that two groups show: what is written by one is read, watched, selected and changed by the other."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural
from kubeapi.resource import Resource
from tests.conformance.conftest import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api

Document = dict[str, Any]
CORE, NEW = by_plural("", "events"), by_plural("events.k8s.io", "events")
TIME, LATER = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:05.000000Z"
# (core's name, events.k8s.io's name, a value)
FIELDS = [
    ("involvedObject", "regarding", {"kind": "Pod", "namespace": "NAMESPACE", "name": "p", "uid": "u", "apiVersion": "v1", "resourceVersion": "7", "fieldPath": "spec"}),
    ("related", "related", {"kind": "Node", "name": "n"}), ("message", "note", "it happened"), ("reason", "reason", "Happened"), ("action", "action", "Happen"),
    ("type", "type", "Warning"), ("eventTime", "eventTime", TIME), ("reportingComponent", "reportingController", "example.com/c"),
    ("reportingInstance", "reportingInstance", "c-1"), ("series", "series", {"count": 3, "lastObservedTime": LATER})]
OLD_FIELDS = [
    ("source", "deprecatedSource", {"component": "c", "host": "h"}), ("firstTimestamp", "deprecatedFirstTimestamp", "2026-01-01T00:00:00Z"),
    ("lastTimestamp", "deprecatedLastTimestamp", "2026-01-01T00:00:09Z"), ("count", "deprecatedCount", 4), FIELDS[0], FIELDS[2], FIELDS[3], FIELDS[5]]


def an_event(api: Api, name: str, fields: list[tuple[str, str, Any]], *, new: bool, **changes: Any) -> Document:
    found = {(theirs if new else core): value for core, theirs, value in fields}
    about = "regarding" if new else "involvedObject"
    found[about] = {**found[about], "namespace": api.namespace}
    return {"metadata": {"name": name}, **found, **changes}


def at(api: Api, resource: Resource, name: str, **query: str) -> str:
    """An event has the same name in both groups."""
    path, mark, rest = api.path(resource, **query).partition("?")
    return f"{path}/{name}{mark}{rest}"


def shown(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in ("apiVersion", "kind", "metadata")}


@pytest.mark.parametrize(("fields", "by_new"), [(FIELDS, False), (FIELDS, True), (OLD_FIELDS, False)], ids=["new by core", "new by events", "old by core"])
def test_every_field_has_its_name_in_either_group(api: Api, request: pytest.FixtureRequest, fields: list[tuple[str, str, Any]], by_new: bool) -> None:
    name = "both-" + request.node.callspec.id.replace(" ", "-")
    made = api.ask("POST", api.path(NEW if by_new else CORE), an_event(api, name, fields, new=by_new))
    assert made.code == 201, made.raw
    core, new = api.ask("GET", at(api, CORE, name)).document, api.ask("GET", at(api, NEW, name)).document
    assert (core["apiVersion"], new["apiVersion"], core["metadata"]) == ("v1", "events.k8s.io/v1", new["metadata"])
    for document, is_new in ((core, False), (new, True)):
        wanted = shown(an_event(api, name, fields, new=is_new))
        assert {key: document[key] for key in wanted} == wanted
        empty = {key: value for key, value in shown(document).items() if key not in wanted}
        assert all(not value for value in empty.values()), empty
    assert set(shown(core)) - {name for name, _, _ in fields} <= {"source", "firstTimestamp", "lastTimestamp", "eventTime", "reportingComponent", "reportingInstance"}
    assert set(shown(new)) - {name for _, name, _ in fields} <= {"eventTime", "deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"}


@pytest.mark.parametrize(("media", "core_patch", "new_patch"), [
    (MERGE, {"series": {"count": 5, "lastObservedTime": LATER}}, {"series": {"count": 6, "lastObservedTime": LATER}}),
    (STRATEGIC, {"series": {"count": 5, "lastObservedTime": LATER}}, {"series": {"count": 6, "lastObservedTime": LATER}}),
    (JSON_PATCH, [{"op": "replace", "path": "/series/count", "value": 5}, {"op": "test", "path": "/message", "value": "it happened"}],
     [{"op": "replace", "path": "/series/count", "value": 6}, {"op": "test", "path": "/note", "value": "it happened"}])], ids=["merge", "strategic", "JSON"])
def test_patches_name_the_fields_of_the_group_they_come_by(api: Api, request: pytest.FixtureRequest, media: str, core_patch: Any, new_patch: Any) -> None:
    name = "patched-" + request.node.callspec.id.lower()
    api.ask("POST", api.path(CORE), an_event(api, name, FIELDS, new=False))
    by_core = api.ask("PATCH", at(api, CORE, name), core_patch, media)
    by_new = api.ask("PATCH", at(api, NEW, name), new_patch, media)
    assert (by_core.code, by_new.code) == (200, 200), by_core.raw + by_new.raw
    assert (by_core.document["series"]["count"], by_core.document["message"]) == (5, "it happened")
    assert (by_new.document["series"]["count"], by_new.document["note"]) == (6, "it happened")
    assert api.ask("GET", at(api, CORE, name)).document["series"]["count"] == 6


def test_applies_by_either_group_are_one_manager_s(api: Api) -> None:
    api.ask("POST", api.path(CORE), an_event(api, "applied-by-both", FIELDS, new=False))
    query = {"fieldManager": "m"}
    first = api.ask("PATCH", at(api, CORE, "applied-by-both", **query), {"apiVersion": "v1", "kind": "Event", "message": "it happened", "metadata": {"labels": {"a": "1"}}}, APPLY)
    second = api.ask("PATCH", at(api, NEW, "applied-by-both", **query), {"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "it happened", "metadata": {"labels": {"b": "2"}}}, APPLY)
    assert (first.code, second.code) == (200, 200), first.raw + second.raw
    assert (second.metadata["labels"], second.document["note"]) == ({"b": "2"}, "it happened")


def test_managers_own_fields_as_they_are_stored_whichever_way_they_came(api: Api) -> None:
    api.ask("POST", api.path(NEW, fieldManager="teller"), an_event(api, "managed-by-both", FIELDS, new=True))
    (entry,) = api.ask("GET", at(api, NEW, "managed-by-both")).metadata["managedFields"]
    assert (entry["manager"], entry["apiVersion"], "f:message" in entry["fieldsV1"], "f:note" in entry["fieldsV1"]) == ("teller", "v1", True, False)


def test_both_groups_watch_both(api: Api) -> None:
    version = api.ask("GET", api.path(CORE)).metadata["resourceVersion"]
    with api.watching(api.path(CORE, resourceVersion=version, fieldSelector="involvedObject.name=watched-by-both")) as core, \
            api.watching(api.path(NEW, resourceVersion=version, fieldSelector="regarding.name=watched-by-both")) as new:
        about = {"kind": "Pod", "name": "watched-by-both", "namespace": api.namespace}
        api.ask("POST", api.path(CORE), an_event(api, "seen-a", OLD_FIELDS, new=False, involvedObject=about))
        api.ask("POST", api.path(NEW), an_event(api, "seen-b", FIELDS, new=True, regarding=about))
        api.ask("PATCH", at(api, NEW, "seen-b"), {"series": {"count": 9, "lastObservedTime": LATER}}, MERGE)
        api.ask("POST", api.path(CORE), an_event(api, "unseen", OLD_FIELDS, new=False))
        api.ask("DELETE", at(api, CORE, "seen-b"), {})
        api.ask("DELETE", at(api, NEW, "seen-a"), {})
        expected = [("ADDED", "seen-a"), ("ADDED", "seen-b"), ("MODIFIED", "seen-b"), ("DELETED", "seen-b"), ("DELETED", "seen-a")]
        for events, version, field in ((core, "v1", "involvedObject"), (new, "events.k8s.io/v1", "regarding")):
            found = [next(events) for _ in expected]
            assert [(one["type"], one["object"]["metadata"]["name"]) for one in found] == expected
            assert {one["object"]["apiVersion"] for one in found} == {version}
            assert all(one["object"][field]["name"] == "watched-by-both" for one in found)


def test_lists_tables_and_collections_of_both(api: Api) -> None:
    for name, new in (("listed-a", False), ("listed-b", True)):
        body = an_event(api, name, FIELDS, new=new)
        body["metadata"]["labels"] = {"listed": "yes"}
        assert api.ask("POST", api.path(NEW if new else CORE), body).code == 201
    for resource, field in ((CORE, "message"), (NEW, "note")):
        items = api.ask("GET", api.path(resource, labelSelector="listed=yes")).document["items"]
        assert [(one["metadata"]["name"], one[field]) for one in items] == [("listed-a", "it happened"), ("listed-b", "it happened")]
        table = api.ask("GET", api.path(resource, labelSelector="listed=yes"), Accept="application/json;as=Table;v=v1;g=meta.k8s.io").document
        names = [column["name"] for column in table["columnDefinitions"]]
        assert [dict(zip(names, row["cells"], strict=True))["Object"] for row in table["rows"]] == ["pod/p", "pod/p"]
    deleted = api.ask("DELETE", api.path(NEW, labelSelector="listed=yes"), {}).document["items"]
    assert ([one["metadata"]["name"] for one in deleted], api.ask("GET", at(api, CORE, "listed-a")).code) == (["listed-a", "listed-b"], 404)


@pytest.mark.parametrize(("changes", "faults"), [
    ({"eventTime": None}, ["eventTime: Required value"]), ({"type": "Odd"}, ['type: Invalid value: "": has invalid value: Odd']),
    ({"action": ""}, ["action: Required value"]), ({"reportingController": ""}, ["reportingController: Required value"]),
    ({"reportingInstance": "x" * 129}, ['reportingInstance: Invalid value: "": can have at most 128 characters']),
    ({"note": "x" * 1025}, ['message: Invalid value: "": can have at most 1024 characters']),
    ({"series": {"count": 1, "lastObservedTime": LATER}}, ['series.count: Invalid value: "": should be at least 2']),
    ({"deprecatedCount": 1}, ['count: Invalid value: "": needs to be unset']),
    ({"deprecatedSource": {"component": "c"}}, ['source: Invalid value: "": needs to be unset']),
    ({"deprecatedFirstTimestamp": "2026-01-01T00:00:00Z"}, ['firstTimestamp: Invalid value: "": needs to be unset'])], ids=lambda value: next(iter(value)))
def test_what_a_new_event_has_to_say(api: Api, changes: Document, faults: list[str]) -> None:
    refused = api.ask("POST", api.path(NEW), an_event(api, "wrong", FIELDS, new=True, **changes))
    assert refused.code == 422, refused.raw
    for fault in faults:
        assert fault in refused.document["message"]


@pytest.mark.parametrize("changes", [{"note": "other"}, {"reason": "Other"}, {"reportingController": "example.com/d"}, {"action": "Other"}, {"type": "Normal"},
                                     {"regarding": {"name": "q"}}, {"eventTime": LATER}, {"deprecatedCount": 7}], ids=lambda value: next(iter(value)))
def test_of_an_event_only_the_series_goes_on(api: Api, changes: Document) -> None:
    api.ask("POST", api.path(NEW), an_event(api, "fixed", FIELDS, new=True))
    refused = api.ask("PATCH", at(api, NEW, "fixed"), changes, MERGE)
    assert (refused.code, "field is immutable" in refused.document["message"]) == (422, True), refused.raw
    core = {"note": "message", "regarding": "involvedObject", "reportingController": "reportingComponent", "deprecatedCount": "count"}
    by_core = api.ask("PATCH", at(api, CORE, "fixed", dryRun="All"), {core.get(name, name): value for name, value in changes.items()}, MERGE)
    assert by_core.code == 200, by_core.raw         # as ever


@pytest.mark.parametrize(("where", "about", "time", "code"), [
    ("", "", False, 422), ("default", "", False, 201), ("kube-system", "", False, 422), ("kube-system", "", True, 201), ("default", "other", False, 422),
    ("default", "other", True, 201), ("", "", True, 422)], ids=str)
def test_an_event_lies_where_what_it_is_about_does(api: Api, where: str, about: str, time: bool, code: int) -> None:
    body = an_event(api, "where", FIELDS if time else OLD_FIELDS, new=False)
    body["involvedObject"]["namespace"] = about
    made = api.ask("POST", f"/api/v1/namespaces/{where or api.namespace}/events?dryRun=All", body)
    assert made.code == code, made.raw


def test_an_event_may_be_called_after_what_it_is_about(api: Api) -> None:
    body = an_event(api, "system:controller:x.17ab", OLD_FIELDS, new=False)
    assert api.ask("POST", api.path(CORE, dryRun="All"), body).code == 201
    assert api.ask("POST", api.path(NEW, dryRun="All"), an_event(api, "system:controller:x.17ab", FIELDS, new=True)).code == 422
