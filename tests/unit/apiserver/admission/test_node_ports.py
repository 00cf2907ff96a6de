"""Node ports: each is had by one Service, whichever API server gave it, and none is lost."""
from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apiserver.admission.node_ports import RANGE, RESERVED
from apiserver.admission.port_claims import PREFIX, UNDER_WAY_SECONDS, ports_of
from apiserver.registry.attributes import Document
from apiserver.storage.interface import StorageUnavailable
from apiserver.storage.memory import MemoryStorage
from kubeapi import errors
from tests.unit.apiserver.admission.servers import Server, Slow
from tests.virtualtime import run

Play = Callable[[Server], Awaitable[None]]
TAKEN = "nodePort: Invalid value: 30100: provided port is already allocated"


def play(scenario: Play, storage: MemoryStorage | None = None) -> None:
    async def scene() -> None:
        server = Server(storage or MemoryStorage())
        async with server.running():
            await scenario(server)
    run(scene())


def asked(port: int, **more: Any) -> Document:
    return {"ports": [{"port": 80, "nodePort": port, **more}]}


def node_ports(service: Document) -> list[int]:
    return [port.get("nodePort", 0) for port in service["spec"]["ports"]]


def test_two_servers_never_give_one_port_twice() -> None:
    """Both draw the same numbers, and neither has seen what the other writes."""
    async def scene() -> None:
        storage = Slow()
        servers = [Server(storage, seed=1), Server(storage, seed=1)]
        async with servers[0].running(), servers[1].running():
            async with asyncio.TaskGroup() as group:
                made = [group.create_task(servers[number % 2].make(f"s{number}")) for number in range(200)]
            found = Counter(port for one in made for port in node_ports(one.result()))
            assert len(found) == 200 and set(found.values()) == {1}
            assert sorted(found) == await servers[0].claimed()
    run(scene())


def test_of_many_who_ask_for_a_port_one_gets_it() -> None:
    async def scene() -> None:
        storage = Slow()
        servers, refused = [Server(storage, seed=seed) for seed in (1, 2)], []

        async def ask(number: int) -> None:
            try:
                await servers[number % 2].make(f"s{number}", **asked(30100))
            except errors.Invalid as error:
                refused.append(error.message)
        async with servers[0].running(), servers[1].running():
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(ask(number))
            assert len(refused) == 19 and all(TAKEN in one for one in refused)
    run(scene())


async def _deleted(server: Server) -> None:
    await server.delete("a")


async def _dropped(server: Server) -> None:
    assert node_ports(await server.change("a", type="ClusterIP", ports=[{"port": 80}])) == [0]


async def _exchanged(server: Server) -> None:
    assert node_ports(await server.change("a", **asked(30101))) == [30101]


@pytest.mark.parametrize("release", [_deleted, _dropped, _exchanged])
def test_a_port_is_given_back_when_its_service_has_it_no_more(release: Play) -> None:
    async def scenario(server: Server) -> None:
        await server.make("a", **asked(30100))
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("b", **asked(30100))
        await release(server)
        assert node_ports(await server.make("b", **asked(30100))) == [30100]
    play(scenario)


def test_a_write_that_fails_takes_nothing() -> None:
    async def scenario(server: Server) -> None:
        with pytest.raises(errors.Invalid, match="spec.sessionAffinity"):
            await server.make("a", sessionAffinity="x", **asked(30100))
        await server.make("b", dry_run=True, **asked(30100))
        assert await server.claimed() == []
    play(scenario)


def test_an_update_keeps_what_the_service_has() -> None:
    async def scenario(server: Server) -> None:
        before = await server.make("a")
        after = await server.change("a", selector={"a": "b"})
        assert (node_ports(after), await server.claimed()) == (node_ports(before), node_ports(before))
    play(scenario)


class Crashes(MemoryStorage):
    """From `is_down` on no write of a Service arrives, nor anything after one that did."""

    is_down = is_going_down = False

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        if self.is_down and "/services/" in key:
            raise StorageUnavailable("down")
        return await super().create(key, value, ttl_seconds=ttl_seconds)

    async def delete_if(self, key: str, *, revision: int) -> int:
        if self.is_down:
            raise StorageUnavailable("down")
        self.is_down = self.is_going_down and "/services/" in key
        return await super().delete_if(key, revision=revision)


def test_a_port_that_a_crash_left_taken_is_free_when_no_write_can_be_under_way() -> None:
    storage = Crashes()

    async def scenario(server: Server) -> None:
        storage.is_down = True
        with pytest.raises(errors.ServiceUnavailable):
            await server.make("lost", **asked(30100))
        storage.is_down = False
        await asyncio.sleep(UNDER_WAY_SECONDS - 2)
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("early", **asked(30100))
        await asyncio.sleep(3)
        assert node_ports(await server.make("a", **asked(30100))) == [30100]
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("late", **asked(30100))
    play(scenario, storage)


