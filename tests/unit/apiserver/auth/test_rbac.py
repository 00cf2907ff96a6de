"""What RBAC allows is the sum of the rules that are bound to whoever asks, and follows every change of them."""
from __future__ import annotations

from typing import Any

import pytest

from apiserver.auth.access import Access
from apiserver.auth.rbac import RbacAuthorizer
from apiserver.auth.user import User
from kubeapi import errors
from kubeapi.meta import ObjectKey
from tests.unit.apiserver.auth.stored import Stored, a_binding, a_role, a_rule, a_url_rule

JANE = User("jane", ("devs", "system:authenticated"))
ACCOUNT = User("system:serviceaccount:a:robot", ("system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"))
CLUSTER: list[dict[str, Any]] = [
    a_role("reader", a_rule("get,list,watch", "pods,pods/log")), a_binding("readers", "reader", "Group/devs"),
    a_role("one-secret", a_rule("get,update", "secrets", names="tls"), a_rule("list", "secrets"), namespace="a"),
    a_binding("one-secret", "one-secret", "User/jane", namespace="a", role_kind="Role"),
    a_role("scaler", a_rule("patch", "*/scale", "apps")), a_binding("scalers", "scaler", "User/jane", namespace="a"),
    a_role("everything-in-batch", a_rule("*", "*", "batch")), a_binding("robots", "everything-in-batch", "ServiceAccount/a:robot"),
    a_role("pages", a_url_rule("get", "/metrics,/logs/*"), a_url_rule("*", "/debug*")), a_binding("pages", "pages", "User/jane"),
    a_role("mine", a_rule("get", "services"), namespace="b"), a_binding("mine", "mine", "ServiceAccount/:robot", namespace="b", role_kind="Role"),
]


def allowed(access: Access, *documents: dict[str, Any]) -> bool:
    return bool(RbacAuthorizer(Stored(*(documents or CLUSTER)).stores).authorize(access).allowed)


@pytest.mark.parametrize(("access", "expected"), [
    pytest.param(Access(JANE, "get", "", "pods", namespace="a", name="x"), True, id="by a group, in a namespace"),
    pytest.param(Access(JANE, "list", "", "pods"), True, id="by a group, everywhere"),
    pytest.param(Access(JANE, "delete", "", "pods", namespace="a", name="x"), False, id="another verb"),
    pytest.param(Access(JANE, "get", "apps", "pods", namespace="a", name="x"), False, id="another group"),
    pytest.param(Access(JANE, "get", "", "pods", "log", "a", "x"), True, id="a subresource that is named"),
    pytest.param(Access(JANE, "get", "", "pods", "exec", "a", "x"), False, id="a subresource that is not"),
    pytest.param(Access(JANE, "get", "", "secrets", namespace="a", name="tls"), True, id="a name"),
    pytest.param(Access(JANE, "get", "", "secrets", namespace="a", name="other"), False, id="another name"),
    pytest.param(Access(JANE, "get", "", "secrets", namespace="a"), False, id="no name"),
    pytest.param(Access(JANE, "list", "", "secrets", namespace="a"), True, id="a rule without names beside one with"),
    pytest.param(Access(JANE, "list", "", "secrets", namespace="b"), False, id="another namespace"),
    pytest.param(Access(JANE, "list", "", "secrets"), False, id="a namespace's rule does not reach the cluster"),
    pytest.param(Access(JANE, "patch", "apps", "deployments", "scale", "a", "x"), True, id="a subresource of everything"),
    pytest.param(Access(JANE, "patch", "apps", "deployments", namespace="a", name="x"), False, id="not the thing itself"),
    pytest.param(Access(JANE, "get", path="/metrics"), True, id="a path"),
    pytest.param(Access(JANE, "get", path="/metrics/more"), False, id="below a path"),
    pytest.param(Access(JANE, "get", path="/logs/kern.log"), True, id="below a path with a star"),
    pytest.param(Access(JANE, "post", path="/debug"), True, id="any verb on a path"),
    pytest.param(Access(JANE, "post", path="/metrics"), False, id="another verb on a path"),
    pytest.param(Access(ACCOUNT, "deletecollection", "batch", "jobs", "status", "z"), True, id="a ServiceAccount"),
    pytest.param(Access(ACCOUNT, "get", "", "pods", namespace="a", name="x"), False, id="a ServiceAccount is no user of its groups only"),
    pytest.param(Access(User("system:serviceaccount:b:robot"), "get", "", "services", namespace="b", name="x"), True, id="one of the binding's namespace"),
    pytest.param(Access(User("nobody"), "get", "", "pods", namespace="a", name="x"), False, id="nobody"),
])
def test_rules_are_bound_to_users_groups_and_accounts(access: Access, expected: bool) -> None:
    assert allowed(access) is expected


