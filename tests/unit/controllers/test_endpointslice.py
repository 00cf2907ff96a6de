"""EndpointSlices: what they say of pods, and that as little as possible is written."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.endpoints.endpointslice import endpoint_slice_controller
from kubeapi import errors
from kubeapi.generated.models.core_v1 import Node, Pod, Service
from kubeapi.generated.models.discovery_v1 import EndpointSlice
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import Action, AnswerLost, FakeClient, create, delete, update
from tests.unit.controllers.harness import running
from tests.unit.controllers.objects import Document, a_node, a_pod, a_service, change
from tests.virtualtime import VirtualWorld, run

SLICES = "endpointslices"


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [endpoint_slice_controller(client, factory)]


def a_fake(*objects: Object) -> tuple[FakeClient, VirtualWorld]:
    world = VirtualWorld()
    return FakeClient(*objects, world=world), world


async def settled(fake: FakeClient, world: VirtualWorld, *changes: Any) -> None:
    """Applies each change after the one before has had its effect."""
    async with running(fake, world, make):
        await asyncio.sleep(30)
        for change in changes:
            change()
            await asyncio.sleep(30)


def slices(fake: FakeClient) -> list[Document]:
    return [one.to_wire() for one in fake.all(EndpointSlice)]


def addresses(fake: FakeClient) -> set[str]:
    return {address for one in slices(fake) for each in one.get("endpoints", ()) for address in each["addresses"]}


def the_endpoint(*objects: Object) -> Document:
    fake, world = a_fake(*objects)
    run(settled(fake, world))
    (one,) = slices(fake)
    (found,) = one["endpoints"]
    return dict(found)


def test_a_service_has_a_slice_with_its_pods() -> None:
    service = a_service(labels={"team": "a", "kubernetes.io/service-name": "other"})
    fake, world = a_fake(service, a_node(zone="z1"), a_pod(), a_pod("other", labels={"app": "x"}))
    service, pod = fake.all(Service)[0], fake.all(Pod)[0]
    run(settled(fake, world))
    assert fake.actions == [create(SLICES)]
    (one,) = slices(fake)
    meta = one["metadata"]
    assert meta["generateName"] == "web-" and meta["name"].startswith("web-")
    assert meta["labels"] == {"team": "a", "kubernetes.io/service-name": "web",
                              "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    assert meta["ownerReferences"] == [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": service.metadata.uid,
                                        "controller": True, "blockOwnerDeletion": True}]
    assert meta["annotations"] == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}
    assert one["addressType"] == "IPv4"
    assert one["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert one["endpoints"] == [{
        "addresses": ["10.0.0.1"], "conditions": {"ready": True, "serving": True, "terminating": False}, "nodeName": "n1", "zone": "z1",
        "targetRef": {"kind": "Pod", "namespace": "default", "name": "p1", "uid": pod.metadata.uid}}]


@pytest.mark.parametrize(("pod", "service", "expected"), [
    pytest.param({}, {}, (True, True, False), id="a ready pod"),
    pytest.param({"ready": False}, {}, (False, False, False), id="one that is not ready"),
    pytest.param({"ready": None}, {}, (False, False, False), id="one that has not said so yet"),
    pytest.param({"ready": False}, {"publishNotReadyAddresses": True}, (True, False, False), id="published though not ready"),
    pytest.param({"going": True}, {}, (False, True, True), id="one that is going still serves"),
    pytest.param({"going": True, "ready": False}, {}, (False, False, True), id="one that is going and serves no more"),
    pytest.param({"going": True}, {"publishNotReadyAddresses": True}, (True, True, True), id="going and published"),
])
def test_conditions_of_an_endpoint(pod: Document, service: Document, expected: tuple[bool, bool, bool]) -> None:
    conditions = the_endpoint(a_service(**service), a_node(), a_pod(**pod))["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected


@pytest.mark.parametrize("pod", [
    pytest.param({"phase": "Succeeded"}, id="it has ended well"),
    pytest.param({"phase": "Failed"}, id="it has failed"),
    pytest.param({"ip": ""}, id="it has no address yet"),
    pytest.param({"ip": "fd00::1"}, id="its address is of another family"),
    pytest.param({"node": "gone"}, id="its node is gone"),
    pytest.param({"labels": {"app": "other"}}, id="it is not selected"),
    pytest.param({"namespace": "elsewhere"}, id="it is in another namespace"),
])
def test_pods_that_are_no_endpoints_leave_an_empty_slice(pod: Document) -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod(**pod))
    run(settled(fake, world))
    assert fake.actions == [create(SLICES)]
    (one,) = slices(fake)
    assert "endpoints" not in one and "ports" not in one


@pytest.mark.parametrize(("target", "ports", "expected"), [
    pytest.param(9, [], 9, id="a number, named by no container"),
    pytest.param("web", [{"name": "web", "containerPort": 81, "protocol": "TCP"}], 81, id="a name"),
    pytest.param("web", [{"name": "web", "containerPort": 53, "protocol": "UDP"}], None, id="a name of another protocol"),
    pytest.param("web", [{"name": "other", "containerPort": 81, "protocol": "TCP"}], None, id="a name it does not have"),
])
def test_a_target_port_is_looked_up_in_the_pod(target: int | str, ports: list[Document], expected: int | None) -> None:
    fake, world = a_fake(a_service(ports=[{"port": 80, "targetPort": target, "protocol": "TCP"}]), a_node(), a_pod(ports=ports))
    run(settled(fake, world))
    assert [one["port"] for each in slices(fake) for one in each.get("ports", ())] == ([expected] if expected else [])


def test_a_sidecar_s_port_counts() -> None:
    sidecar = {"name": "s", "restartPolicy": "Always", "ports": [{"name": "web", "containerPort": 82, "protocol": "TCP"}]}
    fake, world = a_fake(a_service(ports=[{"port": 80, "targetPort": "web", "protocol": "TCP"}]), a_node(), a_pod(initContainers=[sidecar]))
    run(settled(fake, world))
    assert slices(fake)[0]["ports"] == [{"name": "", "port": 82, "protocol": "TCP"}]


def test_pods_whose_ports_differ_are_in_different_slices() -> None:
    ports = [{"name": "a", "port": 80, "targetPort": "web", "protocol": "TCP", "appProtocol": "http"},
             {"name": "b", "port": 81, "targetPort": 99, "protocol": "UDP"}]
    fake, world = a_fake(a_service(ports=ports), a_node(), *(
        a_pod(f"p{number}", ip=f"10.0.0.{number}", ports=[{"name": "web", "containerPort": 8000 + number % 2, "protocol": "TCP"}])
        for number in (1, 2, 3)))
    run(settled(fake, world))
    assert sorted(([port["port"] for port in one["ports"]], len(one["endpoints"])) for one in slices(fake)) == [([8000, 99], 1), ([8001, 99], 2)]
    assert slices(fake)[0]["ports"][0]["appProtocol"] == "http"


@pytest.mark.parametrize(("pod", "expected"), [
    pytest.param({"hostname": "db-0", "subdomain": "web"}, "db-0", id="the Service is its subdomain"),
    pytest.param({"hostname": "db-0", "subdomain": "other"}, None, id="another is"),
    pytest.param({"hostname": "db-0"}, None, id="it has none"),
])
def test_a_pod_s_hostname_is_told_to_its_subdomain(pod: Document, expected: str | None) -> None:
    assert the_endpoint(a_service(clusterIP="None"), a_node(), a_pod(**pod)).get("hostname") == expected


def test_a_headless_service_may_have_no_ports_and_says_what_it_is() -> None:
    fake, world = a_fake(a_service(clusterIP="None", ports=[]), a_node(), a_pod())
    run(settled(fake, world))
    (one,) = slices(fake)
    assert one["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert addresses(fake) == {"10.0.0.1"} and "ports" not in one


def test_a_service_of_two_families_has_slices_of_both() -> None:
    fake, world = a_fake(a_service(ipFamilies=["IPv4", "IPv6"]), a_node(), a_pod(ip="10.0.0.1,fd00::1"))
    run(settled(fake, world, lambda: change(fake, a_service())))
    assert fake.actions == [create(SLICES), create(SLICES), delete(SLICES)]
    assert addresses(fake) == {"10.0.0.1"}


@pytest.mark.parametrize(("distribution", "expected"), [
    pytest.param("PreferClose", {"forZones": [{"name": "z1"}]}, id="close"),
    pytest.param("PreferSameZone", {"forZones": [{"name": "z1"}]}, id="same zone"),
    pytest.param("PreferSameNode", {"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}, id="same node"),
    pytest.param(None, None, id="anywhere"),
])
def test_traffic_distribution_becomes_hints(distribution: str | None, expected: Document | None) -> None:
    assert the_endpoint(a_service(trafficDistribution=distribution), a_node(zone="z1"), a_pod()).get("hints") == expected


@pytest.mark.parametrize("service", [
    pytest.param({"selector": {}}, id="no selector"),
    pytest.param({"type": "ExternalName", "externalName": "example.org"}, id="ExternalName"),
])
def test_a_service_that_selects_nothing_is_left_alone(service: Document) -> None:
    own = EndpointSlice.from_wire({"metadata": {"name": "mine", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
                                   "addressType": "IPv4", "endpoints": []})
    fake, world = a_fake(a_service(**service), a_node(), a_pod(), own)
    run(settled(fake, world))
    assert fake.actions == []


# --- as little as possible is written

def pods(count: int, first: int = 1) -> list[Pod]:
    return [a_pod(f"p{number:03}", ip=f"10.0.{number // 250}.{number % 250 + 1}") for number in range(first, first + count)]


def sizes(fake: FakeClient) -> list[int]:
    return sorted(len(one.get("endpoints", ())) for one in slices(fake))


def test_a_slice_holds_a_hundred() -> None:
    fake, world = a_fake(a_service(), a_node(), *pods(250))
    run(settled(fake, world))
    assert (fake.actions, sizes(fake)) == ([create(SLICES)] * 3, [50, 100, 100])


@pytest.mark.parametrize(("before", "after", "expected", "left"), [
    pytest.param(range(1, 151), range(1, 161), [update(SLICES)], [60, 100], id="more go where there is room"),
    pytest.param(range(1, 151), range(1, 251), [create(SLICES)], [50, 100, 100], id="too many for the room get a slice of their own"),
    pytest.param(range(1, 251), range(51, 251), [update(SLICES)], [50, 50, 100], id="the others are not packed closer"),
    pytest.param(range(1, 151), range(1, 101), [delete(SLICES)], [100], id="an empty one goes"),
    pytest.param(range(1, 101), range(101, 201), [update(SLICES)], [100], id="all anew take the old one's place"),
    pytest.param(range(1, 101), range(1, 1), [update(SLICES)], [0], id="none leave an empty one"),
    pytest.param(range(1, 201), range(51, 231), [update(SLICES)], [80, 100], id="what changes anyway is filled first"),
])
def test_changes_touch_few_slices(before: range, after: range, expected: list[Action], left: list[int]) -> None:
    service, node = a_service(), a_node()
    fake, world = a_fake(service, node, *(pod for number in before for pod in pods(1, number)))

    def replace() -> None:
        fake.writes.clear()
        known = {one.metadata.name: one for one in fake.all(Pod)}
        for number in after:
            if f"p{number:03}" not in known:
                fake.add(pods(1, number)[0])
        for number in before:
            if number not in after:
                fake.remove(known[f"p{number:03}"])

    run(settled(fake, world, replace))
    assert (fake.actions, sizes(fake)) == (expected, left)


@pytest.mark.parametrize(("new", "expected"), [
    pytest.param({"ready": False}, [update(SLICES)], id="readiness"),
    pytest.param({"ip": "10.0.0.77"}, [update(SLICES)], id="address"),
    pytest.param({"labels": {"app": "web", "more": "yes"}}, [], id="a label that is not selected by"),
    pytest.param({"labels": {"app": "other"}}, [update(SLICES)], id="a label that is"),
    pytest.param({"since": "2026-01-01T00:00:09Z"}, [], id="a time"),
    pytest.param({"phase": "Failed"}, [update(SLICES)], id="its end"),
])
def test_only_what_matters_of_a_pod_is_written(new: Document, expected: list[Action]) -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod("p2", ip="10.0.0.2"), a_pod())
    run(settled(fake, world, fake.writes.clear, lambda: change(fake, a_pod(**new))))
    assert fake.actions == expected


def test_the_trigger_time_is_that_of_the_earliest_change() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod(), a_pod("p2", ip="10.0.0.2"))

    def both() -> None:
        change(fake, a_pod("p2", ip="10.0.0.2", ready=False, since="2026-01-01T00:00:29Z"))
        change(fake, a_pod(ready=False, since="2026-01-01T00:00:28Z"))

    run(settled(fake, world, both))
    assert slices(fake)[0]["metadata"]["annotations"] == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:28Z"}


def test_a_change_that_is_not_of_readiness_has_no_trigger_time() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())
    run(settled(fake, world, lambda: change(fake, a_service(labels={"a": "b"}))))
    meta = slices(fake)[0]["metadata"]
    assert "annotations" not in meta and meta["labels"]["a"] == "b"
    assert fake.actions == [create(SLICES), update(SLICES)]


def test_a_node_s_zone_is_told_when_it_becomes_known() -> None:
    fake, world = a_fake(a_service(), a_pod())
    run(settled(fake, world, lambda: fake.add(a_node()), lambda: change(fake, a_node(zone="z2"))))
    assert fake.actions == [create(SLICES), update(SLICES), update(SLICES)]
    assert slices(fake)[0]["endpoints"][0]["zone"] == "z2"


def test_what_others_do_to_a_slice_is_undone() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())

    def spoil() -> None:
        one = fake.all(EndpointSlice)[0]
        fake.add(one.evolve(endpoints=()))

    run(settled(fake, world, spoil, lambda: fake.remove(fake.all(EndpointSlice)[0])))
    assert addresses(fake) == {"10.0.0.1"}
    assert fake.actions == [create(SLICES), update(SLICES), create(SLICES)]


def test_slices_of_a_service_that_was_made_anew_are_replaced() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())

    def again() -> None:
        fake.remove(fake.all(Service)[0])
        fake.add(a_service())

    run(settled(fake, world, again))
    assert fake.actions == [create(SLICES), create(SLICES), delete(SLICES)]
    assert fake.all(EndpointSlice)[0].metadata.owner_references[0].uid == fake.all(Service)[0].metadata.uid


def test_a_cache_that_is_behind_makes_no_second_slice() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())

    async def scenario() -> None:
        async with running(fake, world, make):
            fake.server.is_mute = False
            await asyncio.sleep(0.0005)
            for number in range(5):
                fake.add(a_pod(f"q{number}", ip=f"10.0.1.{number}"))
                await asyncio.sleep(0.0001)
            await asyncio.sleep(30)

    fake.server.latency_seconds = 0.001
    run(scenario())
    assert [one for one in fake.actions if one.verb != "update"] == [create(SLICES)]
    assert sizes(fake) == [6]


def test_a_slice_whose_making_was_not_heard_of_is_no_second_one_in_the_end() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())
    fake.server.fail("create", SLICES, AnswerLost(), errors.InternalError("it broke"))
    run(settled(fake, world))
    assert sizes(fake) == [1]


def test_while_a_namespace_goes_nothing_is_tried_again() -> None:
    fake, world = a_fake(a_service(), a_node(), a_pod())
    going = errors.Forbidden("it goes", details={"causes": [{"reason": "NamespaceTerminating"}]})
    fake.server.fail("create", SLICES, going)
    run(settled(fake, world))
    assert slices(fake) == []


def test_a_service_that_is_going_gets_no_new_slice() -> None:
    service = a_service()
    going = Service.from_wire({**service.to_wire(), "metadata": {**service.to_wire()["metadata"], "finalizers": ["test/keeps-it"],
                                                                 "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    fake, world = a_fake(going, a_node(), a_pod())
    run(settled(fake, world))
    assert fake.actions == []


def test_while_many_pods_start_few_writes_tell_of_them_and_the_first_at_once() -> None:
    fake, world = a_fake(a_service(), a_node(), *pods(200))

    async def scenario() -> None:
        async with running(fake, world, make):
            await asyncio.sleep(30)
            fake.writes.clear()
            for number in range(201, 301):
                fake.add(pods(1, number)[0])
                await asyncio.sleep(0.01)
                assert fake.writes
            await asyncio.sleep(1)

    run(scenario())
    assert len(addresses(fake)) == 300
    assert len(fake.actions) <= 12


def test_a_crash_between_two_writes_is_made_good() -> None:
    fake, world = a_fake(a_service(), a_node(), *pods(250))
    fake.server.latency_seconds = 1.0

    async def scenario() -> None:
        async with running(fake, world, make) as controllers:
            await asyncio.sleep(3.5)
            await controllers.kill()
            assert 0 < len(fake.actions) < 3
            controllers.start()
            await asyncio.sleep(60)

    run(scenario())
    assert len(addresses(fake)) == 250
    assert max(sizes(fake)) == 100


def test_nodes_and_services_need_not_be_known_first() -> None:
    fake, world = a_fake(a_pod())
    run(settled(fake, world, lambda: fake.add(a_node()), lambda: fake.add(a_service())))
    assert addresses(fake) == {"10.0.0.1"} and len(fake.all(Node)) == 1
