"""How long what is deleted stays, and what it says meanwhile: graceful deletion, finalizers, namespaces that are going."""
from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from kubeapi.catalog import by_plural
from kubeapi.times import parse_time
from tests.conformance.conftest import MERGE, Answer, Api

Document = dict[str, Any]
PODS, CONFIG_MAPS, JOBS = by_plural("", "pods"), by_plural("", "configmaps"), by_plural("batch", "jobs")
CONTAINERS = [{"name": "c", "image": "i"}]
GRACE = 30


def a_pod(api: Api, name: str, *, node: str = "n", phase: str = "", finalizers: tuple[str, ...] = (), grace: int | None = None) -> Document:
    spec: Document = {"containers": CONTAINERS, **({"nodeName": node} if node else {}), **({} if grace is None else {"terminationGracePeriodSeconds": grace})}
    made = api.ask("POST", api.path(PODS), {"metadata": {"name": name, "finalizers": [*finalizers]}, "spec": spec})
    assert made.code == 201, made.raw
    if phase:
        assert api.ask("PATCH", api.path(PODS, name, "status"), {"status": {"phase": phase}}, MERGE).code == 200
    return made.document


def grace_of(answer: Answer) -> tuple[bool, int | None]:
    """Whether it waits, and how long; what it says of when it will be gone is as long."""
    metadata = answer.metadata
    return "deletionTimestamp" in metadata, metadata.get("deletionGracePeriodSeconds")


def ends(answer: Answer) -> datetime:
    return parse_time(answer.metadata["deletionTimestamp"])


@pytest.mark.parametrize(("pod", "options", "waits"), [
    pytest.param({}, {}, GRACE, id="the pod's own grace"), pytest.param({"grace": 7}, {}, 7, id="another of its own"),
    pytest.param({"grace": 7}, {"gracePeriodSeconds": 60}, 60, id="longer"), pytest.param({}, {"gracePeriodSeconds": 5}, 5, id="shorter"),
    pytest.param({}, {"gracePeriodSeconds": 0}, None, id="forced"), pytest.param({}, {"gracePeriodSeconds": -1}, 1, id="negative"),
    pytest.param({"grace": 0}, {}, None, id="none of its own"), pytest.param({"node": ""}, {}, None, id="unscheduled"),
    pytest.param({"node": ""}, {"gracePeriodSeconds": 60}, None, id="unscheduled, with grace"),
    pytest.param({"phase": "Succeeded"}, {}, None, id="succeeded"), pytest.param({"phase": "Failed"}, {"gracePeriodSeconds": 9}, None, id="failed"),
    pytest.param({"phase": "Running"}, {}, GRACE, id="running"),
    pytest.param({"finalizers": ("test/x",)}, {"gracePeriodSeconds": 0}, 0, id="forced, but held"),
    pytest.param({"finalizers": ("test/x",), "node": ""}, {}, 0, id="unscheduled, but held"),
    pytest.param({"finalizers": ("test/x",)}, {}, GRACE, id="held and graceful"),
    pytest.param({}, {"propagationPolicy": "Foreground", "gracePeriodSeconds": 0}, 0, id="forced, in the foreground"),
])
def test_a_pod_has_its_grace(api: Api, request: pytest.FixtureRequest, pod: Document, options: Document, waits: int | None) -> None:
    name = "grace-" + request.node.callspec.id.replace(" ", "-").replace(",", "").replace("'", "")
    made = a_pod(api, name, **pod)
    deleted = api.ask("DELETE", api.path(PODS, name), options)
    assert (deleted.code, deleted.document["kind"]) == (202 if "propagationPolicy" in options else 200, "Pod"), deleted.raw
    left = api.get(PODS, name)
    assert left.code == (404 if waits is None else 200)
    if waits is None:
        return
    assert left.document == deleted.document
    assert grace_of(left) == (True, waits)
    assert left.metadata["generation"] == made["metadata"]["generation"] + 1
    for finalizer in left.metadata.get("finalizers", ()):
        api.ask("PATCH", api.path(PODS, name), {"metadata": {"finalizers": None}}, MERGE)
        assert (api.get(PODS, name).code == 404) is (waits == 0), finalizer


