"""Requests that ask to be taken for somebody else's: Impersonate-User, -Group, -Uid and -Extra-KEY, each of which has to be allowed."""
from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from apiserver.auth.access import Access
from apiserver.auth.authentication import ANONYMOUS
from apiserver.auth.authorization import Authorization
from apiserver.auth.serviceaccounts import PREFIX as ACCOUNT
from apiserver.auth.user import User
from apiserver.http.responses import Scope, header
from kubeapi import errors
from kubeapi.names import dns1123_label_faults, dns1123_subdomain_faults

AUTHENTICATION = "authentication.k8s.io"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
USER, GROUP, UID, EXTRA = b"impersonate-user", b"impersonate-group", b"impersonate-uid", b"impersonate-extra-"


def asks_to_be_another(scope: Scope) -> bool:
    """Every request is looked at: the names alone, in the dict that `header` makes. Extra alone says nothing of anybody."""
    header(scope, USER)
    known = scope["picokube.headers"]
    return USER in known or GROUP in known or UID in known


async def impersonated(scope: Scope, user: User, authorization: Authorization) -> User:
    """Who the request is to be taken for, if `user` may be them. Raises Forbidden."""
    headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
    name, uid, extra = header(scope, USER), header(scope, UID), _extra(headers)
    groups = [value for key, value in headers if key == GROUP]
    if not name:
        raise errors.InternalError("Internal error occurred: requested impersonation without impersonating a user")
    for access in _wanted(user, name, groups, uid, extra):
        await authorization.require(access)
    if (account := _account(name)) is not None and not groups:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    return User(name, tuple(_with_everybody(name, groups)), uid, {key: tuple(values) for key, values in extra.items()})


def _wanted(user: User, name: str, groups: list[str], uid: str, extra: dict[str, list[str]]) -> Iterator[Access]:
    """Each part of another's identity is allowed by itself."""
    if (account := _account(name)) is not None:
        yield Access(user, "impersonate", "", "serviceaccounts", namespace=account[0], name=account[1])
    else:
        yield Access(user, "impersonate", "", "users", name=name)
    for group in groups:
        yield Access(user, "impersonate", "", "groups", name=group)
    for key, values in extra.items():
        for value in values:
            yield Access(user, "impersonate", AUTHENTICATION, "userextras", key, name=value)
    if uid:
        yield Access(user, "impersonate", AUTHENTICATION, "uids", name=uid)


def _extra(headers: list[tuple[bytes, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.startswith(EXTRA):
            found.setdefault(unquote(name[len(EXTRA):].decode("latin-1")), []).append(value)
    return found


def _account(name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a user's name means, if it does."""
    namespace, colon, account = name.removeprefix(ACCOUNT).partition(":")
    if not name.startswith(ACCOUNT) or not colon or dns1123_label_faults(namespace) or dns1123_subdomain_faults(account):
        return None
    return namespace, account


def _with_everybody(name: str, groups: list[str]) -> list[str]:
    if AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return groups
    return [*groups, UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED]
