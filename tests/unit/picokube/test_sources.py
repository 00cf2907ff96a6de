"""A running cluster whose source was changed under it says so."""
from __future__ import annotations

from pathlib import Path

import pytest

from picokube import sources
from picokube.cluster import Cluster
from picokube.sources import stamp


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "kubelet" / "runc").mkdir(parents=True)
    (tmp_path / "kubelet" / "runc" / "a.py").write_text("a = 1\n")
    (tmp_path / "tests").mkdir()
    return tmp_path


@pytest.mark.parametrize(("name", "text", "differs"), [
    ("kubelet/runc/a.py", "a = 12\n", True), ("kubelet/b.py", "", True), ("tests/b.py", "", False), ("kubelet/runc/a.pyc", "", False)],
    ids=["a module changed", "a new module", "a test", "what Python leaves behind"])
def test_it_is_another_source_when_a_module_is(root: Path, name: str, text: str, differs: bool) -> None:
    before = stamp(root)
    (root / name).write_text(text)
    assert (stamp(root) != before) is differs


def test_a_running_cluster_is_warned_of(tmp_path: Path) -> None:
    cluster = Cluster("c", tmp_path)
    cluster.run.mkdir()
    assert not sources.warning(cluster)                     # nobody knows
    sources.remember(cluster)
    assert not sources.warning(cluster)
    (cluster.run / "sources.json").write_text('{"stamp": "another"}')
    assert "picokube down --name c" in sources.warning(cluster)
