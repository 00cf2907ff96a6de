"""What RBAC begins with: upstream's roles, and what of them comes back when it is taken away."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from apiserver.auth.access import Access
from apiserver.auth.rbac import RbacAuthorizer
from apiserver.auth.user import User
from apiserver.bootstrap import policy
from kubeapi.catalog import RESOURCES
from kubeapi.kinds.clusterrole import ClusterRoleStrategy
from kubeapi.kinds.rolebinding import RoleBindingStrategy
from tests.unit.apiserver.auth.stored import Stored

Document = dict[str, Any]
ANYBODY = ("system:authenticated",)
OBJECTS = [*policy.cluster_roles(), *policy.roles(), *policy.cluster_role_bindings(), *policy.role_bindings()]
ROLES = {one["metadata"]["name"]: one for one in policy.cluster_roles()}
BINDINGS = {one["metadata"]["name"]: one for one in policy.cluster_role_bindings()}


# Those of upstream's testdata/controller-roles.yaml.
CONTROLLERS = """
attachdetach-controller certificate-controller clusterrole-aggregation-controller cronjob-controller daemon-set-controller deployment-controller
device-taint-eviction-controller disruption-controller endpoint-controller endpointslice-controller endpointslicemirroring-controller
ephemeral-volume-controller expand-controller generic-garbage-collector horizontal-pod-autoscaler job-controller legacy-service-account-token-cleaner
namespace-controller node-controller persistent-volume-binder pod-garbage-collector pv-protection-controller pvc-protection-controller replicaset-controller
replication-controller resource-claim-controller resourcequota-controller root-ca-cert-publisher route-controller selinux-warning-controller
service-account-controller service-cidrs-controller service-controller statefulset-controller ttl-after-finished-controller ttl-controller
validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller"""


def test_every_controller_has_its_role_and_an_account_of_its_own() -> None:
    expected = {f"system:controller:{name}" for name in CONTROLLERS.split()}
    assert {name for name in ROLES if name.startswith("system:controller:")} == expected
    assert {name for name in BINDINGS if name.startswith("system:controller:")} == expected
    for name in expected:
        account = {"kind": "ServiceAccount", "name": name.removeprefix("system:controller:"), "namespace": "kube-system"}
        assert account in BINDINGS[name]["subjects"]


def test_all_of_it_is_valid() -> None:
    for one in OBJECTS:
        strategy = ClusterRoleStrategy() if one["kind"] in ("Role", "ClusterRole") else RoleBindingStrategy()
        assert not strategy.validate(one), one
        assert one["metadata"]["annotations"] == {"rbac.authorization.kubernetes.io/autoupdate": "true"}
        assert one["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
    keys = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in OBJECTS]
    assert len(set(keys)) == len(keys)


def test_every_binding_is_for_a_role_that_there_is() -> None:
    there = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in OBJECTS}
    for one in OBJECTS:
        if "roleRef" in one:
            kind, namespace = one["roleRef"]["kind"], one["metadata"].get("namespace", "")
            assert (kind, namespace if kind == "Role" else "", one["roleRef"]["name"]) in there


def test_every_group_that_is_named_is_one_or_was() -> None:
    known = {one.group for one in RESOURCES} | {"*", "extensions", "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"}
    assert {group for one in OBJECTS for rule in one.get("rules", ()) for group in rule.get("apiGroups", ())} <= known


@pytest.mark.parametrize(("name", "rules"), [
    ("cluster-admin", [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]),
    ("system:public-info-viewer", [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]}]),
    ("system:certificates.k8s.io:kubelet-serving-approver", [
        {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["kubernetes.io/kubelet-serving"]}]),
    ("system:node-bootstrapper", [
        {"verbs": ["create", "get", "list", "watch"], "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"]}]),
])
def test_a_line_is_a_rule(name: str, rules: list[Document]) -> None:
    assert ROLES[name]["rules"] == rules


def test_roles_that_are_sums() -> None:
    label = "rbac.authorization.k8s.io/aggregate-to-"
    for name in ("admin", "edit", "view"):
        assert ROLES[name]["aggregationRule"] == {"clusterRoleSelectors": [{"matchLabels": {f"{label}{name}": "true"}}]}
    parts = {name: sorted(one for one, role in ROLES.items() if f"{label}{name}" in role["metadata"]["labels"]) for name in ("admin", "edit", "view")}
    assert parts == {"admin": ["edit", "system:aggregate-to-admin"], "edit": ["system:aggregate-to-edit", "view"], "view": ["system:aggregate-to-view"]}


@pytest.mark.parametrize(("user", "wish", "expected"), [
    (User("system:anonymous", ("system:unauthenticated",)), "get /version", True),
    (User("system:anonymous", ("system:unauthenticated",)), "get /api", False),
    (User("jane", ANYBODY), "get /apis/apps/v1", True),
    (User("jane", ANYBODY), "create authorization.k8s.io selfsubjectaccessreviews", True),
    (User("jane", ANYBODY), "list - pods", False),
    (User("system:kube-scheduler", ANYBODY), "create - pods/binding", True),
    (User("system:kube-scheduler", ANYBODY), "update coordination.k8s.io leases kube-scheduler", True),
    (User("system:kube-scheduler", ANYBODY), "update coordination.k8s.io leases node-1", False),
    (User("system:kube-scheduler", ANYBODY), "get - secrets", False),
    (User("system:kube-controller-manager", ANYBODY), "create apps replicasets", True),
    (User("system:kube-controller-manager", ANYBODY), "escalate rbac.authorization.k8s.io clusterroles", True),
    (User("system:kube-controller-manager", ANYBODY), "impersonate - users", False),
    *[(User("system:kube-controller-manager", ANYBODY), f"{verb} certificates.k8s.io signers kubernetes.io/{signer}", may) for verb, signer, may in (
        ("approve", "kube-apiserver-client-kubelet", True), ("approve", "kubelet-serving", True), ("approve", "kube-apiserver-client", False),
        ("sign", "kube-apiserver-client", True), ("sign", "kube-apiserver-client-kubelet", True), ("sign", "kubelet-serving", True))],
    (User("system:serviceaccount:kube-system:replicaset-controller", ANYBODY), "create - pods", True),
    (User("system:serviceaccount:kube-system:replicaset-controller", ANYBODY), "create apps replicasets", False),
    (User("system:node:a", ("system:nodes", *ANYBODY)), "list - nodes", True),
    (User("system:node:a", ("system:nodes", *ANYBODY)), "get - secrets", False),
    (User("system:bootstrap:abcdef", ("system:bootstrappers", *ANYBODY)), "create certificates.k8s.io certificatesigningrequests", True),
    (User("system:bootstrap:abcdef", ("system:bootstrappers", *ANYBODY)), "update certificates.k8s.io certificatesigningrequests/approval", False),
    (User("system:bootstrap:abcdef", ("system:bootstrappers", *ANYBODY)), "list - pods", False),
], ids=lambda value: value.name if isinstance(value, User) else None)
def test_who_may_do_what_in_a_new_cluster(user: User, wish: str, expected: bool) -> None:
    rbac = RbacAuthorizer(Stored(*OBJECTS).stores)
    verb, *what = wish.split()
    if len(what) == 1:
        access = Access(user, verb, path=what[0])
    else:
        resource, _, subresource = what[1].partition("/")
        access = Access(user, verb, what[0].strip("-"), resource, subresource, name=what[2] if len(what) > 2 else "")
    assert bool(rbac.authorize(access).allowed) is expected


def changed(name: str, among: dict[str, Document], **changes: Any) -> Document:
    return {**copy.deepcopy(among[name]), **changes}


def test_what_is_as_it_should_be_is_left_alone() -> None:
    for one in OBJECTS:
        assert policy.reconciled(copy.deepcopy(one), one) is None


def test_rules_that_were_taken_away_come_back_and_added_ones_stay() -> None:
    wanted = ROLES["system:node-problem-detector"]
    own = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}
    fixed = policy.reconciled({**wanted, "rules": [own, *wanted["rules"][1:]]}, wanted)
    assert fixed is not None
    assert fixed["rules"] == [own, *wanted["rules"][1:], wanted["rules"][0]]


def test_a_wider_rule_covers_what_is_wanted() -> None:
    wanted = ROLES["system:node-problem-detector"]
    assert policy.reconciled({**wanted, "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}, wanted) is None


def test_the_rules_of_a_sum_are_not_the_keeper_s() -> None:
    wanted = ROLES["view"]
    assert policy.reconciled({**wanted, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}, wanted) is None
    lost = {name: value for name, value in wanted.items() if name != "aggregationRule"}
    assert (policy.reconciled(lost, wanted) or {})["aggregationRule"] == wanted["aggregationRule"]


def test_subjects_and_labels_come_back() -> None:
    wanted = BINDINGS["system:discovery"]
    mine = {"kind": "User", "name": "jane", "apiGroup": policy.GROUP}
    fixed = policy.reconciled({**wanted, "subjects": [mine], "metadata": {"name": "system:discovery", "labels": {"a": "b"}}}, wanted)
    assert fixed is not None
    assert fixed["subjects"] == [mine, *wanted["subjects"]]
    assert fixed["metadata"]["labels"] == {"a": "b", "kubernetes.io/bootstrapping": "rbac-defaults"}


def test_who_does_not_want_updates_is_left_alone() -> None:
    wanted = BINDINGS["system:discovery"]
    metadata = {"name": "system:discovery", "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}
    there = {**wanted, "subjects": [], "metadata": metadata, "roleRef": {"kind": "ClusterRole", "name": "other"}}
    assert policy.reconciled(there, wanted) is None
    assert not policy.is_for_another_role(there, wanted)


def test_a_binding_for_another_role_is_made_anew() -> None:
    assert policy.is_for_another_role(changed("system:discovery", BINDINGS, roleRef={"kind": "ClusterRole", "name": "other"}), BINDINGS["system:discovery"])
