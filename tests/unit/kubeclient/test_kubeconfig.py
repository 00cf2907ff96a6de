from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeclient.kubeconfig import ClientConfig, KubeconfigError, load


def a_kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, context: str = "here") -> dict[str, Any]:
    return {"current-context": context,
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "x"}},
                         {"name": "astray", "context": {"cluster": "none", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://h:1", **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}]}


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "config"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def test_embedded_data_wins_over_files_which_lie_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"file")
    (tmp_path / "token").write_text("secret\n")
    embedded = base64.b64encode(b"embedded").decode()
    document = a_kubeconfig({"certificate-authority": "ca.crt"}, {"client-key": "ca.crt", "client-key-data": embedded, "tokenFile": "token"})
    assert load(written(tmp_path, document)) == ClientConfig(
        server="https://h:1", ca_data=b"file", client_key_data=b"embedded", token="secret", namespace="x")


@pytest.mark.parametrize(("document", "told"), [
    pytest.param("[", "not YAML", id="not YAML"),
    pytest.param("text", "not a kubeconfig", id="not a mapping"),
    pytest.param(a_kubeconfig(context=""), "no current-context is set", id="no context"),
    pytest.param(a_kubeconfig(context="none"), 'context "none" does not exist', id="unknown context"),
    pytest.param(a_kubeconfig(context="astray"), 'cluster "none" does not exist', id="unknown cluster"),
    pytest.param(a_kubeconfig({"server": ""}), 'cluster "c" names no server', id="no server"),
    pytest.param(a_kubeconfig({"certificate-authority": "missing"}), "missing: No such file or directory", id="missing file"),
    pytest.param(a_kubeconfig({"certificate-authority-data": "%"}), "certificate-authority-data is not base64", id="not base64"),
    pytest.param(a_kubeconfig(user={"exec": {"command": "x"}}), "uses exec, which picokube does not support", id="exec plugin"),
])
def test_a_fault_is_told_in_plain_words(tmp_path: Path, document: object, told: str) -> None:
    with pytest.raises(KubeconfigError, match=told):
        load(written(tmp_path, document))


def test_a_kubeconfig_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="No such file"):
        load(tmp_path / "none")
