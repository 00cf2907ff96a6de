"""A namespace that is deleted, on a real control plane: pods go first, then all else; what remains is told in its conditions."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from picokube.ready import connection
from tests.cluster import TestCluster, running_cluster

MERGE = "application/merge-patch+json"
PATH = "/api/v1/namespaces/going"
FINE = {"NamespaceDeletionDiscoveryFailure": "ResourcesDiscovered", "NamespaceDeletionGroupVersionParsingFailure": "ParsedGroupVersions",
        "NamespaceDeletionContentFailure": "ContentDeleted", "NamespaceContentRemaining": "ContentRemoved",
        "NamespaceFinalizersRemaining": "ContentHasNoFinalizers"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow") as cluster:
        yield cluster


def told(namespace: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What is not as it should be: condition -> (reason, message)."""
    return {one["type"]: (one["reason"], one["message"]) for one in namespace.get("status", {}).get("conditions", ()) if one["status"] == "True"}


def reasons(namespace: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["reason"] for one in namespace["status"]["conditions"] if one["status"] == "False"}


def test_pods_go_first_and_what_remains_is_told(cluster: TestCluster) -> None:
    held = {"name": "held", "finalizers": ["test/x"]}
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}})[0] == 201
    cluster.until(f"{PATH}/serviceaccounts?fieldSelector=metadata.name=default", lambda one: True)
    assert cluster.request("POST", f"{PATH}/configmaps", {"metadata": held})[0] == 201
    assert cluster.request("POST", f"{PATH}/secrets", {"metadata": {"name": "needed"}})[0] == 201
    assert cluster.request("POST", f"{PATH}/pods", {"metadata": held, "spec": {"containers": [{"name": "c", "image": "i"}]}})[0] == 201
    assert cluster.request("DELETE", PATH, {})[0] == 200

    waiting = cluster.until("/api/v1/namespaces?fieldSelector=metadata.name=going", lambda one: "NamespaceContentRemaining" in told(one))
    assert told(waiting)["NamespaceContentRemaining"] == ("SomeResourcesRemain", "Some resources are remaining: pods. has 1 resource instances")
    assert told(waiting)["NamespaceFinalizersRemaining"] == (
        "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: test/x in 1 resource instances")
    assert cluster.request("GET", f"{PATH}/secrets/needed")[0] == 200       # a pod may still need it
    assert cluster.request("POST", f"{PATH}/configmaps", {"metadata": {"name": "new"}})[1]["details"]["causes"][0]["reason"] == "NamespaceTerminating"

    assert cluster.request("PATCH", f"{PATH}/pods/held", {"metadata": {"finalizers": None}}, MERGE)[0] == 200
    waiting = cluster.until("/api/v1/namespaces?fieldSelector=metadata.name=going",
                            lambda one: "configmaps" in told(one).get("NamespaceContentRemaining", ("", ""))[1])
    assert told(waiting)["NamespaceContentRemaining"][1] == "Some resources are remaining: configmaps. has 1 resource instances"
    assert reasons(waiting).items() <= FINE.items()
    assert cluster.request("GET", f"{PATH}/secrets/needed")[0] == 404

    assert cluster.request("PATCH", f"{PATH}/configmaps/held", {"metadata": {"finalizers": None}}, MERGE)[0] == 200
    gone(cluster, waiting["metadata"]["resourceVersion"])
    assert cluster.request("GET", PATH)[0] == 404


def gone(cluster: TestCluster, version: str) -> None:
    """Returns when a watch tells that it is."""
    api = connection(cluster.cluster, 65)
    try:
        api.request("GET", f"/api/v1/namespaces?fieldSelector=metadata.name=going&watch=1&timeoutSeconds=60&resourceVersion={version}")
        answer = api.getresponse()
        assert any(json.loads(line)["type"] == "DELETED" for line in iter(answer.readline, b""))
    finally:
        api.close()
