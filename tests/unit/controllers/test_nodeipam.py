"""Every node its share of the pod addresses, none given twice."""
from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.nodeipam import first_free, node_ipam_controller
from kubeapi import errors
from kubeapi.generated.models.core_v1 import Event, Node
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, patch
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [node_ipam_controller(client, recorder, factory, "10.244.0.0/22", 24)]


def a_node(name: str, share: str = "") -> Node:
    return Node.from_wire({"metadata": {"name": name}, "spec": {"podCIDR": share, "podCIDRs": [share]} if share else {}})


def shares(fake: FakeClient) -> dict[str, str]:
    return {one.metadata.name: one.spec.pod_cidr for one in fake.all(Node)}


def steps(fake: FakeClient, world: VirtualWorld, *changes: tuple[float, Any]) -> None:
    async def scenario() -> None:
        async with running(fake, world, make):
            await asyncio.sleep(1)
            for seconds, one in changes:
                one()
                await asyncio.sleep(seconds)

    run(scenario())


def a_fake(*nodes: Node) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*nodes, world=world), world


def test_nodes_get_shares_in_order() -> None:
    fake, world = a_fake(a_node("a"), a_node("b"))
    steps(fake, world, (1, lambda: fake.add(a_node("c"))))
    assert shares(fake) == {"a": "10.244.0.0/24", "b": "10.244.1.0/24", "c": "10.244.2.0/24"}
    assert fake.actions == [patch("nodes")] * 3
    assert fake.all(Node)[0].spec.pod_cidrs == ("10.244.0.0/24",)


def test_a_share_somebody_has_is_not_given_again_and_one_that_is_free_is() -> None:
    fake, world = a_fake(a_node("a", "10.244.0.0/24"), a_node("b"))
    steps(fake, world, (1, lambda: fake.remove(fake.all(Node)[0])), (1, lambda: fake.add(a_node("c"))))
    assert shares(fake) == {"b": "10.244.1.0/24", "c": "10.244.0.0/24"}


def test_a_share_given_is_kept_in_mind_before_the_cache_shows_it() -> None:
    fake, world = a_fake(*(a_node(name) for name in "abcd"))
    fake.server.latency_seconds = 0.2
    steps(fake, world, (10, lambda: None))
    assert len(set(shares(fake).values())) == 4


def test_when_none_is_left_that_is_told_and_tried_again() -> None:
    fake, world = a_fake(*(a_node(name) for name in "abcde"))
    steps(fake, world, (10, lambda: None), (70, lambda: fake.remove(fake.all(Node)[0])))
    assert [(one.type, one.reason, one.message) for one in fake.all(Event)] == [
        ("Warning", "CIDRNotAvailable", "Node e status is now: CIDRNotAvailable")]
    assert shares(fake)["e"] == "10.244.0.0/24"


def test_a_patch_that_fails_is_made_again_with_the_same_share() -> None:
    fake, world = a_fake(a_node("a"), a_node("b"))
    fake.server.fail("patch", "nodes", errors.InternalError("it broke"))
    steps(fake, world, (5, lambda: None))
    assert set(shares(fake).values()) == {"10.244.0.0/24", "10.244.1.0/24"}
    assert fake.server.writes[-1].body["spec"]["podCIDR"] == "10.244.0.0/24"


@pytest.mark.parametrize(("cluster", "mask", "taken", "expected"), [
    pytest.param("10.0.0.0/16", 24, [], "10.0.0.0/24", id="the first"),
    pytest.param("10.0.0.0/16", 24, ["10.0.0.0/24", "10.0.2.0/24"], "10.0.1.0/24", id="the lowest that is free"),
    pytest.param("10.0.0.0/24", 24, ["10.0.0.0/24"], None, id="none"),
    pytest.param("10.0.0.0/26", 24, [], "10.0.0.0/26", id="a range smaller than a share"),
    pytest.param("fd00::/48", 64, [], "fd00::/64", id="IPv6"),
])
def test_which_share_is_free(cluster: str, mask: int, taken: list[str], expected: str | None) -> None:
    assert first_free(ipaddress.ip_network(cluster), mask, taken) == expected
