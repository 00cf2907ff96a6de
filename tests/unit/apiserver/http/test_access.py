"""What a request wants, as authorizers are asked; and whom it may be taken for."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from apiserver.auth.access import Access, Rules, Verdict, refusal
from apiserver.auth.authorization import Authorization
from apiserver.auth.user import User
from apiserver.http import requestinfo
from apiserver.http.access import access_of
from apiserver.http.impersonation import asks_to_be_another, impersonated
from kubeapi import errors

JANE = User("jane")


@pytest.mark.parametrize(("method", "path", "query", "expected"), [
    ("GET", "/api/v1/namespaces/a/pods/x", "", "get pods a x"),
    ("GET", "/api/v1/pods", "", "list pods - -"),
    ("GET", "/api/v1/namespaces/a/pods", "watch=true", "watch pods a -"),
    ("GET", "/api/v1/watch/namespaces/a/pods", "", "watch pods a -"),
    ("DELETE", "/api/v1/namespaces/a/pods", "", "deletecollection pods a -"),
    ("DELETE", "/api/v1/namespaces/a/pods/x", "", "delete pods a x"),
    ("PUT", "/apis/apps/v1/namespaces/a/deployments/x/scale", "", "update deployments/scale a x"),
    ("PATCH", "/apis/apps/v1/namespaces/a/deployments/x", "", "patch deployments a x"),
    ("POST", "/api/v1/namespaces/a/pods/x/exec", "command=sh", "create pods/exec a x"),
    ("GET", "/api/v1/namespaces/a/pods/x/log", "follow=true", "get pods/log a x"),
    ("GET", "/api/v1/namespaces/a", "", "get namespaces a a"),
    ("PUT", "/api/v1/namespaces/a/finalize", "", "update namespaces/finalize a a"),
    ("POST", "/api/v1/namespaces", "", "create namespaces - -"),
    ("GET", "/api/v1/namespaces/a/secrets", "fieldSelector=metadata.name%3Ds&watch=1", "watch secrets a s"),
    ("GET", "/api/v1/namespaces/a/secrets", "fieldSelector=metadata.name!%3Ds", "list secrets a -"),
    ("GET", "/api/v1/namespaces/a/secrets", "fieldSelector=rubbish", "list secrets a -"),
    ("GET", "/version", "", "get /version"), ("POST", "/foo", "", "post /foo"), ("GET", "/apis/apps/v1", "", "get /apis/apps/v1"),
])
def test_what_a_request_wants(method: str, path: str, query: str, expected: str) -> None:
    access = access_of(JANE, requestinfo.parse(method, path, query.encode()), method, path)
    told = f"{access.verb} {access.path}" if access.path is not None else \
        f"{access.verb} {access.combined} {access.namespace or '-'} {access.name or '-'}"
    assert told == expected


class Allowing:
    """Those who may do what is listed."""

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed

    def authorize(self, access: Access) -> Verdict:
        return Verdict("/".join(filter(None, (access.resource, access.subresource, access.namespace, access.name))) in self._allowed or None)

    def rules_of(self, user: User, namespace: str) -> Rules:
        return Rules()


def taken_for(headers: Iterable[tuple[str, str]], *allowed: str) -> User:
    async def at_once() -> None:
        return None

    authorization = Authorization(("RBAC",), {"RBAC": Allowing(*allowed)}, at_once)
    scope = {"headers": [(name.lower().encode(), value.encode()) for name, value in headers]}
    assert asks_to_be_another(scope)
    return asyncio.run(impersonated(scope, JANE, authorization))


def test_whoever_does_not_ask_is_themselves() -> None:
    assert not asks_to_be_another({"headers": [(b"accept", b"*/*")]})


@pytest.mark.parametrize(("headers", "allowed", "expected"), [
    ([("Impersonate-User", "bob")], ["users/bob"], User("bob", ("system:authenticated",))),
    ([("Impersonate-User", "bob"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")], ["users/bob", "groups/a", "groups/b"],
     User("bob", ("a", "b", "system:authenticated"))),
    ([("Impersonate-User", "system:anonymous")], ["users/system:anonymous"], User("system:anonymous", ("system:unauthenticated",))),
    ([("Impersonate-User", "system:serviceaccount:a:robot")], ["serviceaccounts/a/robot"],
     User("system:serviceaccount:a:robot", ("system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"))),
    ([("Impersonate-User", "bob"), ("Impersonate-Uid", "u1"), ("Impersonate-Extra-Acme.com%2fScope", "x"), ("Impersonate-Extra-acme.com%2Fscope", "y")],
     ["users/bob", "uids/u1", "userextras/acme.com/scope/x", "userextras/acme.com/scope/y"],
     User("bob", ("system:authenticated",), "u1", {"acme.com/scope": ("x", "y")})),
], ids=["user", "groups", "anonymous", "account", "uid and extra"])
def test_each_part_of_another_s_identity_has_to_be_allowed(headers: list[tuple[str, str]], allowed: list[str], expected: User) -> None:
    assert taken_for(headers, *allowed) == expected
    for lacking in allowed:
        with pytest.raises(errors.Forbidden, match='User "jane" cannot impersonate resource'):
            taken_for(headers, *(one for one in allowed if one != lacking))


def test_groups_alone_are_nobody() -> None:
    with pytest.raises(errors.InternalError, match="without impersonating a user"):
        taken_for([("Impersonate-Group", "system:masters")], "groups/system:masters")


def test_how_it_is_refused() -> None:
    with pytest.raises(errors.Forbidden) as caught:
        taken_for([("Impersonate-User", "bob")])
    assert caught.value.message == f'users "bob" is forbidden: {refusal(Access(JANE, "impersonate", "", "users", name="bob"))}'
    assert caught.value.message.endswith('User "jane" cannot impersonate resource "users" in API group "" at the cluster scope')
