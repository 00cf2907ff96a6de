"""ClusterRoles that are sums follow their parts."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controllers.clusterroleaggregation import cluster_role_aggregation_controller
from kubeapi.generated.models.rbac_v1 import ClusterRole
from kubeclient.testing import FakeClient, update
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run, settle

Document = dict[str, Any]


def a_role(name: str, *resources: str, of: str = "", **labels: str) -> ClusterRole:
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": [one]} for one in resources]
    aggregation = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"part-of": of}}]}} if of else {}
    return ClusterRole.from_wire({"metadata": {"name": name, "labels": {key.replace("_", "-"): value for key, value in labels.items()}}, "rules": rules,
                                  **aggregation})


def resources(fake: FakeClient, name: str) -> list[str]:
    role = fake.find(ClusterRole, name)
    assert role is not None
    return [rule.resources[0] for rule in role.rules]


def steps(fake: FakeClient, world: VirtualWorld, *changes: Callable[[], object]) -> None:
    async def scenario() -> None:
        async with running(fake, world, lambda client, recorder, factory, world: [cluster_role_aggregation_controller(client, factory)]):
            await settle()
            for one in changes:
                one()
                await settle()

    run(scenario())


def test_a_sum_is_the_rules_of_its_parts_by_name() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_role("sum", "old", of="sum"), a_role("b", "pods", "nodes", part_of="sum"), a_role("a", "services", "pods", part_of="sum"),
                      a_role("other", "secrets", part_of="else"), world=world)
    steps(fake, world)
    assert resources(fake, "sum") == ["services", "pods", "nodes"]
    assert fake.actions == [update("clusterroles")]


def test_it_follows_its_parts() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_role("sum", of="sum"), a_role("a", "pods", part_of="sum"), world=world)
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(resources(fake, "sum"))

    steps(fake, world, look, lambda: fake.add(a_role("b", "nodes", part_of="sum")), look, lambda: fake.add(a_role("a", "services", part_of="sum")), look,
          lambda: fake.remove(a_role("a")), look)
    assert seen == [["pods"], ["pods", "nodes"], ["services", "nodes"], ["nodes"]]


def test_sums_of_sums() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_role("admin", of="admin"), a_role("edit", of="edit", part_of="admin"), a_role("own", "pods", part_of="edit"), world=world)
    steps(fake, world)
    assert resources(fake, "admin") == ["pods"]


def test_a_sum_is_no_part_of_itself() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_role("sum", "pods", of="sum", part_of="sum"), world=world)
    steps(fake, world)
    assert resources(fake, "sum") == []


def test_roles_that_are_no_sums_keep_their_rules() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_role("a", "pods", part_of="sum"), world=world)
    steps(fake, world)
    assert fake.actions == []