def test_a_crash_after_a_deletion_leaves_its_port_free() -> None:
    storage = Crashes()

    async def scenario(server: Server) -> None:
        await server.make("a", **asked(30100))
        await asyncio.sleep(UNDER_WAY_SECONDS + 1)
        storage.is_going_down = True
        with pytest.raises(errors.ApiStatusError):
            await server.delete("a")
        storage.is_down = storage.is_going_down = False
        assert await server.claimed() == [30100]
        assert node_ports(await server.make("b", **asked(30100))) == [30100]
    play(scenario, storage)


def test_an_old_claim_counts_as_long_as_its_service_has_the_port() -> None:
    async def scenario(server: Server) -> None:
        await server.make("a", **asked(30100))
        await asyncio.sleep(10 * UNDER_WAY_SECONDS)
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("b", **asked(30100))
    play(scenario)


def test_a_service_of_before_there_were_claims_keeps_its_port() -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("a", **asked(30100))
        (claim,) = (await server.storage.list(PREFIX)).items
        await server.storage.delete_if(claim.key, revision=claim.revision)
        await server.claims.add_missing([made])
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("b", **asked(30100))
    play(scenario)


@pytest.mark.parametrize("port", [80, 29999, 32768, -1])
def test_a_port_outside_the_range_is_refused(port: int) -> None:
    async def scenario(server: Server) -> None:
        with pytest.raises(errors.Invalid, match=f"Invalid value: {port}: provided port is not in the valid range. The range of valid ports is 30000-32767"):
            await server.make("a", **asked(port))
    play(scenario)


def test_the_lower_part_is_left_for_those_who_ask_until_the_upper_is_full() -> None:
    async def scenario(server: Server) -> None:
        for port in RANGE[RESERVED:-1]:
            await server.storage.create(f"{PREFIX}{port}", b'{"namespace":"default","name":"x","uid":"x","time":"2026-01-01T00:00:00Z"}')
        assert node_ports(await server.make("last")) == [RANGE[-1]]
        assert node_ports(await server.make("lower"))[0] in RANGE[:RESERVED]
        for port in RANGE[:RESERVED]:
            if port not in await server.claimed():
                await server.storage.create(f"{PREFIX}{port}", b'{"namespace":"default","name":"x","uid":"x","time":"2026-01-01T00:00:00Z"}')
        with pytest.raises(errors.InternalError, match="Internal error occurred: failed to allocate a nodePort: range is full"):
            await server.make("too-many")
    play(scenario)


DNS = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]


@pytest.mark.parametrize("asks", [[0, 0], [30100, 0], [0, 30100], [30100, 30100]], ids=["neither", "the first", "the second", "both"])
def test_one_number_by_two_protocols_is_one_node_port(asks: list[int]) -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("dns", ports=[{**port, **({"nodePort": number} if number else {})} for port, number in zip(DNS, asks, strict=True)])
        first, second = node_ports(made)
        assert first == second and (not any(asks) or first == 30100)
        assert await server.claimed() == [first]
    play(scenario)


def test_another_protocol_does_not_share_another_service_s_port() -> None:
    async def scenario(server: Server) -> None:
        await server.make("a", **asked(30100))
        with pytest.raises(errors.Invalid, match=TAKEN):
            await server.make("b", **asked(30100, protocol="UDP"))
    play(scenario)


def test_a_load_balancer_may_do_without_but_keeps_what_it_asks_for() -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("a", "LoadBalancer", allocateLoadBalancerNodePorts=False, ports=[
            {"name": "x", "port": 80}, {"name": "y", "port": 81, "nodePort": 30100}])
        assert (node_ports(made), await server.claimed()) == ([0, 30100], [30100])
    play(scenario)


def test_a_load_balancer_that_keeps_to_its_node_is_asked_for_its_health_at_a_port() -> None:
    async def scenario(server: Server) -> None:
        made = await server.make("a", "LoadBalancer", externalTrafficPolicy="Local")
        assert made["spec"]["healthCheckNodePort"] in RANGE
        assert set(await server.claimed()) == ports_of(made) and len(ports_of(made)) == 2
        kept = await server.change("a", selector={"a": "b"}, healthCheckNodePort=0)
        assert ports_of(kept) == ports_of(made)
        with pytest.raises(errors.InternalError, match=f"failed to allocate requested HealthCheck NodePort {made['spec']['healthCheckNodePort']}: "
                           "provided port is already allocated"):
            await server.make("b", "LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=made["spec"]["healthCheckNodePort"])
        cluster_wide = await server.change("a", externalTrafficPolicy="Cluster", healthCheckNodePort=0)
        assert await server.claimed() == node_ports(cluster_wide)
    play(scenario)
