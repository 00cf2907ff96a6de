"""What may be configured of credential provider plugins, and what they may answer."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubelet.credentialproviders import GLOBAL, VERSION, Answer, parse_answer, read_config

IMAGE = "registry.example/team/app"
ONE = {"name": "plugin", "apiVersion": VERSION, "matchImages": ["*.example"], "defaultCacheDuration": "10m"}


def config(directory: Path, *providers: Any, **fields: Any) -> Path:
    (directory / "plugin").write_text("#!/bin/sh\n")
    (directory / "plugin").chmod(0o755)
    path = directory / "config.yaml"
    path.write_text(json.dumps({"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": list(providers), **fields}))
    return path


def test_a_config(tmp_path: Path) -> None:
    entry = ONE | {"args": ["get"], "env": [{"name": "A", "value": "1"}]}
    (found,) = read_config(config(tmp_path, entry), tmp_path)
    assert (found.name, found.program, found.default_seconds, found.args, dict(found.env)) == (
        "plugin", str(tmp_path / "plugin"), 600.0, ("get",), {"A": "1"})
    assert found.is_for("registry.example/a") and not found.is_for("docker.io/library/a")


@pytest.mark.parametrize(("providers", "words"), [
    pytest.param([], "at least 1 item", id="none"),
    pytest.param([ONE, ONE], "two have the same name", id="twice"),
    pytest.param([ONE | {"name": "../plugin"}], "the name of a program", id="path"),
    pytest.param([ONE | {"name": "missing"}], "no program that can be run", id="missing"),
    pytest.param([ONE | {"apiVersion": "v2"}], "Unsupported value: 'v2'", id="version"),
    pytest.param([ONE | {"matchImages": []}], "matchImages: Required value", id="no-images"),
    pytest.param([ONE | {"defaultCacheDuration": "-1s"}], "must not be negative", id="negative"),
    pytest.param([ONE | {"defaultCacheDuration": "soon"}], "invalid duration", id="no-duration"),
    pytest.param([{name: value for name, value in ONE.items() if name != "defaultCacheDuration"}], "defaultCacheDuration", id="without-duration"),
    pytest.param([ONE | {"tokenAttributes": {}}], "tokenAttributes", id="tokens"),
])
def test_bad_configs(tmp_path: Path, providers: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_config(config(tmp_path, *providers), tmp_path)


def test_what_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no CredentialProviderConfig"):
        read_config(config(tmp_path, ONE, kind="Other"), tmp_path)
    with pytest.raises(ValueError, match="No such file"):
        read_config(tmp_path / "missing", tmp_path)


def answer(**fields: Any) -> bytes:
    return json.dumps({"apiVersion": VERSION, "kind": "CredentialProviderResponse", "cacheKeyType": "Image",
                       "auth": {"*.example": {"username": "u", "password": "p"}}, **fields}).encode()


@pytest.mark.parametrize(("kind", "key"), [("Image", IMAGE), ("Registry", "registry.example"), ("Global", GLOBAL)])
def test_answers(kind: str, key: str) -> None:
    assert parse_answer(answer(cacheKeyType=kind, cacheDuration="1m30s"), IMAGE) == Answer(
        {"*.example": {"username": "u", "password": "p"}}, key, 90.0)


@pytest.mark.parametrize(("data", "words"), [
    pytest.param(b"", "Expecting value", id="nothing"),
    pytest.param(b"[]", "no CredentialProviderResponse", id="list"),
    pytest.param(answer(apiVersion="v0"), "no CredentialProviderResponse", id="version"),
    pytest.param(answer(cacheKeyType="Planet"), "cacheKeyType is 'Planet'", id="key-type"),
    pytest.param(answer(auth=["x"]), "auth is no object", id="auth"),
    pytest.param(answer(cacheDuration="5 minutes"), "duration", id="duration"),
    pytest.param(b"[" * 100_000, "too deeply", id="deep"),
])
def test_bad_answers(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_answer(data, IMAGE)
