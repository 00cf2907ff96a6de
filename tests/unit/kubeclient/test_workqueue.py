"""Each sentence of the queue's contract, and random operations against a model."""
from __future__ import annotations

import asyncio
from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kubeclient.causes import RETRY, TIMER, Cause, Causes, because_of
from kubeclient.workqueue import QueueShutDown, WorkQueue
from tests.virtualtime import VirtualTimeLoop, run


def now() -> float:
    return asyncio.get_running_loop().time()


def test_fair_keys_come_out_in_the_order_they_were_added() -> None:
    async def scenario() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        for key in "abc":
            queue.add(key)
        return [await queue.get() for _ in range(3)]
    assert run(scenario()) == ["a", "b", "c"]


def test_stingy_a_key_added_twice_comes_out_once() -> None:
    async def scenario() -> int:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        queue.add("a")
        await queue.get()
        return len(queue)
    assert run(scenario()) == 0


def test_one_worker_a_key_added_while_worked_on_waits_for_done() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await queue.get()
        queue.add("a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await queue.get()
        queue.done("a")
        assert await queue.get() == "a"
    run(scenario())


def test_draining_what_is_there_comes_out_and_then_the_end() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        queue.add_after("b", 5)
        queue.shutdown()
        queue.add("c")
        assert await queue.get() == "a"
        with pytest.raises(QueueShutDown):
            await queue.get()
    run(scenario())


def test_shutting_down_wakes_every_waiting_worker() -> None:
    async def scenario() -> int:
        queue: WorkQueue[str] = WorkQueue()
        ended = 0

        async def work() -> None:
            nonlocal ended
            with pytest.raises(QueueShutDown):
                await queue.get()
            ended += 1
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(work())
            await asyncio.sleep(1)
            queue.shutdown()
        return ended
    assert run(scenario()) == 3


def test_a_key_goes_to_one_of_several_waiting_workers() -> None:
    async def scenario() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        taken: list[str] = []

        async def work() -> None:
            try:
                while True:
                    key = await queue.get()
                    taken.append(key)
                    await asyncio.sleep(1)
                    queue.done(key)
            except QueueShutDown:
                return
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(work())
            await asyncio.sleep(1)
            for key in "abcdef":
                queue.add(key)
            await asyncio.sleep(10)
            queue.shutdown()
        return taken
    assert run(scenario()) == [*"abcdef"]


def test_failures_wait_longer_each_time_until_forgotten() -> None:
    async def scenario() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        waits = []
        for attempt in range(6):
            began = now()
            if attempt == 4:
                queue.forget("a")
            queue.add_rate_limited("a")
            queue.done(await queue.get())
            waits.append(round(now() - began, 6))
        return waits
    assert run(scenario()) == [0.005, 0.01, 0.02, 0.04, 0.005, 0.01]


def test_the_wait_has_a_bound() -> None:
    async def scenario() -> float:
        queue: WorkQueue[str] = WorkQueue(longest_delay_seconds=1000)
        for _ in range(100):
            began = now()
            queue.add_rate_limited("a")
            queue.done(await queue.get())
        return now() - began
    assert run(scenario()) == pytest.approx(1000)


@pytest.mark.parametrize("delays", [pytest.param((5, 9), id="earlier first"), pytest.param((9, 5), id="later first")])
def test_the_earliest_of_several_timers_counts_and_comes_once(delays: tuple[int, int]) -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        for delay in delays:
            queue.add_after("a", delay)
        queue.done(await queue.get())
        assert now() == 5
        await asyncio.sleep(100)
        assert len(queue) == 0
    run(scenario())


def test_adding_again_unites_the_causes() -> None:
    one, two = Cause("ADDED", "pods"), Cause("MODIFIED", "pods")

    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a", one)
        with because_of(Causes.of(two)):
            queue.add("a")
        await queue.get()
        queue.add("a", TIMER)
        assert queue.causes("a") == Causes.of(one, two)
        queue.done("a")
        await queue.get()
        assert queue.causes("a") == Causes.of(TIMER)
        queue.done("a")
        queue.add_rate_limited("a")
        await queue.get()
        assert queue.causes("a") == Causes.of(RETRY)
    run(scenario())


KEYS = st.sampled_from("abcd")


class QueueAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.queue: WorkQueue[str] = WorkQueue()
        self.order: deque[str] = deque()
        self.again: set[str] = set()                # added while worked on
        self.working: set[str] = set()
        self.timers: dict[str, float] = {}

    def model_add(self, key: str) -> None:
        if key in self.working:
            self.again.add(key)
        elif key not in self.order:
            self.order.append(key)

    def do(self, operation: object) -> None:
        async def inside() -> None:
            assert callable(operation)
            operation()
        self.loop.run_until_complete(inside())

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.do(lambda: self.queue.add(key, TIMER))
        self.model_add(key)

    @rule(key=KEYS, seconds=st.integers(1, 20))
    def add_after(self, key: str, seconds: int) -> None:
        self.do(lambda: self.queue.add_after(key, seconds))
        due = self.loop.time() + seconds
        self.timers[key] = min(due, self.timers.get(key, due))

    @rule(seconds=st.integers(1, 20))
    def time_passes(self, seconds: int) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds + 0.5))
        due = sorted((when, index, key) for index, (key, when) in enumerate(self.timers.items()) if when <= self.loop.time())
        for when in dict.fromkeys(when for when, _, _ in due):
            together = [key for other, _, key in due if other == when]
            for key in together:
                del self.timers[key]
            fresh = [key for key in together if key not in self.working and key not in self.order]
            for key in together:
                if key in self.working:
                    self.again.add(key)
            self.order.extend([*self.queue._order][len(self.order):len(self.order) + len(fresh)])     # of one moment: in any order
            assert set([*self.order][len(self.order) - len(fresh):]) == set(fresh)

    @precondition(lambda self: self.order)
    @rule()
    def get(self) -> None:
        key = self.loop.run_until_complete(self.queue.get())
        assert key == self.order.popleft()
        assert key not in self.working
        assert self.queue.causes(key).count > 0
        self.working.add(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.do(lambda: self.queue.done(key))
        self.working.remove(key)
        if key in self.again:
            self.again.remove(key)
            self.order.append(key)

    @invariant()
    def lengths_agree(self) -> None:
        assert len(self.queue) == len(self.order)

    def teardown(self) -> None:
        self.loop.close()


TestQueueAgainstModel = QueueAgainstModel.TestCase
