"""Kubeconfigs are merged and overridden as client-go does it, and the plain reader agrees with YAML."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kubeapi import yamldoc
from kubectl import kubeconfig, plainyaml
from kubectl.errors import CommandError
from kubectl.flags import parse
from kubectl.main import GLOBAL_FLAGS

KIND = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTg==
    server: https://127.0.0.1:6443
  name: picokube
contexts:
- context:
    cluster: picokube
    namespace: "007"
    user: kubernetes-admin
  name: picokube
current-context: picokube
kind: Config
preferences: {}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: MIID
    client-key-data: 0aGVsbG8=
    exec:
      args:
      - get-token
      - --name=x
      env: null
      provideClusterInfo: false
"""


@pytest.mark.parametrize("text", [KIND, "", "a: b\n", "a:\n  b:\n  - c\n  - d: 1\n    e: 'x: y'\n", "# note\n---\na: true\nb: 12\nc: \"\"\n"], ids=repr)
def test_the_plain_reader_agrees_with_yaml(text: str) -> None:
    assert plainyaml.load(text) == yamldoc.load(text)


@pytest.mark.parametrize("text", ["a: [1]\n", "a: &x b\n", "a: |\n  b\n", "a: yes\n", "a: 0x1\n", "a: b # c\n", "a: 'b''c'\n", "a: b\na: c\n",
                                  "a: \"\\n\"\n", "a:\n    b: 1\n  c: 2\n", "? a\n", "a: 1.5\n", "a: 1e3\n", "a: -.inf\n", "- - a\n"], ids=repr)
def test_the_plain_reader_leaves_what_it_does_not_know(text: str) -> None:
    with pytest.raises(plainyaml.Unfamiliar):
        plainyaml.load(text)


def resolved(*argv: str) -> kubeconfig.ClientConfig:
    flags, _ = parse(GLOBAL_FLAGS, list(argv))
    return kubeconfig.resolve(flags)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    first, second = tmp_path / "first", tmp_path / "sub" / "second"
    second.parent.mkdir()
    first.write_text(KIND)
    second.write_text("""apiVersion: v1
kind: Config
clusters:
- name: picokube
  cluster: {server: https://other:1}
- name: far
  cluster: {server: "https://far:2/prefix/", certificate-authority: ca.crt}
contexts:
- name: far
  context: {cluster: far, user: far}
users:
- name: far
  user: {token: abc}
current-context: far
""")
    monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{tmp_path / 'absent'}{os.pathsep}{second}")
    return {"first": first, "second": second}


def test_the_first_file_wins_and_paths_are_relative_to_their_file(files: dict[str, Path]) -> None:
    assert resolved().server == "https://127.0.0.1:6443"
    far = resolved("--context", "far")
    assert (far.server, far.cluster["certificate-authority"]) == ("https://far:2/prefix", str(files["second"].parent / "ca.crt"))
    assert far.user == {"token": "abc"}


CASES: list[tuple[list[str], str, Any]] = [
    (["-n", "x"], "namespace", "x"), ([], "namespace", "007"), (["--cluster", "far"], "server", "https://far:2/prefix"),
    (["-s", "127.0.0.1:1"], "server", "http://127.0.0.1:1"), (["--context", "far"], "namespace", "default"),
]


@pytest.mark.parametrize(("argv", "attribute", "value"), CASES, ids=str)
def test_flags_override_the_file(files: dict[str, Path], argv: list[str], attribute: str, value: Any) -> None:
    assert getattr(resolved(*argv), attribute) == value


def test_a_token_flag_replaces_other_credentials(files: dict[str, Path]) -> None:
    assert resolved("--token", "t").user["token"] == "t"
    assert "exec" not in resolved("--token", "t").user


@pytest.mark.parametrize(("argv", "message"), [
    (["--context", "nope"], 'context "nope" does not exist'), (["--cluster", "nope"], 'cluster "nope" does not exist'),
    (["--kubeconfig", "/nope/config"], "stat /nope/config: no such file or directory")], ids=str)
def test_names_that_do_not_exist_are_errors(files: dict[str, Path], argv: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message.replace("(", "\\(")):
        resolved(*argv)


def test_without_any_configuration_the_local_port_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert resolved().server == "http://localhost:8080"
