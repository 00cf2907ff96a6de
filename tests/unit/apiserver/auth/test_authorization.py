"""Authorizers are asked in order; a refusal reads as upstream's, and is only spoken by who has seen all there was to see."""
from __future__ import annotations

import asyncio

import pytest

from apiserver.auth.access import NO_OPINION, Access, Rules, Verdict, forbidden
from apiserver.auth.authorization import Authorization, parse_modes
from apiserver.auth.user import User
from apiserver.storage.interface import StorageUnavailable
from kubeapi import errors

JANE = User("jane", ("system:authenticated",))
GET = Access(JANE, "get", "", "pods", namespace="default", name="x")


class Says:
    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts, self.asked = list(verdicts), 0

    def authorize(self, access: Access) -> Verdict:
        self.asked += 1
        return self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]

    def rules_of(self, user: User, namespace: str) -> Rules:
        return Rules()


async def at_once() -> None:
    return None


def verdict(modes: str, access: Access = GET, node: Verdict = NO_OPINION, rbac: Verdict = NO_OPINION) -> Verdict:
    return asyncio.run(Authorization(parse_modes(modes), {"Node": Says(node), "RBAC": Says(rbac)}, at_once).verdict(access))


@pytest.mark.parametrize(("modes", "node", "rbac", "expected"), [
    pytest.param("AlwaysAllow", Verdict(None), Verdict(None), Verdict(True), id="always allow"),
    pytest.param("AlwaysDeny", Verdict(None), Verdict(None), Verdict(None, "Everything is forbidden."), id="always deny"),
    pytest.param("Node,RBAC", Verdict(True), Verdict(None), Verdict(True), id="the first allows"),
    pytest.param("Node,RBAC", Verdict(None, "a"), Verdict(True, "b"), Verdict(True, "b"), id="the second allows"),
    pytest.param("Node,RBAC", Verdict(False, "never"), Verdict(True, "b"), Verdict(False, "never"), id="the first refuses"),
    pytest.param("Node,RBAC", Verdict(None, "a"), Verdict(None, "b"), Verdict(None, "a\nb"), id="nobody allows"),
    pytest.param("RBAC,AlwaysAllow", Verdict(None), Verdict(None), Verdict(True), id="in order"),
])
def test_the_first_with_an_opinion_decides(modes: str, node: Verdict, rbac: Verdict, expected: Verdict) -> None:
    assert verdict(modes, node=node, rbac=rbac) == expected


@pytest.mark.parametrize("access", [
    pytest.param(GET._replace(user=User("root", ("system:masters",))), id="a master"),
    pytest.param(Access(JANE, "get", path="/readyz"), id="whether it is ready"), pytest.param(Access(JANE, "get", path="/livez"), id="whether it lives"),
])
def test_some_are_never_asked_about(access: Access) -> None:
    assert verdict("AlwaysDeny", access) == Verdict(True)


@pytest.mark.parametrize(("text", "fault"), [
    ("ABAC", 'authorization-mode "ABAC" is not a valid mode: there are AlwaysAllow, AlwaysDeny, Node, RBAC'),
    ("", 'authorization-mode "" is not a valid mode: there are AlwaysAllow, AlwaysDeny, Node, RBAC'),
    ("RBAC,RBAC", 'authorization-mode ["RBAC" "RBAC"] has mode specified more than once'),
])
def test_modes_that_there_are_not(text: str, fault: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_modes(text)
    assert str(caught.value) == fault


def test_no_is_said_after_everything_has_been_seen() -> None:
    says = Says(Verdict(None), Verdict(True))
    assert asyncio.run(Authorization(("RBAC",), {"RBAC": says}, at_once).verdict(GET)).allowed


def test_nothing_is_said_where_the_store_does_not_answer() -> None:
    async def broken() -> None:
        raise StorageUnavailable("gone")

    with pytest.raises(errors.ServiceUnavailable, match="what jane may do is not known yet: gone"):
        asyncio.run(Authorization(("RBAC",), {"RBAC": Says(Verdict(None))}, broken).require(GET))


@pytest.mark.parametrize(("access", "reason", "message"), [
    (GET._replace(verb="list", name=""), "", 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"'),
    (GET, "", 'pods "x" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"'),
    (Access(JANE, "create", "apps", "deployments", "scale", "a", "d"), "RBAC: why",
     'deployments.apps "d" is forbidden: User "jane" cannot create resource "deployments/scale" in API group "apps" in the namespace "a": RBAC: why'),
    (Access(JANE, "list", "", "nodes"), "", 'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope'),
    (Access(JANE, "get", path="/foo"), "", 'forbidden: User "jane" cannot get path "/foo"'),
    (Access(User("<b>&"), "get", path="/<x>"), "", 'forbidden: User "&lt;b&gt;&amp;" cannot get path "/&lt;x&gt;"'),
], ids=["list", "get", "subresource", "cluster", "path", "markup"])
def test_a_refusal_reads_as_upstream_s(access: Access, reason: str, message: str) -> None:
    error = forbidden(access, reason)
    assert error.message == message
    assert (error.http_code, error.status["reason"]) == (403, "Forbidden")
