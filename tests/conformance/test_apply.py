"""Server-side apply on the wire, as a table: who applies and updates what, what is refused, and what everybody owns in the end.

The cases are those of upstream's structured-merge-diff (leaves, sets, nested lists, several appliers, conflicts, forced or not) on real kinds.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kubeapi.catalog import by_plural
from kubeapi.resource import Resource
from tests.conformance.conftest import APPLY, MERGE, Answer, Api

Document = dict[str, Any]
MAPS, SERVICES, DEPLOYMENTS, PODS = (by_plural(*one) for one in (("", "configmaps"), ("", "services"), ("apps", "deployments"), ("", "pods")))
CONTAINER = 'containers[name="{}"]'


@dataclass(frozen=True)
class Step:
    """`refused`: fields that others own, with the words that name them."""

    how: str                                # apply, force, update (a merge patch)
    manager: str
    body: Document
    refused: tuple[tuple[str, str], ...] = ()
    subresource: str = ""


def apply(manager: str, body: Document, *refused: tuple[str, str], sub: str = "") -> Step:
    return Step("apply", manager, body, refused, sub)


def force(manager: str, body: Document, sub: str = "") -> Step:
    return Step("force", manager, body, (), sub)


def update(manager: str, body: Document, sub: str = "") -> Step:
    return Step("update", manager, body, (), sub)


def taken(api: Api, resource: Resource, name: str, step: Step) -> Answer:
    query = {"fieldManager": step.manager, **({"force": "true"} if step.how == "force" else {})}
    path = api.path(resource, name, step.subresource, **query)
    if step.how == "update":
        return api.ask("PATCH", path, step.body, MERGE)
    return api.ask("PATCH", path, {"apiVersion": resource.gvk(resource.storage_version).api_version, "kind": resource.kind, **step.body}, APPLY)


def owned(fields: Document, at: str = "") -> Iterator[str]:
    """Paths of a fieldsV1: `.data.a`, `.spec.ports[port=80,protocol="TCP"].name`, `.metadata.finalizers["test/a"]`."""
    for key, below in fields.items():
        if key == ".":
            yield at
            continue
        kind, _, name = key.partition(":")
        here = at + (f".{name}" if kind == "f" else f"[{name}]")
        if below:
            yield from owned(below, here)
        else:
            yield here


def owners(document: Document) -> dict[str, set[str]]:
    """`manager` of applies, `manager (update)` of others, `manager/status` of a subresource's."""
    return {one["manager"] + (f"/{one['subresource']}" if "subresource" in one else "") + ("" if one["operation"] == "Apply" else " (update)"):
            set(owned(one["fieldsV1"])) for one in document["metadata"].get("managedFields", ())}


def data(**values: str) -> Document:
    return {"data": values}


def finalizers(*names: str) -> Document:
    return {"metadata": {"finalizers": [f"test/{name}" for name in names]}}


def service(*ports: Document, **selector: str) -> Document:
    return {"spec": {"ports": list(ports), **({"selector": selector} if selector else {})}}


def port(number: int, **more: Any) -> Document:
    return {"port": number, **more}


def at_port(number: int, *names: str, protocol: str = "TCP") -> set[str]:
    here = f'.spec.ports[{{"port":{number},"protocol":"{protocol}"}}]'
    return {here, *(f"{here}.{name}" for name in names)}


