"""`python -m bench --upstream DIR` with stand-ins: programs of upstream's names that take upstream's flags and are picokube's components."""
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from bench.clusters import ROOT
from bench.upstream import COMPONENTS, NotReady, Upstream, found_in
from picokube.processes import identify

pytestmark = pytest.mark.skipif(shutil.which("etcd") is None, reason="there is no etcd binary on PATH")
# What picokube's component of that name understands; the rest is upstream's alone.
MODULES = {"kube-apiserver": "apiserver", "kube-controller-manager": "controllers", "kube-scheduler": "scheduler", "kubectl": "kubectl"}
STAND_IN = """#!{python}
import json, os, sys
name, arguments = {name!r}, sys.argv[1:]
with open({record!r}, "a") as file:
    file.write(json.dumps([name, os.getpid(), arguments]) + "\\n")
unknown = ("--endpoint-reconciler-type", "--service-account-private-key-file", "--allocate-node-cidrs", "--use-service-account-credentials",
           "--authentication-kubeconfig", "--authorization-kubeconfig", "--bind-address", "--secure-port", "--cert-dir", "--service-cluster-ip-range")
if name not in ("kube-apiserver", "kubectl"):
    arguments = [one for one in arguments if not one.startswith(unknown)]
arguments = [one for one in arguments if not one.startswith("--endpoint-reconciler-type")]
os.chdir({root!r})
os.execv(sys.executable, [sys.executable, "-m", {module!r}, *arguments])
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "bin"
    found.mkdir()
    for name in COMPONENTS:
        program = STAND_IN.format(python=sys.executable, name=name, module=MODULES[name], record=str(tmp_path / "started"), root=str(ROOT))
        (found / name).write_text(program)
        (found / name).chmod(0o755)
    return found


def started(tmp_path: Path) -> list[tuple[str, list[str]]]:
    return [(name, arguments) for name, _, arguments in map(json.loads, (tmp_path / "started").read_text().splitlines())]


def test_a_whole_control_plane_comes_up_in_order_and_goes_again(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with Upstream(found_in(directory), {"kube-scheduler": ["--v=3"]})(tmp_path / "run", 3) as cluster:
        pids = cluster.pids()
        assert list(pids) == ["etcd", "apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"]
        assert cluster.account_seconds >= cluster.ready_seconds > 0
        assert cluster.memory_mib() > 50
        assert cluster.kubectl("get", "nodes", "hollow-3") > 0
    names = [name for name, _ in started(tmp_path)]
    assert names[0] == "kube-apiserver"
    assert set(names[1:3]) == {"kube-controller-manager", "kube-scheduler"}
    assert names[3:] == ["kubectl"]
    assert next(arguments for name, arguments in started(tmp_path) if name == "kube-scheduler")[-1] == "--v=3"
    assert [name for name, pid in pids.items() if identify(pid) is not None] == []


def test_the_api_server_alone_needs_nobody_else(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with Upstream(found_in(directory), {})(tmp_path / "run", 0) as cluster:
        assert list(cluster.pids()) == ["etcd", "apiserver"]
    assert [name for name, _ in started(tmp_path)] == ["kube-apiserver"]


def test_a_program_that_ends_at_once_is_told_with_its_words_and_leaves_nothing(directory: Path, tmp_path: Path) -> None:
    (directory / "kube-apiserver").write_text("#!/bin/sh\necho unknown flag: --etcd-servers >&2\nexit 3\n")
    (tmp_path / "run").mkdir()
    with pytest.raises(NotReady, match=r"(?s)apiserver ended with 3:.*unknown flag"), Upstream(found_in(directory), {})(tmp_path / "run", 0):
        pass
    assert (tmp_path / "run" / "etcd.log").exists()
