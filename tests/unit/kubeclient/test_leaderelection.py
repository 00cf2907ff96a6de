from __future__ import annotations

import asyncio

import pytest

from kubeapi.generated.models.coordination_v1 import Lease
from kubeclient.leaderelection import LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, LeaderElector, LeadershipLost
from kubeclient.testing import FakeClient, create, update
from tests.unit.kubeclient.objects import a_fake
from tests.virtualtime import VirtualWorld, run, settle


class Candidate:
    """Notes from when to when it led."""

    def __init__(self, fake: FakeClient, identity: str) -> None:
        self._elector = LeaderElector(fake, "boss", identity, world=VirtualWorld())
        self.began: float | None = None
        self.ended: float | None = None

    @property
    def leads(self) -> bool:
        return self.began is not None and self.ended is None

    async def lead(self) -> None:
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        try:
            await loop.create_future()
        finally:
            self.ended = loop.time()

    async def run(self) -> None:
        await self._elector.run(self.lead)


def holder(fake: FakeClient) -> str | None:
    lease = fake.find(Lease, "boss", "kube-system")
    return lease.spec.holder_identity if lease is not None else None


def test_the_first_leads_and_renews() -> None:
    async def scenario() -> None:
        fake = a_fake()
        one = Candidate(fake, "one")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(one.run())
            await asyncio.sleep(3 * RETRY_SECONDS + 1)
            assert one.leads and holder(fake) == "one"
            assert fake.actions == [create("leases"), *[update("leases")] * 3]
            task.cancel()
    run(scenario())


def test_one_leads_and_the_other_waits() -> None:
    async def scenario() -> None:
        fake = a_fake()
        one, two = Candidate(fake, "one"), Candidate(fake, "two")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.run()), group.create_task(two.run())]
            await asyncio.sleep(3600)
            assert one.leads and two.began is None
            for task in tasks:
                task.cancel()
    run(scenario())


def test_who_leaves_gives_the_lease_back_and_the_next_need_not_wait() -> None:
    async def scenario() -> None:
        fake = a_fake()
        one, two = Candidate(fake, "one"), Candidate(fake, "two")
        async with asyncio.TaskGroup() as group:
            first = group.create_task(one.run())
            await settle()
            second = group.create_task(two.run())
            await asyncio.sleep(60)
            first.cancel()
            await settle()
            assert not one.leads and holder(fake) == ""
            await asyncio.sleep(RETRY_SECONDS)
            assert two.leads and holder(fake) == "two"
            lease = fake.find(Lease, "boss", "kube-system")
            assert lease is not None and lease.spec.lease_transitions == 1
            second.cancel()
    run(scenario())


def test_a_dead_leader_is_followed_when_its_lease_was_not_renewed_for_its_duration() -> None:
    async def scenario() -> float:
        fake = a_fake()
        await LeaderElector(fake, "boss", "dead", world=VirtualWorld())._take()
        two = Candidate(fake, "two")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(two.run())
            await asyncio.sleep(60)
            task.cancel()
        assert two.began is not None
        return two.began
    assert LEASE_SECONDS <= run(scenario()) <= LEASE_SECONDS + 2 * RETRY_SECONDS


@pytest.mark.parametrize("seconds", [2.0, 4.0])
def test_a_server_that_stalls_for_seconds_costs_nobody_the_leadership(seconds: float) -> None:
    async def scenario() -> None:
        fake = a_fake()
        one, two = Candidate(fake, "one"), Candidate(fake, "two")
        async with asyncio.TaskGroup() as group:
            first = group.create_task(one.run())
            await settle()
            second = group.create_task(two.run())
            for _ in range(20):
                await asyncio.sleep(30)
                fake.server.latency_seconds = seconds
                await asyncio.sleep(seconds)
                fake.server.latency_seconds = 0
            assert one.leads and two.began is None
            first.cancel()
            second.cancel()
    run(scenario())


def test_a_leader_cut_off_stops_before_another_may_begin() -> None:
    async def scenario() -> None:
        fake = a_fake()
        one, two = Candidate(fake, "one"), Candidate(fake, "two")

        async def first() -> None:
            with pytest.raises(LeadershipLost, match="one could not renew the Lease boss"):
                await one.run()
        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            await asyncio.sleep(31)
            fake.server.is_down = True
            cut_off = asyncio.get_running_loop().time()
            await asyncio.sleep(RENEW_SECONDS + RETRY_SECONDS)
            assert one.ended is not None and one.ended <= cut_off + RENEW_SECONDS + RETRY_SECONDS
            fake.server.is_down = False
            second = group.create_task(two.run())
            await asyncio.sleep(60)
            assert two.began is not None and two.began > one.ended
            second.cancel()
    run(scenario())


def test_what_the_work_raises_is_raised_and_the_lease_given_back() -> None:
    async def fail() -> None:
        await asyncio.sleep(5)
        raise ValueError("a bug")

    async def scenario() -> None:
        fake = a_fake()
        with pytest.raises(ExceptionGroup) as caught:
            await LeaderElector(fake, "boss", "one", world=VirtualWorld()).run(fail)
        assert caught.group_contains(ValueError, match="a bug")
        assert holder(fake) == ""
    run(scenario())


def test_work_that_ends_ends_the_leadership() -> None:
    async def scenario() -> None:
        fake = a_fake()
        await LeaderElector(fake, "boss", "one", world=VirtualWorld()).run(lambda: asyncio.sleep(5))
        assert holder(fake) == ""
    run(scenario())
