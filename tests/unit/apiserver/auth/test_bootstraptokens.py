"""Bootstrap tokens are somebody's only while their Secret says so."""
from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, cast

import pytest

from apiserver.auth.bootstraptokens import BootstrapTokens
from apiserver.registry.store import Store
from kubeapi.meta import ObjectKey
from tests.virtualtime import VirtualWorld

TOKEN = "abcdef.0123456789abcdef"
DATA = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}


def tokens(data: dict[str, str], **changes: Any) -> BootstrapTokens:
    secret = {"metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}, "type": "bootstrap.kubernetes.io/token",
              "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}, **changes}
    kept = {ObjectKey("kube-system", "bootstrap-token-abcdef"): SimpleNamespace(document=lambda: secret)}
    return BootstrapTokens(cast(Store, SimpleNamespace(cacher=SimpleNamespace(get=kept.get))), VirtualWorld())


@pytest.mark.parametrize(("data", "groups"), [
    pytest.param(DATA, ("system:bootstrappers", "system:authenticated"), id="plain"),
    pytest.param(DATA | {"auth-extra-groups": "system:bootstrappers:a,system:bootstrappers:b"},
                 ("system:bootstrappers", "system:bootstrappers:a", "system:bootstrappers:b", "system:authenticated"), id="more groups"),
    pytest.param(DATA | {"expiration": "2026-01-01T00:00:01Z"}, ("system:bootstrappers", "system:authenticated"), id="not expired yet"),
])
def test_a_token_is_a_bootstrapper(data: dict[str, str], groups: tuple[str, ...]) -> None:
    user = tokens(data).of_token(TOKEN)
    assert user is not None
    assert (user.name, tuple(user.groups)) == ("system:bootstrap:abcdef", groups)


@pytest.mark.parametrize(("token", "data", "changes"), [
    pytest.param("abcdef.0123456789abcdee", DATA, {}, id="another secret"),
    pytest.param("abcdeg.0123456789abcdef", DATA, {}, id="another id"),
    pytest.param("abcdef", DATA, {}, id="no token"),
    pytest.param(TOKEN + "\n", DATA, {}, id="more than a token"),
    pytest.param(TOKEN, DATA, {"type": "Opaque"}, id="a Secret of another type"),
    pytest.param(TOKEN, DATA, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, id="one being deleted"),
    pytest.param(TOKEN, DATA | {"expiration": "2026-01-01T00:00:00Z"}, {}, id="expired"),
    pytest.param(TOKEN, DATA | {"expiration": "soon"}, {}, id="nobody knows when it expires"),
    pytest.param(TOKEN, DATA | {"usage-bootstrap-authentication": "false"}, {}, id="not for authentication"),
    pytest.param(TOKEN, {name: value for name, value in DATA.items() if name.startswith("token")}, {}, id="for nothing"),
    pytest.param(TOKEN, DATA | {"auth-extra-groups": "system:masters"}, {}, id="a group it may not give"),
    pytest.param(TOKEN, DATA | {"token-id": "abcdeg"}, {}, id="the Secret of another token"),
    pytest.param("abcdef." + "0" * 16, DATA | {"token-secret": ""}, {}, id="without a secret"),
])
def test_anything_else_is_nobody(token: str, data: dict[str, str], changes: dict[str, Any]) -> None:
    assert tokens(data, **changes).of_token(token) is None
