"""Both kubectls on one hollow cluster, a namespace each: every line of the table must exit, print and complain the same."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from tests.cluster import running_cluster
from tests.integration.kubectl.conftest import UPSTREAM
from tests.integration.kubectl.differential import Stage, differences
from tests.integration.kubectl.differential_table import ALIKE, ONLY_EXIT_CODE, SCENES

pytestmark = [pytest.mark.upstream_kubectl, pytest.mark.etcd,
              pytest.mark.skipif(UPSTREAM is None, reason="upstream's kubectl is not installed: there is nothing to compare with")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("differential")
    with running_cluster("--runtime", "hollow", "--nodes", "2", name="diff") as cluster:
        yield Stage(cluster.environment["KUBECONFIG"], home, ("diff-1", "diff-2"), UPSTREAM or "")


@pytest.mark.parametrize("name", SCENES, ids=str)
def test_both_exit_and_say_the_same(stage: Stage, name: str) -> None:
    found = differences(stage, name, SCENES[name])
    assert not found, "\n" + "\n".join(found)


def test_intended_differences_name_lines_of_the_table() -> None:
    lines = {line for scene in SCENES.values() for line in scene.lines.splitlines()}
    assert set(ONLY_EXIT_CODE) <= lines
    assert all(reason for *_, reason in ALIKE)


def test_problems_of_a_drain_are_compared_as_a_set(tmp_path: Path) -> None:
    problems = ["cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/a, default/b",
                "cannot delete cannot delete Pods that declare no controller (use --force to override): default/q",
                "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/p"]
    nowhere = Stage("", tmp_path, ("n1", "n2"), "")
    said = {nowhere.normal(f'error: unable to drain node "n1" due to error: [{", ".join(order)}], continuing command...\n'
                           + "".join(f"{problem}\n" for problem in order), "scene") for order in permutations(problems)}
    text, = said
    assert all(text.count(problem) == 2 for problem in problems)
