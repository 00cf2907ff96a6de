"""Who a client's certificate says that it is."""
from __future__ import annotations

from typing import Any

import pytest

from apiserver.auth.authentication import Authenticator
from kubeapi import errors


def a_peer(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"subject": tuple((pair,) for pair in pairs)}


def test_the_common_name_is_the_user_and_organizations_are_its_groups() -> None:
    user = Authenticator({}).user(a_peer(("organizationName", "a"), ("organizationName", "b"), ("commonName", "jane")), "", "/api")
    assert (user.name, user.groups) == ("jane", ("a", "b", "system:authenticated"))


@pytest.mark.parametrize("peer", [
    pytest.param(a_peer(("organizationName", "a")), id="no name"), pytest.param(a_peer(("commonName", "")), id="an empty one"),
    pytest.param(a_peer(("commonName", "system:node:a"), ("commonName", "system:kube-controller-manager")), id="two"),
])
def test_without_one_name_they_are_nobody(peer: dict[str, Any]) -> None:
    """Who signed a certificate with two names may have looked at the other."""
    with pytest.raises(errors.Unauthorized):
        Authenticator({}, anonymous=True).user(peer, "", "/api")
