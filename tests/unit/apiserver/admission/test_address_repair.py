"""After a crash between two writes each address of a Service has its IPAddress again, and no other address is taken."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apiserver.admission.cluster_ips import claim
from apiserver.admission.port_claims import UNDER_WAY_SECONDS
from apiserver.registry.attributes import Document
from apiserver.registry.deletion import DeleteOptions
from apiserver.storage.memory import MemoryStorage
from tests.unit.apiserver.admission.servers import CONTEXT, Server
from tests.virtualtime import run

ADDRESS, OTHER = "10.96.7.7", "10.96.7.8"
OWNER: Document = {"metadata": {"namespace": "default", "name": "s"}}


def play(scenario: Callable[[Server], Awaitable[None]], *, servers: int = 1) -> None:
    """The repairs run from the beginning."""
    async def scene() -> None:
        storage = MemoryStorage()
        first, *others = [Server(storage, seed) for seed in range(servers)]
        async with asyncio.TaskGroup() as group, first.running(repairs=True):
            running = [group.create_task(_run(one)) for one in others]
            await scenario(first)
            for one in running:
                one.cancel()
    run(scene())


async def _run(server: Server) -> None:
    async with server.running(repairs=True):
        await asyncio.Event().wait()


async def leak(server: Server, address: str = ADDRESS, **labels: str) -> None:
    document = claim(address, OWNER)
    document["metadata"]["labels"] |= labels
    await server.addresses.create("", document, CONTEXT)


@pytest.mark.parametrize("servers", [1, 2])
def test_an_address_whose_service_does_not_come_is_given_back(servers: int) -> None:
    async def scenario(server: Server) -> None:
        await leak(server)
        await asyncio.sleep(UNDER_WAY_SECONDS - 5)
        assert await server.addresses_there() == {ADDRESS: "s"}
        await asyncio.sleep(10)
        assert await server.addresses_there() == {}
    play(scenario, servers=servers)


def test_what_a_crash_left_before_the_start_is_found() -> None:
    async def scene() -> None:
        storage = MemoryStorage()
        before = Server(storage)
        async with before.running():
            await leak(before)
            made = await before.make("kept", "ClusterIP")
        after = Server(storage)
        async with after.running(repairs=True):
            await asyncio.sleep(UNDER_WAY_SECONDS + 5)
            assert await after.addresses_there() == {made["spec"]["clusterIP"]: "kept"}
    run(scene())


def test_an_address_whose_service_comes_in_time_stays() -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("s", "ClusterIP")
        await asyncio.sleep(10 * UNDER_WAY_SECONDS)
        assert await server.addresses_there() == {made["spec"]["clusterIP"]: "s"}
    play(scenario)


def test_an_address_its_service_does_not_have_is_given_back() -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("s", "ClusterIP", clusterIP=OTHER)
        await leak(server)
        await asyncio.sleep(UNDER_WAY_SECONDS + 5)
        assert await server.addresses_there() == {made["spec"]["clusterIP"]: "s"}
    play(scenario)


@pytest.mark.parametrize("document", [
    None, {"labels": {"ipaddress.kubernetes.io/managed-by": "gateway"}}, {"parent": "another"}], ids=["lost", "another's label", "another's name"])
def test_the_address_of_a_service_is_made_anew(document: dict[str, Any] | None) -> None:
    async def scenario(server: Server) -> None:
        await server.make("s", "ClusterIP", clusterIP=ADDRESS)
        await server.addresses.delete("", ADDRESS, DeleteOptions(), CONTEXT)
        if document is not None:
            wrong = claim(ADDRESS, {"metadata": {"namespace": "default", "name": document.get("parent", "s")}})
            wrong["metadata"]["labels"] |= document.get("labels", {})
            await server.addresses.create("", wrong, CONTEXT)
        await asyncio.sleep(1)
        await server.hub.wait_until_current()
        found = (await server.addresses.get("", ADDRESS)).document()
        assert found["spec"]["parentRef"]["name"] == "s"
        assert found["metadata"]["labels"]["ipaddress.kubernetes.io/managed-by"] == "ipallocator.k8s.io"
    play(scenario)


def test_what_others_made_for_something_else_is_left_alone() -> None:
    async def scenario(server: Server) -> None:
        await leak(server, **{"ipaddress.kubernetes.io/managed-by": "gateway"})
        await asyncio.sleep(10 * UNDER_WAY_SECONDS)
        assert await server.addresses_there() == {ADDRESS: "s"}
    play(scenario)


def test_nothing_is_done_twice_when_a_service_goes_as_it_should() -> None:
    async def scenario(server: Server) -> None:
        for name in ("a", "b"):
            await server.make(name, "ClusterIP")
        await server.delete("a")
        before = await server.storage.current_revision()
        await asyncio.sleep(10 * UNDER_WAY_SECONDS)
        assert await server.storage.current_revision() == before
        assert list((await server.addresses_there()).values()) == ["b"]
    play(scenario, servers=2)
