"""RBAC: what the roles allow that are bound to a user, to one of its groups or to its ServiceAccount. It only ever adds.

A decision is two lookups: who, and where, leads to what they may; what they want leads to the verdict. Both are made when first
asked for, and made anew when a role or a binding has changed.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apiserver.auth.access import NO_OPINION, Access, Rules, Verdict
from apiserver.auth.bindings import Binding, BindingIndex
from apiserver.auth.following import Following
from apiserver.auth.user import User
from apiserver.cacher import CachedObject
from apiserver.registry.stores import Stores
from kubeapi import errors
from kubeapi.meta import ObjectKey
from kubeapi.rbac import Rule, rule_of
from kubeapi.resource import GroupResource

Document = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
MOST_REMEMBERED = 4096                          # of users and namespaces; and of wishes of each an eighth


@dataclass(frozen=True, slots=True)
class Role:
    documents: tuple[Document, ...]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class Permissions:
    """Of one user in one namespace: rules with the reason that is told when one allows; and of roles that are not there, why not."""

    granted: list[tuple[Role, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    decided: dict[tuple[str, str, str, str], tuple[Verdict | None, dict[str, Verdict]]] = field(default_factory=dict)

    def verdict(self, access: Access) -> Verdict:
        if access.path is not None:
            return self._of_path(access.verb, access.path)
        wish = access.verb, access.group, access.resource, access.subresource
        known = self.decided.get(wish)
        if known is None:
            if len(self.decided) >= MOST_REMEMBERED // 8:
                self.decided.clear()
            known = self.decided[wish] = self._decide(*wish)
        return known[0] or known[1].get(access.name) or self._refused()

    def _decide(self, verb: str, group: str, resource: str, subresource: str) -> tuple[Verdict | None, dict[str, Verdict]]:
        """For objects of any name, and else by name."""
        by_name: dict[str, Verdict] = {}
        for role, reason in self.granted:
            for rule in role.rules:
                if rule.is_about(verb, group, resource, subresource):
                    if not rule.names:
                        return Verdict(True, reason), {}
                    by_name.update(dict.fromkeys(rule.names - by_name.keys(), Verdict(True, reason)))
        return None, by_name

    def _of_path(self, verb: str, path: str) -> Verdict:
        allowing = (reason for role, reason in self.granted for rule in role.rules if rule.allows_path(verb, path))
        reason = next(allowing, None)
        return self._refused() if reason is None else Verdict(True, reason)

    def _refused(self) -> Verdict:
        if not self.missing:
            return NO_OPINION
        told = ", ".join(self.missing)
        return Verdict(None, f"RBAC: {told}" if len(self.missing) == 1 else f"RBAC: [{told}]")


class RbacAuthorizer:
    def __init__(self, stores: Stores) -> None:
        roles, cluster_roles, bindings, cluster_bindings = (
            stores[GroupResource(GROUP, plural)].cacher for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings"))
        self._bindings = BindingIndex(cluster_bindings, bindings)
        self._roles: dict[ObjectKey, Role] = {}
        self._followed = [Following(cacher, self._roles.clear, self._role_changed) for cacher in (roles, cluster_roles)]
        self._cachers = {"Role": roles, "ClusterRole": cluster_roles}
        self._logs = [cacher.log for cacher in (roles, cluster_roles, bindings, cluster_bindings)]
        self._at: list[int] = []
        self._permissions: dict[tuple[str, tuple[str, ...], str], Permissions] = {}

    def _role_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        changed = new or old
        assert changed is not None
        self._roles.pop(changed.key, None)

    def authorize(self, access: Access) -> Verdict:
        return self.permissions(access.user, access.namespace).verdict(access)

    def rules_of(self, user: User, namespace: str) -> Rules:
        rules = self.documents_of(user, namespace)
        return Rules(tuple(one for one in rules if one.get("resources")), tuple(one for one in rules if one.get("nonResourceURLs")))

    def documents_of(self, user: User, namespace: str) -> list[Document]:
        return [one for role, _ in self.permissions(user, namespace).granted for one in role.documents]

    def rules_of_role(self, kind: str, key: ObjectKey) -> tuple[Document, ...]:
        """Raises NotFound."""
        role = self._role(kind, key)
        if role is None:
            raise errors.not_found(f"{kind.lower()}s", GROUP, key.name)
        return role.documents

    def permissions(self, user: User, namespace: str) -> Permissions:
        at = [log.end for log in self._logs]
        if at != self._at:
            self._catch_up()
            self._at = at
        key = user.name, tuple(user.groups), namespace
        known = self._permissions.get(key)
        if known is None:
            if len(self._permissions) >= MOST_REMEMBERED:
                self._permissions.clear()
            known = self._permissions[key] = self._made(user, namespace)
        return known

    def _catch_up(self) -> None:
        self._permissions.clear()
        self._bindings.catch_up()
        for one in self._followed:
            one.catch_up()

    def _made(self, user: User, namespace: str) -> Permissions:
        found = Permissions()
        for binding, subject in self._bindings.of([("User", user.name), *(("Group", group) for group in user.groups)], namespace):
            role = self._role_of(binding)
            if role is None:
                found.missing.append(f'{binding.role_kind.lower()}.{GROUP} "{binding.role_name}" not found')
            else:
                found.granted.append((role, binding.told(subject)))
        return found

    def _role_of(self, binding: Binding) -> Role | None:
        return self._role(binding.role_kind, binding.role)

    def _role(self, kind: str, key: ObjectKey) -> Role | None:
        role = self._roles.get(key)
        if role is None and kind in self._cachers and (found := self._cachers[kind].get(key)) is not None:
            documents = tuple(found.document().get("rules") or ())
            role = self._roles[key] = Role(documents, tuple(map(rule_of, documents)))
        return role
