"""The examples of manifests/: the server takes each as it stands, and the README tells of each controller's."""
from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cluster import ROOT, TestCluster, running_cluster

EXAMPLES = sorted(path.name for path in (ROOT / "manifests").glob("*.yaml"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[TestCluster]:
    with running_cluster("--runtime", "hollow") as found:
        yield found


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_works_as_it_stands(cluster: TestCluster, name: str) -> None:
    command = [sys.executable, "-m", "kubectl", f"--kubeconfig={cluster.cluster.kubeconfig('admin')}"]
    # Not found: who deletes a namespace first may find what was in it gone before its turn comes.
    for action in (["apply", "-f"], ["delete", "--wait=false", "--ignore-not-found", "-f"]):
        told = subprocess.run([*command, *action, f"manifests/{name}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (told.returncode, told.stderr) == (0, "")


def test_the_readme_names_only_examples_that_are_there() -> None:
    named = re.findall(r"manifests/([\w-]+\.yaml)", (ROOT / "README.md").read_text())
    assert named and set(named) <= set(EXAMPLES)
