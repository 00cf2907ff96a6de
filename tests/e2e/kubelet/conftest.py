"""One cluster with real containers for all tests of a process here, and a namespace of its own for each test."""
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kubelet.place import Place, running_place


@pytest.fixture(scope="session")
def the_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_place(tmp_path_factory.mktemp("image"), f"kl{os.getpid()}") as found:
        yield found
        node = found.cluster.cluster.node_directory(f"{found.cluster.cluster.name}-1")
        assert found.cluster.picokube("down").returncode == 0
        assert str(node) not in Path("/proc/mounts").read_text(), "down left mounts"


@pytest.fixture
def place(the_cluster: Place, request: pytest.FixtureRequest) -> Iterator[Place]:
    with the_cluster.new_namespace() as found:
        yield found
