from __future__ import annotations

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
    remove_context("picokube", "kubernetes-admin")
    left = yaml.safe_load(user_config.read_text())
    assert {name: left[name] for name in ("clusters", "users", "contexts")} == {name: OTHERS[name] for name in ("clusters", "users", "contexts")}


@pytest.mark.parametrize("text", [pytest.param("{", id="not YAML"), pytest.param("- 1", id="a list")])
def test_a_file_that_is_no_kubeconfig_is_left_alone(user_config: Path, picokube_context: dict[str, object], text: str) -> None:
    user_config.parent.mkdir()
    user_config.write_text(text)
    with pytest.raises(CannotRun, match="not a kubeconfig"):
        add_context(picokube_context)
    assert user_config.read_text() == text
