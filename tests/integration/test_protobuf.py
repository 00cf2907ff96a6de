"""A client that speaks protobuf as client-go does in its first ten seconds: a Lease, an informer, an event, a status, metadata."""
from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from kubeapi.protobuf import MEDIA_TYPE, decode_object, encode_object
from picokube.ready import connection
from tests.cluster import TestCluster, running_cluster

Document = dict[str, Any]
ACCEPT = f"{MEDIA_TYPE},application/json"
METADATA = f"{MEDIA_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--without", "scheduler", name="protobuf") as running:
        yield running


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.code, self.media, self.raw = answer.status, answer.headers["content-type"], answer.read()

    @property
    def document(self) -> Document:
        return decode_object(self.raw)


def ask(cluster: TestCluster, method: str, path: str, document: Document | bytes | None = None, accept: str = ACCEPT,
        content_type: str = MEDIA_TYPE) -> Answer:
    api = connection(cluster.cluster, 30)
    try:
        body = encode_object(document) if isinstance(document, dict) else document
        api.request(method, path, body, {"Accept": accept, **({"Content-Type": content_type} if body is not None else {})})
        return Answer(api.getresponse())
    finally:
        api.close()


def a_config_map(name: str, **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_a_lease_is_created_and_renewed(cluster: TestCluster) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"},
             "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000001Z"}}
    created = ask(cluster, "POST", LEASES, lease)
    assert (created.code, created.media) == (201, MEDIA_TYPE)
    renewed = created.document
    assert renewed["spec"] == lease["spec"]
    renewed["spec"]["renewTime"] = "2026-01-01T00:00:10.000000Z"
    assert ask(cluster, "PUT", f"{LEASES}/leader", renewed).document["spec"]["renewTime"] == "2026-01-01T00:00:10.000000Z"
    stale = ask(cluster, "PUT", f"{LEASES}/leader", created.document)
    assert (stale.code, stale.media, stale.document["reason"]) == (409, MEDIA_TYPE, "Conflict")


def test_an_informer_lists_and_watches(cluster: TestCluster) -> None:
    assert ask(cluster, "POST", CONFIG_MAPS, a_config_map("one", a="1")).code == 201
    listed = ask(cluster, "GET", CONFIG_MAPS).document
    assert listed["kind"] == "ConfigMapList"
    assert [one["data"] for one in listed["items"] if one["metadata"]["name"] == "one"] == [{"a": "1"}]
    api = connection(cluster.cluster, 30)
    try:
        version = listed["metadata"]["resourceVersion"]
        api.request("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=20", headers={"Accept": ACCEPT})
        answer = api.getresponse()
        assert answer.headers["content-type"] == f"{MEDIA_TYPE};stream=watch"
        ask(cluster, "POST", CONFIG_MAPS, a_config_map("two"))
        ask(cluster, "DELETE", f"{CONFIG_MAPS}/two")
        assert [(change, found["metadata"]["name"]) for change, found in (frame(answer), frame(answer))] == [
            ("ADDED", "two"), ("DELETED", "two")]
    finally:
        api.close()


def test_a_streaming_list_ends_with_its_bookmark(cluster: TestCluster) -> None:
    ask(cluster, "POST", CONFIG_MAPS, a_config_map("streamed"))
    api = connection(cluster.cluster, 30)
    try:
        api.request("GET", f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
                    "&timeoutSeconds=20&fieldSelector=metadata.name%3Dstreamed", headers={"Accept": ACCEPT})
        answer = api.getresponse()
        (added, first), (bookmark, last) = frame(answer), frame(answer)
        assert (added, first["metadata"]["name"], bookmark) == ("ADDED", "streamed", "BOOKMARK")
        assert last["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    finally:
        api.close()


def frame(answer: http.client.HTTPResponse) -> tuple[str, Document]:
    event = answer.read(int.from_bytes(answer.read(4), "big"))
    change = event[2:2 + event[1]].decode()
    return change, decode_object(event[event.index(b"k8s\0"):])


@pytest.mark.parametrize(("path", "kind"), [(CONFIG_MAPS, "PartialObjectMetadataList"), (f"{CONFIG_MAPS}/meta", "PartialObjectMetadata")])
def test_a_metadata_informer_gets_metadata_only(cluster: TestCluster, path: str, kind: str) -> None:
    ask(cluster, "POST", CONFIG_MAPS, a_config_map("meta", key="hidden"))
    found = ask(cluster, "GET", path, accept=METADATA.replace("as=PartialObjectMetadata;", f"as={kind};"))
    assert (found.document["kind"], found.document["apiVersion"]) == (kind, "meta.k8s.io/v1")
    assert b"hidden" not in found.raw


def test_an_event_and_a_status_patch(cluster: TestCluster) -> None:
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e.1"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
             "reason": "Tried", "message": "it", "type": "Normal", "firstTimestamp": "2026-01-01T00:00:00Z", "count": 1}
    assert ask(cluster, "POST", "/api/v1/namespaces/default/events", event).document["reason"] == "Tried"
    patched = ask(cluster, "PATCH", "/api/v1/namespaces/default/status", b'{"status":{"phase":"Active"}}',
                  content_type="application/merge-patch+json")
    assert (patched.media, patched.document["status"]["phase"]) == (MEDIA_TYPE, "Active")


def test_delete_options_come_in_protobuf(cluster: TestCluster) -> None:
    made = ask(cluster, "POST", CONFIG_MAPS, a_config_map("deleted")).document
    options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}}
    assert ask(cluster, "DELETE", f"{CONFIG_MAPS}/deleted", options).code == 409
    options["preconditions"] = {"uid": made["metadata"]["uid"]}
    assert ask(cluster, "DELETE", f"{CONFIG_MAPS}/deleted", options).document["status"] == "Success"


@pytest.mark.parametrize(("body", "code"), [(b"", 400), (b"k8s\0", 400), (b"k8s\0\xff\xff", 400), (b"{}", 400),
                                            (encode_object(a_config_map("x") | {"kind": "Secret"}), 400)],
                         ids=["nothing", "only the prefix", "garbage", "JSON", "another kind"])
def test_what_is_no_such_object_is_refused(cluster: TestCluster, body: bytes, code: int) -> None:
    refused = ask(cluster, "POST", CONFIG_MAPS, body)
    assert (refused.code, refused.document["kind"]) == (code, "Status")


def test_tables_fall_back_to_json(cluster: TestCluster) -> None:
    table = ask(cluster, "GET", CONFIG_MAPS, accept=f"{MEDIA_TYPE};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1")
    assert table.media.startswith("application/json")


def test_what_cannot_be_answered_is_not_done(cluster: TestCluster) -> None:
    refused = ask(cluster, "POST", CONFIG_MAPS, a_config_map("unanswerable"), accept="text/html")
    assert refused.code == 406
    assert ask(cluster, "GET", f"{CONFIG_MAPS}/unanswerable").code == 404
