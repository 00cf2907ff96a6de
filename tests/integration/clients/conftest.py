"""One cluster with hollow nodes for client libraries that know nothing of picokube."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import TestCluster, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow", "--nodes", "2", name="clients") as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: TestCluster, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).split("[")[0].replace("_", "-")[:60].rstrip("-")
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    cluster.until(f"/api/v1/namespaces/{name}/serviceaccounts?fieldSelector=metadata.name%3Ddefault", lambda one: True)
    return name