@pytest.mark.parametrize(("second", "grace"), [
    ({}, GRACE), ({"gracePeriodSeconds": 60}, GRACE), ({"gracePeriodSeconds": GRACE}, GRACE), ({"gracePeriodSeconds": 10}, 10),
    ({"gracePeriodSeconds": -5}, 1), ({"gracePeriodSeconds": 0}, None), ({"propagationPolicy": "Foreground"}, GRACE)],
    ids=["as it is", "longer", "the same", "shorter", "negative", "forced", "another policy"])
def test_a_deletion_may_be_hurried_never_delayed(api: Api, request: pytest.FixtureRequest, second: Document, grace: int | None) -> None:
    name = "twice-" + request.node.callspec.id.replace(" ", "-")
    a_pod(api, name)
    first = api.ask("DELETE", api.path(PODS, name), {})
    again = api.ask("DELETE", api.path(PODS, name), second)
    left = api.get(PODS, name)
    assert left.code == (404 if grace is None else 200)
    if grace is None:
        return
    assert grace_of(left) == (True, grace)
    assert (ends(first) - ends(left)).total_seconds() == GRACE - grace
    assert (left.metadata["generation"], left.metadata.get("finalizers")) == (first.metadata["generation"], None)
    assert (left.document == first.document) is (grace == GRACE)
    assert again.document == left.document


def test_a_pod_that_ends_while_it_waits_still_waits(api: Api) -> None:
    """For the kubelet, which deletes it without grace when it is done."""
    a_pod(api, "ended")
    api.ask("DELETE", api.path(PODS, "ended"), {})
    api.ask("PATCH", api.path(PODS, "ended", "status"), {"status": {"phase": "Succeeded"}}, MERGE)
    api.ask("DELETE", api.path(PODS, "ended"), {})
    assert grace_of(api.get(PODS, "ended")) == (True, GRACE)
    api.ask("DELETE", api.path(PODS, "ended"), {"gracePeriodSeconds": 0})
    assert api.get(PODS, "ended").code == 404


def test_pods_of_a_collection_have_their_grace_each(api: Api) -> None:
    for name, options in (("many-a", {"grace": 5}), ("many-b", {"grace": 9}), ("many-c", {"node": ""})):
        a_pod(api, name, **options)
        api.ask("PATCH", api.path(PODS, name), {"metadata": {"labels": {"many": "yes"}}}, MERGE)
    deleted = api.ask("DELETE", api.path(PODS, labelSelector="many=yes"), {})
    assert {one["metadata"]["name"]: one["metadata"].get("deletionGracePeriodSeconds") for one in deleted.document["items"]} == {
        "many-a": 5, "many-b": 9, "many-c": None}
    assert [api.get(PODS, name).code for name in ("many-a", "many-b", "many-c")] == [200, 200, 404]


@pytest.mark.parametrize("grace", [None, 0, 60])
def test_other_kinds_have_no_grace_and_no_generation_for_it(api: Api, grace: int | None) -> None:
    options = {} if grace is None else {"gracePeriodSeconds": grace}
    made = api.make(CONFIG_MAPS, f"held-{str(grace).lower()}", finalizers=["test/x"])
    assert "generation" not in made.metadata
    deleted = api.ask("DELETE", api.path(CONFIG_MAPS, f"held-{str(grace).lower()}"), options)
    assert (deleted.code, grace_of(deleted), deleted.metadata.get("generation")) == (200, (True, 0), None)
    again = api.ask("DELETE", api.path(CONFIG_MAPS, f"held-{str(grace).lower()}"), options)
    assert again.document == deleted.document
    gone = api.ask("PATCH", api.path(CONFIG_MAPS, f"held-{str(grace).lower()}"), {"metadata": {"finalizers": []}}, MERGE)
    assert (gone.code, api.get(CONFIG_MAPS, f"held-{str(grace).lower()}").code) == (200, 404)
    added = api.make(CONFIG_MAPS, f"held-{str(grace).lower()}", finalizers=["test/x"])
    api.ask("DELETE", api.path(CONFIG_MAPS, f"held-{str(grace).lower()}"), options)
    more = api.ask("PATCH", api.path(CONFIG_MAPS, f"held-{str(grace).lower()}"), {"metadata": {"finalizers": ["test/x", "test/y"]}}, MERGE)
    assert (added.code, more.code, more.document["reason"]) == (201, 422, "Invalid")       # what is going is held by nothing new


