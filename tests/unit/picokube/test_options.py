"""What `picokube` makes of its options: whatever cannot work is one sentence and an exit code, and starts nothing."""
from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubelet import options as kubelet_options
from kubelet.network import NodeNamespace
from picokube import doctor
from picokube.certificates import Authority
from picokube.cluster import Cluster, Settings, new
from picokube.components import plan, prepare_kubelet_config
from picokube.main import main
from picokube.nodes import reachable
from picokube.processes import identify


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path: unix sockets lie below it."""
    with tempfile.TemporaryDirectory(prefix="pk-") as directory:
        home = Path(directory) / "home"
        monkeypatch.setenv("PICOKUBE_HOME", str(home))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.delenv("SUDO_UID", raising=False)
        yield home


@pytest.fixture
def running(state_home: Path) -> Cluster:
    """A cluster whose warm parent is this process."""
    cluster = new("picokube", None).with_settings(nodes=2, port=7443)
    cluster.save()
    own = identify(os.getpid())
    assert own is not None
    (cluster.run / "parent.json").write_text(json.dumps({"pid": own.pid, "starttime": own.starttime}))
    return cluster


@pytest.mark.parametrize(("arguments", "said"), [
    pytest.param(["--without", "etcd,nothing"], "--without 'nothing'", id="a component that is not"),
    pytest.param(["--etcd-servers", "http://a:2379,ftp://x"], "--etcd-servers 'ftp://x'", id="no URL of an etcd"),
    pytest.param(["--etcd-servers", "https://a:2379", "--etcd-cafile", "/not/there"], "/not/there cannot be read", id="no such file"),
    pytest.param(["--component-arg", "apiserver"], "COMPONENT=--flag=value", id="no flag"),
])
def test_up_refuses_what_cannot_work(arguments: list[str], said: str, state_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", *arguments]) == 1
    assert said in capsys.readouterr().err
    assert not state_home.exists()


@pytest.mark.parametrize("arguments", [["--port", "99999"], ["--port", "0"], ["--port", "x"], ["--nodes", "0"], ["--nodes", "-1"], ["--runtime", "x"]],
                         ids=" ".join)
def test_numbers_out_of_range_are_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["up", *arguments])
    assert end.value.code == 2
    assert f"argument {arguments[0]}" in capsys.readouterr().err


def test_up_again_makes_the_context_again(running: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Authority(running.pki)
    assert main(["up", "--nodes", "2"]) == 0
    assert "already running at https://127.0.0.1:7443" in capsys.readouterr().out
    assert "current-context: picokube" in (tmp_path / "kubeconfig").read_text()


def test_other_settings_for_a_running_cluster_are_refused_not_ignored(running: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--nodes", "3"]) == 1
    assert "nodes is 2, not 3: `picokube down --name picokube` first" in capsys.readouterr().err


def test_the_environment_names_the_cluster(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PICOKUBE_NAME", "mine")
    assert [main(["status"]), main(["kubectl", "get", "pods"])] == [1, 1]
    assert capsys.readouterr().err.count("there is no cluster 'mine'") == 2


def test_an_etcd_behind_tls_gets_its_options(tmp_path: Path) -> None:
    cluster = Cluster("a", tmp_path, Settings(etcd_servers="https://e:2379", etcd_cafile="/c", etcd_certfile="/d", etcd_keyfile="/k"))
    components = {one.name: one for one in plan(cluster, Authority(tmp_path / "pki"), {})}
    assert "etcd" not in components
    assert {"--etcd-servers=https://e:2379", "--etcd-cafile=/c", "--etcd-certfile=/d", "--etcd-keyfile=/k"} <= set(components["apiserver"].argv)


def test_a_disk_filled_by_others_ends_no_pod(tmp_path: Path) -> None:
    """Ten percent of a laptop's disk is room for many pods."""
    cluster = Cluster("a", tmp_path, Settings())
    prepare_kubelet_config(cluster)
    kubelet = plan(cluster, Authority(tmp_path / "pki"), {})[-1]
    options = kubelet_options.parse(kubelet.argv)
    thresholds = {one.signal: str(one.amount.quantity) for one in options.eviction.thresholds}
    assert thresholds == {"memory.available": "100Mi", "nodefs.available": "500Mi", "imagefs.available": "500Mi"}
    assert options.image_policy.high_percent == 100


@pytest.mark.parametrize(("own", "seen"), [("127.0.0.1", "172.30.9.1"), ("192.0.2.7", "192.0.2.7")])
def test_a_machine_without_a_network_is_reached_on_its_nodes_bridge(own: str, seen: str, tmp_path: Path) -> None:
    cluster = Cluster("a", tmp_path, Settings(node_ip=own, nodes=2))
    placed = reachable(cluster, {"a-2": NodeNamespace("/run/netns/x", "172.30.9.2", "172.30.9.1")})
    assert placed.settings.node_ip == seen


@pytest.mark.parametrize(("is_chosen", "code"), [pytest.param(True, 1, id="a cluster's own"), pytest.param(False, 0, id="a new cluster finds another")])
def test_doctor_names_who_has_the_port(is_chosen: bool, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert doctor.report([doctor.port(port, is_chosen=is_chosen)]) == code
    assert f"port {port} is taken by the process {os.getpid()} " in capsys.readouterr().out