A, B = '.data.a', '.data.b'
BY_ME, BY_OTHER, UPDATED = 'conflict with "me"', 'conflict with "other"', 'conflict with "other" using v1'
CASES = [
    # --- leaves
    pytest.param(MAPS, [apply("me", data(a="1")), apply("me", data(a="2", b="3"))], data(a="2", b="3"), {"me": {A, B}}, id="again, with more"),
    pytest.param(MAPS, [apply("me", data(a="1", b="2")), apply("me", data(a="1"))], data(a="1"), {"me": {A}}, id="again, with less"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(b="2"))], data(a="1", b="2"), {"me": {A}, "other": {B}}, id="two, of different fields"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(a="1"))], data(a="1"), {"me": {A}, "other": {A}}, id="two, of one value"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(a="1")), apply("me", {"data": {"b": "2"}})], data(a="1", b="2"),
                 {"me": {B}, "other": {A}}, id="one lets go of what is shared"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(a="1")), apply("me", data(a="2"), (A, BY_OTHER))], data(a="1"),
                 {"me": {A}, "other": {A}}, id="one would change what is shared"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(a="1")), force("me", data(a="2"))], data(a="2"), {"me": {A}}, id="one takes what was shared"),
    pytest.param(MAPS, [apply("me", data(a="1")), apply("other", data(a="2"), (A, BY_ME))], data(a="1"), {"me": {A}}, id="a conflict changes nothing"),
    pytest.param(MAPS, [apply("me", data(a="1", b="2")), force("other", data(a="3"))], data(a="3", b="2"), {"me": {B}, "other": {A}}, id="forced"),
    pytest.param(MAPS, [apply("me", data(a="1")), force("other", data(a="2")), apply("me", data(a="1"), (A, BY_OTHER))], data(a="2"), {"other": {A}},
                 id="who lost a field does not get it back"),
    pytest.param(MAPS, [apply("me", data(a="1")), force("other", data(a="2")), apply("me", data(b="1"))], data(a="2", b="1"), {"me": {B}, "other": {A}},
                 id="who lost a field lets go of nothing"),
    pytest.param(MAPS, [apply("me", data(a="1", b="2")), apply("other", data(a="3", b="4"), (A, BY_ME), (B, BY_ME))], data(a="1", b="2"), {"me": {A, B}},
                 id="every field is a conflict"),
    # --- with updates
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(b="2")), apply("me", data(a="3"))], data(a="3", b="2"),
                 {"me": {A}, "other (update)": {B}}, id="an update of another field"),
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(a="2"))], data(a="2"), {"other (update)": {A}}, id="an update takes the field"),
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(a="2")), apply("me", data(a="1"), (A, UPDATED))], data(a="2"),
                 {"other (update)": {A}}, id="an apply does not take it back"),
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(a="2")), force("me", data(a="1"))], data(a="1"), {"me": {A}}, id="unless forced"),
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(a="2")), apply("me", data(a="2"))], data(a="2"),
                 {"me": {A}, "other (update)": {A}}, id="or if it agrees"),
    pytest.param(MAPS, [apply("me", data(a="1")), update("other", data(a="1", b="2"))], data(a="1", b="2"), {"me": {A}, "other (update)": {B}},
                 id="an update owns what it changes only"),
    pytest.param(MAPS, [apply("me", data(a="1", b="2")), update("other", {"data": {"a": None}})], data(b="2"), {"me": {B}}, id="an update removes"),
    pytest.param(MAPS, [update("me", data(a="1")), apply("me", data(a="2"), (A, 'conflict with "me" using v1'))], data(a="1"),
                 {"me (update)": {".data", A}}, id="who updates and who applies are two, even of one name"),
    pytest.param(MAPS, [update("other", data(a="1", b="2")), apply("me", data(a="1")), apply("me", {})], data(a="1", b="2"),
                 {"other (update)": {".data", A, B}}, id="what an updater has too stays"),
    # --- sets
    pytest.param(MAPS, [apply("me", finalizers("a")), apply("other", finalizers("b"))], finalizers("a", "b"),
                 {"me": {'.metadata.finalizers["test/a"]'}, "other": {'.metadata.finalizers["test/b"]'}}, id="members of a set"),
    pytest.param(MAPS, [apply("me", finalizers("a", "b")), apply("other", finalizers("b", "c")), apply("me", {})], finalizers("b", "c"),
                 {"other": {'.metadata.finalizers["test/b"]', '.metadata.finalizers["test/c"]'}}, id="a shared member stays"),
    pytest.param(MAPS, [apply("me", finalizers("a")), update("other", finalizers("b"))], finalizers("b"),
                 {"other (update)": {'.metadata.finalizers["test/b"]'}}, id="an update replaces a set"),
    # --- maps' lists, keyed
    pytest.param(SERVICES, [apply("me", service(port(80, name="web"))), apply("other", service(port(443, name="tls")))],
                 {"ports": [(80, "web"), (443, "tls")]}, {"me": at_port(80, "name", "port"), "other": at_port(443, "name", "port")}, id="items of a keyed list"),
    pytest.param(SERVICES, [apply("me", service(port(80, name="web"))), apply("other", service(port(80, name="other")),
                                                                             ('.spec.ports[port=80,protocol="TCP"].name', BY_ME))],
                 {"ports": [(80, "web")]}, {"me": at_port(80, "name", "port")}, id="one item, known by its keys and their defaults"),
    pytest.param(SERVICES, [apply("me", service(port(80, name="web"))), apply("other", service(port(80, name="dns", protocol="UDP")))],
                 {"ports": [(80, "web"), (80, "dns")]}, {"me": at_port(80, "name", "port"), "other": at_port(80, "name", "port", "protocol", protocol="UDP")}, id="another protocol is another item"),
    pytest.param(SERVICES, [apply("me", service(port(80, name="web"), port(443, name="tls"))), apply("me", service(port(443, name="tls")))],
                 {"ports": [(443, "tls")]}, {"me": at_port(443, "name", "port")}, id="an item goes"),
    pytest.param(SERVICES, [apply("me", service(port(80, name="web", appProtocol="http"), port(443, name="tls"))), apply("other", service(port(80, name="web"))),
                            apply("me", service(port(443, name="tls")))],
                 {"ports": [(80, "web"), (443, "tls")], "told": [None, None]}, {"me": at_port(443, "name", "port"), "other": at_port(80, "name", "port")}, id="an item that another has stays, without what was one's own"),
    # --- atomic
    pytest.param(SERVICES, [apply("me", service(port(80), app="a")), apply("other", {"spec": {"selector": {"tier": "b"}}}, (".spec.selector", BY_ME))],
                 {"selector": {"app": "a"}}, None, id="an atomic map is one field"),
    pytest.param(SERVICES, [apply("me", service(port(80), app="a")), force("other", {"spec": {"selector": {"tier": "b"}}})],
                 {"selector": {"tier": "b"}}, {"me": at_port(80, "port"), "other": {".spec.selector"}}, id="an atomic map is taken whole"),
    pytest.param(SERVICES, [apply("me", service(port(80), app="a")), update("other", {"spec": {"selector": {"tier": "b"}}})],
                 {"selector": {"app": "a", "tier": "b"}}, {"me": at_port(80, "port"), "other (update)": {".spec.selector"}}, id="and so by an update of a part"),
]