@pytest.mark.parametrize(("options", "code"), [
    ({"propagationPolicy": "Foreground"}, 202), ({"orphanDependents": False}, 202), ({"propagationPolicy": "Background"}, 200), ({"propagationPolicy": "Orphan"}, 200),
    ({"orphanDependents": True}, 200)], ids=str)
def test_who_waits_for_dependents_is_told_accepted(api: Api, options: Document, code: int) -> None:
    api.make(JOBS, "accepted", finalizers=["test/x"])
    assert api.ask("DELETE", api.path(JOBS, "accepted"), options).code == code
    api.ask("PATCH", api.path(JOBS, "accepted"), {"metadata": {"finalizers": []}}, MERGE)


@pytest.mark.parametrize(("options", "query", "message"), [
    ({"propagationPolicy": "x"}, "", 'propagationPolicy: Unsupported value: "x": supported values: "Background", "Foreground", "Orphan", "nil"'),
    ({"propagationPolicy": "Orphan", "orphanDependents": True}, "", "orphanDependents and deletionPropagation cannot be both set"),
    ({"dryRun": ["x"]}, "", "dryRun: Unsupported value:"), (None, "?dryRun=x", "dryRun: Unsupported value:")], ids=["policy", "both", "dryRun", "dryRun by query"])
def test_options_nobody_understands_delete_nothing(api: Api, options: Document | None, query: str, message: str) -> None:
    api.ask("POST", api.path(CONFIG_MAPS), {"metadata": {"name": "stays"}})
    refused = api.ask("DELETE", api.path(CONFIG_MAPS, "stays") + query, b"" if options is None else options)
    assert (refused.code, message in refused.document["message"]) == (422, True), refused.raw
    assert api.get(CONFIG_MAPS, "stays").code == 200


@pytest.mark.parametrize(("preconditions", "why"), [
    ({"uid": "other"}, "the UID in the precondition (other) does not match the UID in record (UID). The object might have been deleted and then recreated"),
    ({"resourceVersion": "7"}, "the ResourceVersion in the precondition (7) does not match the ResourceVersion in record (VERSION). The object might have been modified")],
    ids=["uid", "resourceVersion"])
def test_what_is_not_the_one_that_was_meant_stays(api: Api, preconditions: Document, why: str) -> None:
    api.ask("POST", api.path(CONFIG_MAPS), {"metadata": {"name": "meant"}})
    there = api.get(CONFIG_MAPS, "meant").metadata
    refused = api.ask("DELETE", api.path(CONFIG_MAPS, "meant"), {"preconditions": preconditions})
    assert refused.code == 409
    why = why.replace("(UID)", f"({there['uid']})").replace("VERSION", there["resourceVersion"])
    assert refused.document["message"] == f'Operation cannot be fulfilled on ConfigMap "meant": {why}'


# --- namespaces

