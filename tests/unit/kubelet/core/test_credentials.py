from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Secret
from kubelet.credentials import config_of, fits, parse_config, registry_auths
from kubelet.cri import RegistryAuth

JOINED = base64.b64encode(b"user:pass:word").decode()


@pytest.mark.parametrize(("key", "repository", "expected"), [
    pytest.param("registry.example", "registry.example/a", True, id="host"),
    pytest.param("registry.example", "registry.example:5000/a", False, id="another-port"),
    pytest.param("registry.example:5000", "registry.example:5000/a", True, id="port"),
    pytest.param("*.example", "registry.example/a", True, id="glob"),
    pytest.param("*.example", "deep.registry.example/a", False, id="a-glob-is-one-label"),
    pytest.param("*.*.example", "deep.registry.example/a", True, id="two-globs"),
    pytest.param("pre*.example:5000", "prefix.example:5000/a", True, id="part-of-a-label"),
    pytest.param("*.example/team", "registry.example/team/app", True, id="path"),
    pytest.param("*.example/team", "registry.example/other/app", False, id="another-path"),
    pytest.param("index.docker.io", "docker.io/library/busybox", True, id="docker-hub"),
    pytest.param("registry.example", "docker.io/library/busybox", False, id="not-docker-hub"),
])
def test_keys(key: str, repository: str, expected: bool) -> None:
    assert fits(key, repository) is expected


@pytest.mark.parametrize(("config", "expected"), [
    pytest.param({"registry.example": {"username": "u", "password": "p"}}, [RegistryAuth("u", "p")], id="two-fields"),
    pytest.param({"https://registry.example/v2/": {"auth": JOINED}}, [RegistryAuth("user", "pass:word")], id="joined-and-an-address"),
    pytest.param({"registry.example": {"registrytoken": "t"}}, [RegistryAuth(registry_token="t")], id="token"),
    pytest.param({"other.example": {"username": "u"}}, [], id="another-registry"),
    pytest.param({"*.example": {"username": "glob"}, "registry.example/team": {"username": "path"}, "registry.example": {"username": "host"}},
                 [RegistryAuth("path"), RegistryAuth("host"), RegistryAuth("glob")], id="the-most-particular-first"),
    pytest.param({"registry.example": "nonsense"}, [], id="nonsense"),
])
def test_a_config(config: dict[str, Any], expected: list[RegistryAuth]) -> None:
    assert registry_auths("registry.example/team/app", [config]) == expected


def test_all_configs_are_tried_in_their_order() -> None:
    first, second = {"*.example": {"username": "a"}}, {"registry.example": {"username": "b"}}
    assert registry_auths("registry.example/app", [first, second, first]) == [RegistryAuth("a"), RegistryAuth("b")]


@pytest.mark.parametrize("secret", [
    pytest.param({".dockerconfigjson": {"auths": {"r.example": {"username": "u"}}}}, id="dockerconfigjson"),
    pytest.param({".dockercfg": {"r.example": {"username": "u"}}}, id="dockercfg"),
])
def test_secrets(secret: dict[str, Any]) -> None:
    data = {key: json.dumps(value).encode() for key, value in secret.items()}
    assert config_of(Secret(data=data)) == {"r.example": {"username": "u"}}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": 5}', '{"credHelpers": {}}'])
def test_what_is_no_config_has_no_credentials(text: str) -> None:
    assert parse_config(text) == {}
