from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest
import yaml

from picokube.certificates import Authority, Wanted
from picokube.errors import CannotRun
from picokube.kubeconfigs import add_context, document, remove_context


@pytest.fixture
def user_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kube" / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    return path


@pytest.fixture
def picokube_context(tmp_path: Path) -> dict[str, object]:
    authority = Authority(tmp_path / "pki")
    pair = authority.issue("admin", Wanted("kubernetes-admin", is_client=True))
    return document("picokube", "https://127.0.0.1:6443", authority.pair.certificate_pem, "kubernetes-admin", pair)


OTHERS = {"apiVersion": "v1", "kind": "Config", "current-context": "prod", "clusters": [{"name": "prod", "cluster": {"server": "https://x"}}],
          "users": [{"name": "me", "user": {"token": "t"}}], "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}]}


def test_a_missing_file_is_made_for_its_owner_only(user_config: Path, picokube_context: dict[str, object]) -> None:
    add_context(picokube_context)
    assert stat.S_IMODE(user_config.stat().st_mode) == 0o600
    assert yaml.safe_load(user_config.read_text())["current-context"] == "picokube"


def test_what_others_put_there_stays(user_config: Path, picokube_context: dict[str, object]) -> None:
    user_config.parent.mkdir()
    user_config.write_text(yaml.safe_dump(OTHERS))
    add_context(picokube_context)
    add_context(picokube_context)
    merged = yaml.safe_load(user_config.read_text())
    assert [one["name"] for one in merged["contexts"]] == ["prod", "picokube"]
    remove_context("picokube")
    left = yaml.safe_load(user_config.read_text())
    assert {name: left[name] for name in ("clusters", "users", "contexts")} == {name: OTHERS[name] for name in ("clusters", "users", "contexts")}


@pytest.mark.parametrize("text", [pytest.param("{", id="not YAML"), pytest.param("- 1", id="a list")])
def test_a_file_that_is_no_kubeconfig_is_left_alone(user_config: Path, picokube_context: dict[str, object], text: str) -> None:
    user_config.parent.mkdir()
    user_config.write_text(text)
    with pytest.raises(CannotRun, match="not a kubeconfig"):
        add_context(picokube_context)
    assert user_config.read_text() == text


def test_a_user_of_the_same_name_that_another_context_uses_stays(user_config: Path, picokube_context: dict[str, object]) -> None:
    """kubeadm's user is called kubernetes-admin as well."""
    kubeadm = {**OTHERS, "users": [{"name": "kubernetes-admin", "user": {"token": "kubeadm's"}}],
               "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "kubernetes-admin"}}]}
    user_config.parent.mkdir()
    user_config.write_text(yaml.safe_dump(kubeadm))
    for _ in range(2):
        add_context(picokube_context)
    merged = yaml.safe_load(user_config.read_text())
    assert [one["name"] for one in merged["users"]] == ["kubernetes-admin", "kubernetes-admin-picokube"]
    assert merged["contexts"][1]["context"]["user"] == "kubernetes-admin-picokube"
    remove_context("picokube")
    assert yaml.safe_load(user_config.read_text())["users"] == kubeadm["users"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_under_sudo_the_file_is_the_sudoer_s(user_config: Path, picokube_context: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_UID", str(nobody.pw_uid))
    for _ in range(2):
        add_context(picokube_context)
    found = user_config.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (nobody.pw_uid, nobody.pw_gid, 0o600)
    assert user_config.parent.stat().st_uid == nobody.pw_uid


def test_a_link_stays_a_link(user_config: Path, picokube_context: dict[str, object], tmp_path: Path) -> None:
    user_config.parent.mkdir()
    user_config.symlink_to(tmp_path / "real")
    add_context(picokube_context)
    assert user_config.is_symlink()
    assert yaml.safe_load((tmp_path / "real").read_text())["current-context"] == "picokube"
