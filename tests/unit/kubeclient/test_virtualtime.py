from __future__ import annotations

import asyncio

import pytest

from tests.virtualtime import BEGINNING, Deadlock, VirtualWorld, run


def test_an_hour_costs_nothing_and_timers_come_in_their_order() -> None:
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait("late", 3600))
            group.create_task(wait("early", 60))
    run(scenario())
    assert seen == [("early", 60), ("late", 3600)]


def test_waiting_for_what_cannot_come_is_a_deadlock() -> None:
    async def scenario() -> None:
        await asyncio.Event().wait()
    with pytest.raises(Deadlock):
        run(scenario())


def test_waiting_beside_a_timer_that_goes_on_for_ever_is_a_deadlock() -> None:
    async def tick() -> None:
        while True:
            await asyncio.sleep(36000)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(tick())
            await asyncio.Event().wait()
    with pytest.raises(Deadlock):
        run(scenario())


def test_the_world_follows_the_loop() -> None:
    async def scenario() -> float:
        await asyncio.sleep(90)
        return (VirtualWorld().now() - BEGINNING).total_seconds()
    assert run(scenario()) == 90
    assert VirtualWorld().now() == BEGINNING


def test_the_same_seed_gives_the_same_uids() -> None:
    assert VirtualWorld(7).uid() == VirtualWorld(7).uid() != VirtualWorld(8).uid()