def test_whoever_is_allowed_is_told_by_what() -> None:
    rbac = RbacAuthorizer(Stored(*CLUSTER).stores)
    assert rbac.authorize(Access(JANE, "get", "", "pods")).reason == 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "devs"'
    assert rbac.authorize(Access(JANE, "list", "", "secrets", namespace="a")).reason == \
        'RBAC: allowed by RoleBinding "one-secret/a" of Role "one-secret" to User "jane"'
    assert rbac.authorize(Access(ACCOUNT, "get", "batch", "jobs")).reason == \
        'RBAC: allowed by ClusterRoleBinding "robots" of ClusterRole "everything-in-batch" to ServiceAccount "robot/a"'


def test_a_role_that_is_not_there_is_named_in_a_refusal() -> None:
    rbac = RbacAuthorizer(Stored(a_binding("b", "gone", "User/jane"), a_binding("c", "lost", "User/jane", namespace="a", role_kind="Role")).stores)
    assert rbac.authorize(Access(JANE, "get", "", "pods")) == (None, 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found')
    assert rbac.authorize(Access(JANE, "get", "", "pods", namespace="a")).reason == (
        'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]')


def test_every_change_counts_at_once() -> None:
    stored = Stored()
    rbac = RbacAuthorizer(stored.stores)
    role, binding = a_role("r", a_rule("get", "pods")), a_binding("b", "r", "User/jane")

    def may(verb: str = "get", user: User = JANE) -> bool:
        return bool(rbac.authorize(Access(user, verb, "", "pods", namespace="a", name="x")).allowed)

    assert not may()
    stored.put(binding)
    assert not may()
    stored.put(role)
    assert may()
    stored.put(a_role("r", a_rule("delete", "pods")))
    assert not may()
    assert may("delete")
    stored.put(a_binding("b", "r", "User/john"))
    assert not may("delete")
    assert may("delete", User("john"))
    stored.delete(binding)
    assert not may("delete", User("john"))
    stored.put(binding)
    stored.delete(role)
    assert not may("delete")


def test_what_is_bound_survives_a_cache_that_is_read_anew() -> None:
    stored = Stored(*CLUSTER)
    rbac = RbacAuthorizer(stored.stores)
    access = Access(JANE, "get", "", "pods")
    assert rbac.authorize(access).allowed
    for store in stored.stores.values():
        store.cacher.replace([one.stored for one in store.cacher.objects()], stored.hub.clock.revision)
    assert rbac.authorize(access).allowed
    for store in stored.stores.values():
        store.cacher.replace([], stored.hub.clock.revision)
    assert not rbac.authorize(access).allowed


def test_what_a_user_may_is_listed() -> None:
    rules = RbacAuthorizer(Stored(*CLUSTER).stores).rules_of(JANE, "a")
    assert list(rules.resource) == [a_rule("get,list,watch", "pods,pods/log"), a_rule("get,update", "secrets", names="tls"), a_rule("list", "secrets"),
                                    a_rule("patch", "*/scale", "apps")]
    assert list(rules.non_resource) == [a_url_rule("get", "/metrics,/logs/*"), a_url_rule("*", "/debug*")]
    assert rules.incomplete == ""


def test_the_rules_of_a_role() -> None:
    rbac = RbacAuthorizer(Stored(*CLUSTER).stores)
    assert rbac.rules_of_role("ClusterRole", ObjectKey("", "reader")) == (a_rule("get,list,watch", "pods,pods/log"),)
    with pytest.raises(errors.NotFound, match='roles.rbac.authorization.k8s.io "reader" not found'):
        rbac.rules_of_role("Role", ObjectKey("a", "reader"))
