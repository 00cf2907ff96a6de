"""ClusterRoles that are the sum of others: their rules are those of all ClusterRoles that their selectors choose, by name."""
from __future__ import annotations

from collections.abc import Sequence

from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.rbac_v1 import ClusterRole, PolicyRule
from kubeapi.labels import from_label_selector
from kubeapi.meta import ObjectKey
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory


class ClusterRoleAggregator:
    """Keys are ClusterRoles with an aggregationRule."""

    def __init__(self, client: Client, roles: Informer[ClusterRole]) -> None:
        self._api, self._roles = client.resource(ClusterRole), roles

    async def reconcile(self, key: ObjectKey) -> Result:
        role = self._roles.get(key)
        if role is None or role.aggregation_rule is None:
            return DONE
        rules = aggregated(role, self._roles.list())
        if rules != role.rules:
            try:
                await self._api.update(role.evolve(rules=rules))
            except (Conflict, NotFound):
                return DONE                     # its next event tells
        return DONE


def aggregated(role: ClusterRole, roles: Sequence[ClusterRole]) -> tuple[PolicyRule, ...]:
    """Each rule once; a role is no part of itself."""
    assert role.aggregation_rule is not None
    selectors = [from_label_selector(one.to_wire()) for one in role.aggregation_rule.cluster_role_selectors]
    by_name = sorted(roles, key=lambda one: one.metadata.name)
    found: list[PolicyRule] = []
    for selector in selectors:
        for one in by_name:
            if one.metadata.name != role.metadata.name and selector.matches(one.metadata.labels):
                found += [rule for rule in one.rules if rule not in found]
    return tuple(found)


def cluster_role_aggregation_controller(client: Client, factory: InformerFactory) -> Controller:
    roles = factory.informer(ClusterRole)
    controller = Controller("clusterrole-aggregation", ClusterRoleAggregator(client, roles), workers=1)
    return controller.watches(roles, lambda _: [ObjectKey("", one.metadata.name) for one in roles.list() if one.aggregation_rule is not None])
