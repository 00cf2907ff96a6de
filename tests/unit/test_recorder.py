"""The recorder itself: it accuses a server that loses, doubles or reorders, and acquits one that only loses answers."""
from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from kubeapi import catalog
from kubeapi.errors import ServiceUnavailable
from kubeapi.meta import ObjectKey
from kubeapi.world import World
from kubeclient.client import Client
from kubeclient.fakeserver import AnswerLost, FakeServer
from tests.recorder import DATA, PodCount, Recorder, Revisions
from tests.virtualtime import VirtualWorld, run

MAPS, PODS = catalog.by_plural("", "configmaps"), catalog.by_plural("", "pods")
KEY = ObjectKey("default", "recorded-00")


async def recorded(server: FakeServer, seconds: float = 20) -> Recorder:
    recorder = Recorder(server, World(seed=1))
    recorder.add(DATA)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run(stop))
        await asyncio.sleep(seconds)
        stop.set()
    return recorder


def lose_a_write(server: FakeServer) -> None:
    found = server.find(MAPS, KEY)
    assert found is not None
    server.put(MAPS, {**found, "data": {"n": "0"}})


def lose_the_object(server: FakeServer) -> None:
    server.remove(MAPS, KEY)


@pytest.mark.parametrize("spoil", [lose_a_write, lose_the_object])
def test_what_was_acknowledged_and_is_not_there_is_a_fault(spoil: Callable[[FakeServer], None]) -> None:
    async def scenario() -> None:
        server = FakeServer(VirtualWorld())
        recorder = await recorded(server)
        while server.find(MAPS, KEY) is None:
            recorder = await recorded(server, 1)
        spoil(server)
        assert await recorder.verify()
    run(scenario())


def test_lost_answers_and_unavailability_are_no_faults() -> None:
    async def scenario() -> None:
        server = FakeServer(VirtualWorld())
        for verb in ("create", "patch", "delete"):
            server.fail(verb, "configmaps", *[AnswerLost(), ServiceUnavailable("no store")] * 20)
        recorder = await recorded(server)
        assert await recorder.verify() == []
        assert recorder.counts["unknown"] > 40
    run(scenario())


def test_what_no_event_told_of_is_missing() -> None:
    async def scenario() -> None:
        server = FakeServer(VirtualWorld())
        revisions = Revisions(Client(server).documents(MAPS, namespace="default"))
        async with asyncio.TaskGroup() as group:
            following = group.create_task(revisions.run())
            await asyncio.sleep(1)
            recorder = await recorded(server)
            following.cancel()
        assert revisions.faults == []
        assert revisions.missing(recorder.histories) == []
        recorder.histories[0].revisions.append(10_000)
        assert len(revisions.missing(recorder.histories)) == 1
    run(scenario())


def test_a_pod_too_many_is_told_with_its_moment() -> None:
    async def scenario() -> None:
        server = FakeServer(VirtualWorld())
        count = PodCount(Client(server).documents(PODS, namespace="default"), "app=a", most=2)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(count.run())
            for name in ("a", "b", "c"):
                server.put(PODS, {"metadata": {"name": name, "namespace": "default", "labels": {"app": "a"}}})
                await asyncio.sleep(1)
            following.cancel()
        assert len(count.faults) == 1
        assert "c at revision" in count.faults[0]
    run(scenario())
