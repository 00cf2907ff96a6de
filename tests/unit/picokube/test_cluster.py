from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from picokube import addresses
from picokube.certificates import Authority
from picokube.cluster import Cluster, check_name, find, new
from picokube.components import check_extra_arguments, prepare_credentials
from picokube.errors import CannotRun
from picokube.main import main
from picokube.processes import ProcessId, identify


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICOKUBE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a" * 21, "../x", "a/b"])
def test_names_that_could_not_name_links_and_cgroups_are_refused(name: str) -> None:
    with pytest.raises(CannotRun):
        check_name(name)


def test_a_cluster_is_found_by_its_name_with_what_was_chosen(tmp_path: Path) -> None:
    made = new("dev", str(tmp_path / "d")).with_settings(port=7443, nodes=3, without=("scheduler",))
    made.save()
    assert find("dev") == made
    assert [made.node_name(1), made.context] == ["dev-1", "picokube-dev"]


def test_a_data_directory_of_another_cluster_is_refused(tmp_path: Path) -> None:
    new("dev", str(tmp_path / "d")).save()
    with pytest.raises(CannotRun, match="belongs to the cluster 'dev'"):
        find("other", str(tmp_path / "d"))


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="too long"):
        new("dev", str(tmp_path / ("x" * 90)))


def test_a_parent_whose_pid_was_given_to_another_process_is_not_running(tmp_path: Path) -> None:
    cluster = new("dev", str(tmp_path / "d"))
    cluster.save()
    (cluster.run / "parent.json").write_text(f'{{"pid": {os.getpid()}, "starttime": 1}}')
    assert cluster.parent() is None


def test_this_process_is_identified_by_pid_and_start_time() -> None:
    own = identify(os.getpid())
    assert own is not None
    assert own.is_alive
    assert not ProcessId(own.pid, own.starttime + 1).is_alive


def test_a_taken_port_names_port_and_pid() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"port {port} is taken by the process {os.getpid()} "):
            addresses.require_port(port)


def test_ranges_of_other_clusters_are_avoided() -> None:
    first = addresses.free_range(addresses.POD_RANGES, [])
    assert addresses.free_range(addresses.POD_RANGES, [first]) != first


@pytest.mark.parametrize("argument", ["apiserver", "nobody=--v=4", "apiserver=v4"])
def test_component_arguments_that_reach_nobody_are_refused(argument: str) -> None:
    with pytest.raises(CannotRun, match="COMPONENT=--flag=value"):
        check_extra_arguments([argument])


@pytest.mark.parametrize("command", [["status"], ["logs", "apiserver"], ["kubeconfig"], ["reset"], ["kubectl", "get", "pods"]],
                         ids=lambda command: command[0])
def test_a_command_for_a_cluster_that_is_not_there_says_how_to_make_it(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 1
    assert "`picokube up --name picokube` makes one" in capsys.readouterr().err


def test_down_without_a_cluster_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert "there is no cluster" in capsys.readouterr().out


def test_cluster_is_plain_data(tmp_path: Path) -> None:
    assert Cluster("a", tmp_path).etcd_socket == tmp_path / "run" / "etcd.sock:0"


@pytest.mark.parametrize("place", ["run", "pki"])
def test_a_data_directory_that_leads_elsewhere_is_refused(tmp_path: Path, place: str) -> None:
    """Root would have changed the mode of /etc, and left its keys where the link's owner likes."""
    elsewhere, data = tmp_path / "elsewhere", tmp_path / "d"
    elsewhere.mkdir(mode=0o755)
    data.mkdir()
    (data / place).symlink_to(elsewhere)
    with pytest.raises(CannotRun, match="is no directory"):
        new("dev", str(data)).save()
    assert elsewhere.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("place", ["", "run", "pki"])
def test_a_data_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    cluster = new("dev", str(tmp_path / "d"))
    cluster.save()
    theirs, real = (cluster.data / place).stat().st_ino, os.stat

    def stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], os.geteuid() + 1, *found[5:10])) if found.st_ino == theirs else found
    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(CannotRun, match="belongs to uid"):
        cluster.save()


def test_keys_are_for_their_owner_only_whatever_the_directory_was(tmp_path: Path) -> None:
    cluster = new("dev", str(tmp_path / "d"))
    for directory in (cluster.run, cluster.pki):
        directory.mkdir(parents=True, mode=0o777)
        directory.chmod(0o777)
    cluster.save()
    assert [one.stat().st_mode & 0o777 for one in (cluster.run, cluster.pki)] == [0o700, 0o700]


def test_a_cluster_is_reset_though_the_kubeconfig_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "config"
    broken.write_text("garbage")
    monkeypatch.setenv("KUBECONFIG", str(broken))
    cluster = new("dev", str(tmp_path / "d")).with_settings(runtime="hollow")
    cluster.save()
    assert main(["reset", "--name", "dev"]) == 0
    assert "is not a kubeconfig" in capsys.readouterr().err
    assert not cluster.data.exists()
    assert broken.read_text() == "garbage"


def test_a_hollow_cluster_has_addresses_for_thousands_of_nodes() -> None:
    assert addresses.Network(addresses.HOLLOW_POD_RANGE).num_addresses // 256 >= 10_000


@pytest.mark.parametrize(("runtime", "nodes", "group"), [
    pytest.param("runc", 2, "system:nodes", id="real ones"), pytest.param("hollow", 1, "system:nodes", id="a hollow one"),
    pytest.param("hollow", 2, "system:masters", id="hollow ones speak by one client")])
def test_a_kubelet_is_its_node(tmp_path: Path, runtime: Any, nodes: int, group: str) -> None:
    cluster = new("dev", str(tmp_path / "d")).with_settings(runtime=runtime, nodes=nodes)
    authority = Authority(cluster.pki)
    prepare_credentials(cluster, authority, {})
    subject = x509.load_pem_x509_certificate((cluster.pki / "kubelet-dev-1-client.crt").read_bytes()).subject
    assert subject.rfc4514_string() == f"CN=system:node:dev-1,O={group}"