@pytest.mark.parametrize(("resource", "steps", "expected", "owning"), CASES)
def test_who_owns_what(api: Api, request: pytest.FixtureRequest, resource: Resource, steps: list[Step], expected: Document | None,
                       owning: dict[str, set[str]] | None) -> None:
    name = "ssa-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.callspec.id).strip("-")[:50].strip("-")
    if steps[0].how == "update":
        assert api.ask("POST", api.path(resource, fieldManager=steps[0].manager), {"metadata": {"name": name}, **steps[0].body}).code == 201
        steps = steps[1:]
    for step in steps:
        before = api.get(resource, name)
        answer = taken(api, resource, name, step)
        if not step.refused:
            assert answer.code in (200, 201), answer.raw
            continue
        assert (answer.code, answer.document["reason"]) == (409, "Conflict"), answer.raw
        causes = [(one["field"], one["message"]) for one in answer.document["details"]["causes"]]
        assert causes == list(step.refused)
        assert {one["reason"] for one in answer.document["details"]["causes"]} == {"FieldManagerConflict"}
        assert api.get(resource, name).document == before.document
    left = api.get(resource, name).document
    if expected is not None:
        assert shown(resource, left, expected) == expected
    if owning is not None:
        assert {manager: fields for manager, fields in owners(left).items() if fields} == owning
    api.ask("PATCH", api.path(resource, name), {"metadata": {"finalizers": None}}, MERGE)


def shown(resource: Resource, document: Document, like: Document) -> Document:
    if resource is SERVICES:
        ports = document["spec"]["ports"]
        found = {"ports": [(one["port"], one.get("name", "")) for one in ports], "told": [one.get("appProtocol") for one in ports],
                 "selector": document["spec"].get("selector")}
        return {name: found[name] for name in like}
    return {"metadata": {"finalizers": document["metadata"]["finalizers"]}} if "metadata" in like else {"data": document.get("data", {})}


def test_an_item_keeps_what_another_wrote_of_it(api: Api) -> None:
    spec = {"containers": [{"name": "c", "image": "one"}]}
    assert taken(api, PODS, "ssa-item", apply("me", {"spec": spec})).code == 201
    more = taken(api, PODS, "ssa-item", apply("other", {"spec": {"containers": [{"name": "c", "image": "one"}], "schedulerName": "default-scheduler"}}))
    assert more.code == 200, more.raw
    refused = taken(api, PODS, "ssa-item", apply("third", {"spec": {"containers": [{"name": "c", "image": "two"}]}}))
    causes = [(one["field"], one["message"]) for one in refused.document["details"]["causes"]]
    assert causes == [('.spec.containers[name="c"].image', BY_ME), ('.spec.containers[name="c"].image', BY_OTHER)]
    assert refused.document["message"].startswith("Apply failed with 2 conflicts: conflicts with ")


