"""Nobody gives what they do not have."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apiserver.admission.escalation import Escalation
from apiserver.auth.authorization import Authorization
from apiserver.auth.rbac import RbacAuthorizer
from apiserver.registry.attributes import Attributes, Document
from kubeapi import errors
from tests.unit.apiserver.auth.stored import PLURALS, Stored, a_binding, a_role, a_rule

RBAC = "rbac.authorization.k8s.io"
READ, WRITE = a_rule("get,list", "pods"), a_rule("get,delete", "pods,secrets")
CLUSTER = [
    a_role("reader", READ), a_role("writer", WRITE), a_role("all", {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                                                           {"verbs": ["*"], "nonResourceURLs": ["*"]}),
    a_binding("reader", "reader", "User/jane"), a_binding("all", "all", "User/root"),
    a_role("escalator", a_rule("escalate", "roles", RBAC)), a_binding("escalator", "escalator", "User/eve", namespace="a"),
    a_role("binder", a_rule("bind", "clusterroles", RBAC, names="writer")), a_binding("binder", "binder", "User/bob", namespace="a"),
]


def write(user: str, new: Document, old: Document | None = None, groups: tuple[str, ...] = ("devs",), modes: tuple[str, ...] = ("RBAC",)) -> None:
    async def at_once() -> None:
        return None

    roles = RbacAuthorizer(Stored(*CLUSTER).stores)
    plugin = Escalation(Authorization(modes, {"RBAC": roles}, at_once), roles)
    metadata = new["metadata"]
    attributes = Attributes("UPDATE" if old else "CREATE", PLURALS[new["kind"]], metadata.get("namespace", ""), metadata["name"], "", new, old, user, groups)
    asyncio.run(plugin.admit(attributes))


@pytest.mark.parametrize(("user", "new"), [
    ("jane", a_role("r", a_rule("get", "pods"), namespace="a")), ("jane", a_role("r", READ)), ("jane", a_binding("b", "reader", "User/x", namespace="a")),
    ("root", a_role("r", WRITE)), ("root", {**a_role("r"), "aggregationRule": {"clusterRoleSelectors": [{}]}}),
    ("eve", a_role("r", WRITE, namespace="a")), ("bob", a_binding("b", "writer", "User/x", namespace="a")),
], ids=["less", "as much", "a role that is held", "everything", "a sum", "escalate", "bind"])
def test_what_is_held_may_be_given(user: str, new: Document) -> None:
    write(user, new)


@pytest.mark.parametrize(("user", "new"), [
    ("jane", a_role("r", WRITE, namespace="a")), ("jane", a_binding("b", "writer", "User/jane", namespace="a")), ("jane", a_binding("b", "all", "User/jane")),
    ("eve", a_role("r", WRITE)), ("eve", a_role("r", WRITE, namespace="b")), ("eve", a_binding("b", "writer", "User/x", namespace="a")),
    ("bob", a_binding("b", "all", "User/x", namespace="a")), ("bob", a_binding("b", "writer", "User/x", namespace="b")),
], ids=["more", "a role with more", "cluster-wide", "escalate elsewhere", "escalate in another namespace", "escalate is not bind", "another role", "elsewhere"])
def test_what_is_not_held_may_not(user: str, new: Document) -> None:
    with pytest.raises(errors.Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        write(user, new)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(errors.Forbidden) as caught:
        write("jane", a_role("r", WRITE, namespace="a"), groups=("devs", "ops"))
    assert caught.value.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["devs" "ops"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}')


def test_a_sum_needs_everything() -> None:
    with pytest.raises(errors.Forbidden, match="must have cluster-admin privileges to use the aggregationRule"):
        write("jane", {**a_role("r"), "aggregationRule": {"clusterRoleSelectors": [{}]}})


def test_a_role_that_is_not_there_cannot_be_judged() -> None:
    with pytest.raises(errors.NotFound, match='clusterroles.rbac.authorization.k8s.io "gone" not found'):
        write("jane", a_binding("b", "gone", "User/x"))


@pytest.mark.parametrize(("new", "old"), [
    (a_role("r", WRITE, namespace="a"), a_role("r", WRITE, namespace="a")), (a_binding("b", "all", "User/x"), a_binding("b", "all", "User/x"))])
def test_what_was_given_before_may_be_collected_by_anybody(new: Document, old: Document) -> None:
    write("jane", {**new, "metadata": {**new["metadata"], "finalizers": [], "ownerReferences": []}}, old)


@pytest.mark.parametrize(("new", "old"), [
    (a_role("r", WRITE), a_role("r", WRITE)), (a_role("r"), {**a_role("r"), "aggregationRule": {"clusterRoleSelectors": [{}]}}),
    (a_binding("b", "all", "User/x"), a_binding("b", "all", "User/x"))], ids=["a role", "a sum", "a binding"])
def test_what_is_not_held_is_not_touched(new: Document, old: Document) -> None:
    """A label made a role part of admin and edit, to which whoever wrote it may be bound."""
    with pytest.raises(errors.Forbidden):
        write("jane", {**new, "metadata": {**new["metadata"], "labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}}}, old)


@pytest.mark.parametrize("more", [{"groups": ("system:masters",)}, {"modes": ("AlwaysAllow",)}], ids=["masters", "nobody is asked"])
def test_who_may_everything(more: dict[str, Any]) -> None:
    write("anybody", a_binding("b", "all", "User/x"), **more)
