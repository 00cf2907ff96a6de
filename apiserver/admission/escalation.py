"""Nobody gives what they do not have: whoever writes a role or a binding holds every right in it, or may `escalate` or `bind`."""
from __future__ import annotations

from collections.abc import Iterable

from apiserver.auth.access import MASTERS, Access
from apiserver.auth.authorization import Authorization
from apiserver.auth.rbac import GROUP, RbacAuthorizer
from apiserver.auth.user import User
from apiserver.registry.attributes import Attributes, Document, Plugin
from kubeapi import errors, rbac
from kubeapi.meta import ObjectKey

ROLES, BINDINGS = ("roles", "clusterroles"), ("rolebindings", "clusterrolebindings")
COLLECTED_BY = ("ownerReferences", "finalizers", "managedFields")
KINDS = {"Role": "roles", "ClusterRole": "clusterroles"}


class Escalation(Plugin):
    def __init__(self, authorization: Authorization, roles: RbacAuthorizer) -> None:
        self._authorization, self._roles = authorization, roles

    async def admit(self, attributes: Attributes) -> None:
        new, resource = attributes.obj, attributes.resource
        if resource.group != GROUP or attributes.operation == "DELETE" or new is None or MASTERS in attributes.groups:
            return
        if attributes.old is not None and _differ_for_collection_only(new, attributes.old):
            return
        user = User(attributes.user, tuple(attributes.groups))
        if resource.plural in ROLES:
            await self._role(attributes, user, new, attributes.old or {})
        elif resource.plural in BINDINGS:
            await self._binding(attributes, user, new)

    async def _role(self, attributes: Attributes, user: User, new: Document, old: Document) -> None:
        """A role's labels count too: they make it a part of others."""
        if await self._may(attributes, user, "escalate"):
            return
        is_sum = bool(new.get("aggregationRule") or old.get("aggregationRule"))
        if is_sum and rbac.uncovered(self._roles.documents_of(user, ""), rbac.EVERYTHING):
            raise _forbidden(attributes, "must have cluster-admin privileges to use the aggregationRule")
        self._refuse_more(attributes, user, new.get("rules") or [])

    async def _binding(self, attributes: Attributes, user: User, new: Document) -> None:
        reference = new.get("roleRef") or {}
        kind, name = reference.get("kind", ""), reference.get("name", "")
        if kind not in KINDS:
            return                              # what is wrong with it is validation's to say
        if await self._may(attributes, user, "bind", KINDS[kind], name):
            return
        key = ObjectKey(attributes.namespace if kind == "Role" else "", name)
        self._refuse_more(attributes, user, self._roles.rules_of_role(kind, key))

    async def _may(self, attributes: Attributes, user: User, verb: str, plural: str = "", name: str = "") -> bool:
        plural, name = plural or attributes.resource.plural, name or attributes.name
        verdict = await self._authorization.verdict(Access(user, verb, GROUP, plural, namespace=attributes.namespace, name=name))
        return bool(verdict.allowed)

    def _refuse_more(self, attributes: Attributes, user: User, rules: Iterable[Document]) -> None:
        missing = rbac.uncovered(self._roles.documents_of(user, attributes.namespace), rules)
        if missing:
            told = "\n".join(sorted(map(rbac.rule_text, missing)))
            raise _forbidden(attributes, f'user "{user.name}" (groups={rbac.quoted_list(user.groups)}) is attempting to grant RBAC permissions '
                             f"not currently held:\n{told}")


def _differ_for_collection_only(new: Document, old: Document) -> bool:
    """Whoever cleans up need not hold the rights that go."""
    def rest(document: Document) -> Document:
        return {**document, "metadata": {field: value for field, value in document["metadata"].items() if field not in COLLECTED_BY}}
    return rest(new) == rest(old)


def _forbidden(attributes: Attributes, why: str) -> errors.Forbidden:
    return errors.forbidden(attributes.resource.plural, GROUP, attributes.name, why)
