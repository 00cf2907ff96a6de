"""The bootstrap policy as objects, and what one of them lacks that is there already. Pure.

Reconciling only adds: rules, subjects, labels and selectors that others took away come back, what others added stays. An object
whose annotation rbac.authorization.kubernetes.io/autoupdate is "false" is left alone.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apiserver.bootstrap import policytable as table
from kubeapi.rbac import uncovered

Document = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
CONTROLLER_PREFIX = "system:controller:"
MANAGER = "system:kube-controller-manager"
GROUPS = {"core": "", "rbac": GROUP, "*": "*"}
PLAIN_GROUPS = frozenset({"apps", "autoscaling", "batch", "extensions", "policy"})


def cluster_roles() -> list[Document]:
    return [*_roles(table.CLUSTER_ROLES, "ClusterRole"), *_roles(table.CONTROLLER_ROLES, "ClusterRole", prefix=CONTROLLER_PREFIX)]


def roles() -> list[Document]:
    return [one for namespace, text in table.ROLES.items() for one in _roles(text, "Role", namespace)]


def cluster_role_bindings() -> list[Document]:
    """All controllers are one process, which is one user: it has all their roles."""
    controllers = [_named("ClusterRoleBinding", name, "", **_bound("ClusterRole", name, [f"@{name.removeprefix(CONTROLLER_PREFIX)}", MANAGER]))
                   for name in (one["metadata"]["name"] for one in _roles(table.CONTROLLER_ROLES, "ClusterRole", prefix=CONTROLLER_PREFIX))]
    return [*_bindings(table.CLUSTER_BINDINGS, "ClusterRoleBinding"), *controllers]


def role_bindings() -> list[Document]:
    return [one for namespace, text in table.BINDINGS.items() for one in _bindings(text, "RoleBinding", namespace)]


def node_rules() -> list[Document]:
    (role,) = _roles(table.NODE, "ClusterRole")
    return list(role["rules"])


def _roles(text: str, kind: str, namespace: str = "", prefix: str = "") -> list[Document]:
    found: list[Document] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):
            found[-1]["rules"].append(_rule(line.split()))
            continue
        name, *marks = line.split()
        labels = {f"{GROUP}/aggregate-to-{mark[1:]}": "true" for mark in marks if mark[0] == "+"}
        sums = [{"matchLabels": {f"{GROUP}/aggregate-to-{mark[1:]}": "true"}} for mark in marks if mark[0] == "<"]
        role = _named(kind, prefix + name, namespace, labels, rules=[])
        found.append({**role, "aggregationRule": {"clusterRoleSelectors": sums}} if sums else role)
    return found


def _rule(words: list[str]) -> Document:
    verbs, groups, things, *names = words
    rule: Document = {"verbs": sorted({verb for word in verbs.split(",") for verb in table.VERBS.get(word, word).split(",")})}
    if groups == "url":
        return {**rule, "nonResourceURLs": things.split(",")}
    rule |= {"apiGroups": sorted(_group(word) for word in groups.split(",")), "resources": sorted(things.split(","))}
    return {**rule, "resourceNames": names[0].removeprefix("=").split(",")} if names else rule


def _group(word: str) -> str:
    return word if word in PLAIN_GROUPS else GROUPS.get(word, f"{word}.k8s.io")


def _bindings(text: str, kind: str, namespace: str = "") -> Iterator[Document]:
    for line in text.strip().splitlines():
        role, *subjects = line.split()
        role, _, name = role.partition("=")
        yield _named(kind, name or role, namespace, **_bound("Role" if namespace else "ClusterRole", role, subjects))


def _bound(role_kind: str, role: str, subjects: list[str]) -> Document:
    found: Document = {"roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role}}
    return {**found, "subjects": [_subject(one) for one in subjects]} if subjects else found


def _subject(word: str) -> Document:
    if word[0] == "@":
        return {"kind": "ServiceAccount", "name": word[1:], "namespace": "kube-system"}
    return {"kind": "Group" if word[0] == "%" else "User", "apiGroup": GROUP, "name": word.removeprefix("%")}


def _named(kind: str, name: str, namespace: str, labels: dict[str, str] | None = None, **rest: Any) -> Document:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind,
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), "annotations": {AUTO_UPDATE: "true"},
                         "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **(labels or {})}}, **rest}


def reconciled(there: Document, wanted: Document) -> Document | None:
    """What it has to become; None where nothing is lacking. A role that a binding is for never changes: see `is_for_another_role`."""
    metadata = there["metadata"]
    if (metadata.get("annotations") or {}).get(AUTO_UPDATE) == "false":
        return None
    changed = dict(there)
    named = {field: {**(metadata.get(field) or {}), **wanted["metadata"][field]} for field in ("labels", "annotations")}
    changed["metadata"] = {**metadata, **named}
    if "aggregationRule" in wanted:
        changed["aggregationRule"] = {"clusterRoleSelectors": _with((there.get("aggregationRule") or {}).get("clusterRoleSelectors"),
                                                                    wanted["aggregationRule"]["clusterRoleSelectors"])}
    elif lacking := uncovered(there.get("rules") or (), wanted.get("rules") or ()):
        changed["rules"] = [*(there.get("rules") or ()), *lacking]
    if "subjects" in wanted:
        changed["subjects"] = _with(there.get("subjects"), wanted["subjects"])
    return None if changed == there else changed


def is_for_another_role(there: Document, wanted: Document) -> bool:
    return bool(there.get("roleRef") != wanted.get("roleRef")) and (there["metadata"].get("annotations") or {}).get(AUTO_UPDATE) != "false"


def _with(has: list[Document] | None, wanted: list[Document]) -> list[Document]:
    return [*(has or ()), *(one for one in wanted if one not in (has or ()))]
