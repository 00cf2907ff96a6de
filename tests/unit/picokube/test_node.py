"""`picokube node add|rm`: what cannot work is one sentence, and changes nothing."""
from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from picokube.cluster import Cluster, existing, new
from picokube.main import main
from picokube.processes import identify


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pk-") as directory:
        monkeypatch.setenv("PICOKUBE_HOME", directory)
        monkeypatch.delenv("PICOKUBE_NAME", raising=False)
        yield Path(directory)


def a_cluster(*, is_running: bool = True, **settings: object) -> Cluster:
    cluster = new("picokube", None).with_settings(**settings)
    cluster.save()
    own = identify(os.getpid())
    if is_running and own is not None:
        (cluster.run / "parent.json").write_text(json.dumps({"pid": own.pid, "starttime": own.starttime}))
    return cluster


def test_numbers_of_removed_nodes_are_not_given_out_again(home: Path) -> None:
    cluster = a_cluster(nodes=4, removed_nodes=(2, 4))
    assert existing("picokube").node_names() == cluster.node_names() == ["picokube-1", "picokube-3"]


@pytest.mark.parametrize(("arguments", "said"), [
    pytest.param(["rm", "picokube-1"], "picokube-1 is the machine itself", id="the machine itself"),
    pytest.param(["rm", "picokube-9"], "has no node 'picokube-9' on this machine; it has picokube-1, picokube-2", id="no such node"),
    pytest.param(["add", "--count", "0"], "--count 0 is not possible", id="none more"),
    pytest.param(["add", "--count", "249"], "--count 249 is not possible", id="too many"),
])
def test_what_cannot_work_changes_nothing(home: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = a_cluster(nodes=2)
    assert main(["node", *arguments]) == 1
    assert said in capsys.readouterr().err
    assert existing("picokube").settings == before.settings


@pytest.mark.parametrize("action", [["add"], ["rm", "picokube-2"]], ids=" ".join)
def test_only_a_running_cluster_of_real_nodes_changes(home: Path, action: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    a_cluster(is_running=False)
    assert main(["node", *action]) == 1
    assert "is not running" in capsys.readouterr().err
    a_cluster(runtime="hollow")
    assert main(["node", *action]) == 1
    assert "simulated nodes are one process" in capsys.readouterr().err