def test_parts_of_an_object_have_owners_of_their_own(api: Api) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body: Document = {"spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}, "status": {"replicas": 7}}
    assert taken(api, DEPLOYMENTS, "ssa-parts", apply("me", body)).code == 201
    done = taken(api, DEPLOYMENTS, "ssa-parts", apply("me", {"spec": {"replicas": 9}, "status": {"observedGeneration": 1, "replicas": 3}}, sub="status"))
    assert (done.code, done.document["spec"]["replicas"], done.document["status"]["replicas"]) == (200, 1, 3), done.raw
    assert owners(done.document)["me/status"] == {".status.observedGeneration", ".status.replicas"}
    assert not any(field.startswith(".status") for field in owners(done.document)["me"])
    refused = taken(api, DEPLOYMENTS, "ssa-parts", apply("other", {"status": {"replicas": 4}}, sub="status"))
    (cause,) = refused.document["details"]["causes"]
    assert (cause["field"], cause["message"]) == (".status.replicas", 'conflict with "me" with subresource "status"')
    updated = taken(api, DEPLOYMENTS, "ssa-parts", update("other", {"status": {"replicas": 5}, "spec": {"replicas": 8}}, sub="status"))
    assert owners(updated.document)["other/status (update)"] == {".status.replicas"}
    assert (updated.document["spec"]["replicas"], owners(updated.document)["me/status"]) == (1, {".status.observedGeneration"})
    scaled = api.ask("PATCH", api.path(DEPLOYMENTS, "ssa-parts", "scale", fieldManager="scaler"), {"spec": {"replicas": 4}}, MERGE)
    assert scaled.code == 200
    left = owners(api.get(DEPLOYMENTS, "ssa-parts").document)
    assert left["scaler/scale (update)"] == {".spec.replicas"} and ".spec.replicas" not in left["me"]
    back = taken(api, DEPLOYMENTS, "ssa-parts", apply("me", body))
    (cause,) = back.document["details"]["causes"]
    assert (cause["field"], cause["message"]) == (".spec.replicas", 'conflict with "scaler" with subresource "scale" using apps/v1')
    without = {**body, "spec": {name: value for name, value in body["spec"].items() if name != "replicas"}}
    kept = taken(api, DEPLOYMENTS, "ssa-parts", apply("me", without))
    assert (kept.code, kept.document["spec"]["replicas"]) == (200, 4)


def test_an_apply_below_what_is_not_there_is_not_found(api: Api) -> None:
    missing = taken(api, DEPLOYMENTS, "ssa-missing", apply("me", {"status": {"replicas": 1}}, sub="status"))
    assert (missing.code, missing.document["reason"]) == (404, "NotFound")


def test_the_same_again_is_no_write(api: Api) -> None:
    first = taken(api, MAPS, "ssa-again", apply("me", data(a="1")))
    again, forced = (taken(api, MAPS, "ssa-again", one) for one in (apply("me", data(a="1")), force("me", data(a="1"))))
    assert (first.code, again.code) == (201, 200)
    assert first.document == again.document == forced.document


def test_a_dry_run_tells_and_keeps_nothing(api: Api) -> None:
    taken(api, MAPS, "ssa-dry", apply("me", data(a="1")))
    before = api.get(MAPS, "ssa-dry").document
    body = {"apiVersion": "v1", "kind": "ConfigMap", **data(a="2")}
    told = api.ask("PATCH", api.path(MAPS, "ssa-dry", fieldManager="other", force="true", dryRun="All"), body, APPLY)
    assert (told.document["data"], owners(told.document)) == ({"a": "2"}, {"other": {A}})
    assert api.get(MAPS, "ssa-dry").document == before


@pytest.mark.parametrize(("metadata", "code", "told"), [
    ({"resourceVersion": "1"}, 409, "the object has been modified"), ({"uid": "other"}, 409, "UID"), ({"managedFields": [{"manager": "x"}]}, 400, "metadata.managedFields must be nil"),
    ({"name": "another"}, 400, "does not match the name on the URL")], ids=["resourceVersion", "uid", "managedFields", "name"])
def test_an_apply_of_another_object_is_refused(api: Api, metadata: Document, code: int, told: str) -> None:
    taken(api, MAPS, "ssa-other", force("me", data(a="1")))
    refused = taken(api, MAPS, "ssa-other", apply("me", {"metadata": metadata, **data(a="2")}))
    assert (refused.code, told in refused.document["message"]) == (code, True), refused.raw