@pytest.fixture
def going(api: Api, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace that is being deleted, and holds a pod, an account and a ConfigMap. No controller empties it."""
    name = f"{api.namespace}-{zlib.crc32(request.node.name.encode())}"
    path = f"/api/v1/namespaces/{name}"
    for to, body in (("/api/v1/namespaces", {"metadata": {"name": name}}), (f"{path}/serviceaccounts", {"metadata": {"name": "default"}}),
                     (f"{path}/configmaps", {"metadata": {"name": "there"}}),
                     (f"{path}/pods", {"metadata": {"name": "there"}, "spec": {"containers": CONTAINERS}})):
        assert api.ask("POST", to, body).code == 201
    deleted = api.ask("DELETE", path, {})
    assert (deleted.code, deleted.document["kind"], deleted.document["status"]["phase"]) == (200, "Namespace", "Terminating")
    yield name
    api.ask("PUT", f"{path}/finalize", {"metadata": {"name": name}, "spec": {}})
    assert api.ask("GET", path).code == 404


@pytest.mark.parametrize(("method", "path", "body", "kind"), [
    ("POST", "configmaps", {"metadata": {"name": "new"}}, "configmaps"), ("POST", "configmaps?dryRun=All", {"metadata": {"name": "new"}}, "configmaps"),
    ("PUT", "endpoints/new", {"metadata": {"name": "new"}}, "endpoints"),
    ("POST", "pods/there/eviction", {"metadata": {"name": "there"}}, "pods"), ("POST", "pods/there/binding", {"target": {"name": "n"}}, "pods"),
    ("POST", "serviceaccounts/default/token", {"spec": {}}, "serviceaccounts")],
    ids=["create", "dry run", "create by update", "evict", "bind", "token"])
def test_nothing_is_created_in_a_namespace_that_is_going(api: Api, going: str, method: str, path: str, body: Document, kind: str) -> None:
    refused = api.ask(method, f"/api/v1/namespaces/{going}/{path}", body)
    assert (refused.code, refused.document["reason"]) == (403, "Forbidden"), refused.raw
    assert refused.document["message"].endswith(f"is forbidden: unable to create new content in namespace {going} because it is being terminated")
    assert refused.document["details"]["kind"] == kind
    assert refused.document["details"]["causes"] == [
        {"reason": "NamespaceTerminating", "message": f"namespace {going} is being terminated", "field": "metadata.namespace"}]


def test_an_apply_that_would_create_is_refused_there_too(api: Api, going: str) -> None:
    path = f"/api/v1/namespaces/{going}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    new, there = (api.ask("PATCH", f"{path}/{name}?fieldManager=m", body, "application/apply-patch+yaml") for name in ("new", "there"))
    assert (new.code, new.document["details"]["causes"][0]["reason"], there.code) == (403, "NamespaceTerminating", 200)


def test_what_is_there_may_be_changed_and_deleted(api: Api, going: str) -> None:
    path = f"/api/v1/namespaces/{going}/configmaps/there"
    assert api.ask("PATCH", path, {"data": {"a": "b"}}, MERGE).code == 200
    assert api.ask("DELETE", path, {}).code == 200


def test_a_namespace_waits_until_it_is_finalized(api: Api, going: str) -> None:
    path = f"/api/v1/namespaces/{going}"
    first = api.ask("GET", path).document
    assert ("deletionGracePeriodSeconds" in first["metadata"], first["spec"], first["status"]["phase"]) == (False, {"finalizers": ["kubernetes"]}, "Terminating")
    again = api.ask("DELETE", path, {"gracePeriodSeconds": 0})
    assert (again.code, again.document) == (200, first)
    patched = api.ask("PATCH", path, {"spec": {"finalizers": []}}, MERGE)
    assert (patched.code, patched.document["spec"]) == (200, {"finalizers": ["kubernetes"]})       # that is /finalize's to change
    active = api.ask("PATCH", f"{path}/status", {"status": {"phase": "Active"}}, MERGE)
    assert (active.code, "may only be 'Terminating'" in active.document["message"]) == (422, True)


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_the_system_s_namespaces_stay(api: Api, name: str) -> None:
    refused = api.ask("DELETE", f"/api/v1/namespaces/{name}", {})
    assert (refused.code, refused.document["message"]) == (403, f'namespaces "{name}" is forbidden: this namespace may not be deleted')


def test_a_namespace_that_is_not_there_is_not_found(api: Api) -> None:
    missing = api.ask("POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}})
    assert (missing.code, missing.document["message"]) == (404, 'namespaces "nowhere" not found')


@pytest.mark.parametrize(("body", "code"), [({}, 404), ({"dryRun": ["All"]}, 200), (None, 200)], ids=["a body that does not say it", "one that does", "no body"])
def test_the_query_s_dry_run_counts_where_there_is_no_body(api: Api, body: Document | None, code: int) -> None:
    api.make(CONFIG_MAPS, "asked")
    assert api.ask("DELETE", api.path(CONFIG_MAPS, "asked", dryRun="All"), b"" if body is None else body).code == 200
    assert api.get(CONFIG_MAPS, "asked").code == code
    api.ask("DELETE", api.path(CONFIG_MAPS, "asked"))


def test_a_collection_s_query_selects_and_its_body_says_how(api: Api) -> None:
    for name in ("picked", "left"):
        api.make(CONFIG_MAPS, name, labels={"query": name})
    deleted = api.ask("DELETE", api.path(CONFIG_MAPS, labelSelector="query=picked", dryRun="All"), {"propagationPolicy": "Background"})
    assert (deleted.code, len(deleted.document["items"])) == (200, 1)
    assert [api.get(CONFIG_MAPS, name).code for name in ("picked", "left")] == [404, 200]
