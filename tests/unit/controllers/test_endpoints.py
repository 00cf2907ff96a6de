"""Endpoints: what older clients read of a Service, written only when it says something else."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.endpoints.endpoints import endpoints_controller
from controllers.endpoints.subsets import truncated
from kubeapi import errors
from kubeapi.generated.models.core_v1 import EndpointAddress, Endpoints, EndpointSubset, Event, Pod, Service
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, FakeClient, create, delete, update
from tests.unit.controllers.harness import running
from tests.unit.controllers.objects import Document, a_pod, a_service, change
from tests.virtualtime import VirtualWorld, run


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [endpoints_controller(client, recorder, factory)]


def a_fake(*objects: Object) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


async def settled(fake: FakeClient, world: VirtualWorld, *changes: Any) -> None:
    async with running(fake, world, make):
        await asyncio.sleep(30)
        for one in changes:
            one()
            await asyncio.sleep(30)


def the_endpoints(fake: FakeClient) -> Document:
    (found,) = fake.all(Endpoints)
    return found.to_wire()


def writes(fake: FakeClient) -> list[Action]:
    return [one for one in fake.actions if one.resource == "endpoints"]


def test_a_service_has_endpoints_of_its_name() -> None:
    fake, world = a_fake(a_service(labels={"team": "a"}), a_pod(), a_pod("p2", ip="10.0.0.2", ready=False), a_pod("x", labels={"app": "x"}))
    uids = {one.metadata.name: one.metadata.uid for one in fake.all(Pod)}
    run(settled(fake, world))
    assert writes(fake) == [create("endpoints")]
    found = the_endpoints(fake)
    assert found["metadata"]["name"] == "web"
    assert found["metadata"]["labels"] == {"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    assert found["metadata"]["annotations"] == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}
    assert found["subsets"] == [{
        "addresses": [{"ip": "10.0.0.1", "nodeName": "n1",
                       "targetRef": {"kind": "Pod", "namespace": "default", "name": "p1", "uid": uids["p1"]}}],
        "notReadyAddresses": [{"ip": "10.0.0.2", "nodeName": "n1",
                               "targetRef": {"kind": "Pod", "namespace": "default", "name": "p2", "uid": uids["p2"]}}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]


@pytest.mark.parametrize(("pod", "service", "expected"), [
    pytest.param({}, {}, (["10.0.0.1"], []), id="a ready pod"),
    pytest.param({"ready": None}, {}, ([], ["10.0.0.1"]), id="one that has not said so"),
    pytest.param({"ready": False}, {"publishNotReadyAddresses": True}, (["10.0.0.1"], []), id="published though not ready"),
    pytest.param({"going": True}, {}, ([], []), id="one that is going"),
    pytest.param({"phase": "Succeeded"}, {}, ([], []), id="one that has ended"),
    pytest.param({"ip": ""}, {}, ([], []), id="one without an address"),
    pytest.param({"ip": "fd00::1"}, {}, ([], []), id="one of another family"),
    pytest.param({"ip": "fd00::1,10.0.0.1"}, {"ipFamilies": ["IPv6", "IPv4"]}, (["fd00::1"], []), id="the Service's first family"),
    pytest.param({}, {"ports": []}, ([], []), id="no ports, with a cluster IP"),
    pytest.param({}, {"ports": [], "clusterIP": "None"}, (["10.0.0.1"], []), id="no ports, headless"),
    pytest.param({}, {"ports": [{"name": "a", "port": 80, "targetPort": "x", "protocol": "TCP"}]}, ([], []), id="no such port"),
])
def test_where_a_pod_is_listed(pod: Document, service: Document, expected: tuple[list[str], list[str]]) -> None:
    fake, world = a_fake(a_service(**service), a_pod(**pod))
    run(settled(fake, world))
    subsets = the_endpoints(fake).get("subsets", [])
    assert ([each["ip"] for one in subsets for each in one.get("addresses", ())],
            [each["ip"] for one in subsets for each in one.get("notReadyAddresses", ())]) == expected


def test_pods_whose_ports_differ_are_in_different_subsets() -> None:
    ports = [{"name": "b", "port": 80, "targetPort": "web", "protocol": "TCP"}, {"name": "a", "port": 81, "targetPort": 99, "protocol": "TCP"}]
    named = [{"name": "web", "containerPort": 8000, "protocol": "TCP"}]
    fake, world = a_fake(a_service(ports=ports), a_pod("p3", ip="10.0.0.10", ports=named), a_pod("p2", ip="10.0.0.9", ports=named), a_pod())
    run(settled(fake, world))
    found = [([each["ip"] for each in one["addresses"]], [port["port"] for port in one["ports"]]) for one in the_endpoints(fake)["subsets"]]
    assert found == [(["10.0.0.1"], [99]), (["10.0.0.9", "10.0.0.10"], [99, 8000])]


def test_a_headless_service_s_endpoints_say_so_and_know_hostnames() -> None:
    fake, world = a_fake(a_service(clusterIP="None"), a_pod(hostname="db-0", subdomain="web"))
    run(settled(fake, world, lambda: change(fake, a_service())))
    assert [one.body["metadata"]["labels"].get("service.kubernetes.io/headless") for one in fake.writes] == ["", None]
    assert the_endpoints(fake)["subsets"][0]["addresses"][0]["hostname"] == "db-0"


@pytest.mark.parametrize("service", [
    pytest.param({"selector": {}}, id="no selector"),
    pytest.param({"type": "ExternalName", "externalName": "example.org"}, id="ExternalName"),
])
def test_endpoints_that_are_somebody_s_own_are_left_alone(service: Document) -> None:
    own = Endpoints.from_wire({"metadata": {"name": "web", "namespace": "default"}, "subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]})
    alone = Endpoints.from_wire({"metadata": {"name": "alone", "namespace": "default"}})
    fake, world = a_fake(a_service(**service), a_pod(), own, alone)
    run(settled(fake, world))
    assert fake.actions == []


def test_endpoints_go_with_their_service_even_when_nobody_saw_it_go() -> None:
    fake, world = a_fake(a_service(), a_pod(), Endpoints.from_wire({
        "metadata": {"name": "old", "namespace": "default", "labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}}}))
    run(settled(fake, world, lambda: fake.remove(fake.all(Service)[0])))
    assert sorted(writes(fake)) == sorted([delete("endpoints"), create("endpoints"), delete("endpoints")])
    assert fake.all(Endpoints) == []


@pytest.mark.parametrize(("new", "expected"), [
    pytest.param({"ready": False}, [update("endpoints")], id="readiness"),
    pytest.param({"labels": {"app": "other"}}, [update("endpoints")], id="a label"),
    pytest.param({"phase": "Failed"}, [update("endpoints")], id="its end"),
    pytest.param({"going": True}, [update("endpoints")], id="its deletion"),
    pytest.param({"since": "2026-01-01T00:00:09Z"}, [], id="a time"),
])
def test_only_what_matters_of_a_pod_is_written(new: Document, expected: list[Action]) -> None:
    fake, world = a_fake(a_service(), a_pod())
    run(settled(fake, world, fake.writes.clear, lambda: change(fake, a_pod(**new))))
    assert writes(fake) == expected


def test_what_others_write_is_undone() -> None:
    fake, world = a_fake(a_service(), a_pod())
    run(settled(fake, world, lambda: fake.add(fake.all(Endpoints)[0].evolve(subsets=())), lambda: fake.remove(fake.all(Endpoints)[0])))
    assert writes(fake) == [create("endpoints"), update("endpoints"), create("endpoints")]


def test_a_thousand_addresses_at_most_and_an_annotation_that_says_so() -> None:
    fake, world = a_fake(a_service(), *(a_pod(f"p{number}", ip=f"10.0.{number // 250}.{number % 250}") for number in range(1001)))
    run(settled(fake, world, lambda: fake.remove(fake.all(Pod)[0])))
    told = [one.body["metadata"].get("annotations", {}).get("endpoints.kubernetes.io/over-capacity") for one in fake.writes]
    assert told == ["truncated", None]
    assert len(the_endpoints(fake)["subsets"][0]["addresses"]) == 1000


def some(count: int) -> tuple[EndpointAddress, ...]:
    return tuple(EndpointAddress(ip=f"10.0.{number // 250}.{number % 250}") for number in range(count))


@pytest.mark.parametrize(("subsets", "expected"), [
    pytest.param([(600, 400)], [(600, 400)], id="a thousand fit"),
    pytest.param([(600, 900)], [(600, 400)], id="ready ones first"),
    pytest.param([(1200, 10)], [(1000, 0)], id="no room for others"),
    pytest.param([(900, 0), (300, 5)], [(750, 0), (250, 0)], id="each its proportion"),
    pytest.param([(500, 600), (0, 300)], [(500, 334), (0, 166)], id="the proportion is rounded up while there is room"),
])
def test_what_is_left_out_of_too_many(subsets: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    kept = truncated([EndpointSubset(addresses=some(ready), not_ready_addresses=some(not_ready)) for ready, not_ready in subsets])
    assert [(len(one.addresses), len(one.not_ready_addresses)) for one in kept] == expected


def test_a_refusal_is_told_and_tried_again() -> None:
    fake, world = a_fake(a_service(), a_pod())
    fake.server.fail("create", "endpoints", errors.forbidden("endpoints", "", "web", "quota"))
    run(settled(fake, world))
    assert [(one.type, one.reason, one.message) for one in fake.all(Event)] == [
        ("Warning", "FailedToCreateEndpoint", 'Failed to create endpoint for service default/web: endpoints "web" is forbidden: quota')]
    assert len(fake.all(Endpoints)) == 1


def test_changes_can_be_gathered() -> None:
    def gathering(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
        return [endpoints_controller(client, recorder, factory, batch_seconds=5.0)]

    fake, world = a_fake(a_service())

    async def scenario() -> None:
        async with running(fake, world, gathering):
            await asyncio.sleep(1)
            for number in range(10):
                fake.add(a_pod(f"p{number}", ip=f"10.0.0.{number}"))
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)

    run(scenario())
    assert writes(fake) == [create("endpoints"), update("endpoints")]
