"""One worker per pod: the newest wins, and nothing waits longer than it has to."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubeapi.generated.models.core_v1 import Pod
from kubelet.podworkers import Next, PodWorker
from tests.unit.kubelet.core.builders import a_pod
from tests.virtualtime import run, settle


class Life:
    """Fails as often as it is told to; remembers when it was asked for what."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.calls = failures, list[tuple[float, str]]()
        self.called = asyncio.Event()

    def _call(self, what: str) -> None:
        self.calls.append((asyncio.get_running_loop().time(), what))
        self.called.set()
        if self.failures > 0:
            self.failures -= 1
            raise RuntimeError("for the test")

    async def sync(self, pod: Pod) -> Next:
        self._call(f"sync {pod.metadata.resource_version}")
        return Next()

    async def terminate(self, pod: Pod, grace_seconds: float, ended: Next) -> None:
        self._call("terminate")

    async def clean_up(self, pod: Pod, *, is_deleted: bool) -> None:
        self._call("clean up")

    async def forget(self, pod: Pod) -> None:
        self._call("forget")

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self.called.clear()
            await self.called.wait()


class Undoing(Life):
    """Cut off, it needs a while to undo what it has begun."""

    async def sync(self, pod: Pod) -> Next:
        try:
            await super().sync(pod)
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(5)
            self._call("undone")
        return Next()


def version(number: int) -> Pod:
    return a_pod(metadata={"resourceVersion": str(number)})


def test_what_fails_is_tried_again_later_and_later() -> None:
    async def scene() -> None:
        life = Life(failures=9)
        worker = PodWorker(version(1), life)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            await life.until(lambda: len(life.calls) == 10)
            task.cancel()
        times = [at for at, _ in life.calls]
        assert [later - sooner for sooner, later in zip(times, times[1:], strict=False)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    run(scene())


def test_a_newer_pod_does_not_wait_for_the_back_off_of_an_older_one() -> None:
    async def scene() -> None:
        life = Life(failures=8)
        worker = PodWorker(version(1), life)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            await life.until(lambda: len(life.calls) == 8)
            began = asyncio.get_running_loop().time()
            worker.update(version(2))
            await life.until(lambda: len(life.calls) == 9)
            assert life.calls[-1] == (began, "sync 2")
            task.cancel()
    run(scene())


def test_events_of_the_runtime_do_not_cut_a_back_off_short() -> None:
    async def scene() -> None:
        life = Life(failures=1)
        worker = PodWorker(version(1), life)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            await life.until(lambda: len(life.calls) == 1)
            worker.wake()
            await life.until(lambda: len(life.calls) == 2)
            assert life.calls[1][0] - life.calls[0][0] == 1
            task.cancel()
    run(scene())


def test_a_pod_that_is_gone_is_cleaned_up_at_once_though_its_clean_up_failed() -> None:
    async def scene() -> None:
        life = Life()
        worker = PodWorker(a_pod(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}), life)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            await life.until(lambda: life.calls[-1:] == [(0.0, "clean up")])
            life.failures = 1
            worker.removed()
            await life.until(lambda: len(life.calls) == 3)
            await life.until(lambda: life.calls[-1][1] == "forget")
        assert [what for _, what in life.calls] == ["terminate", "clean up", "clean up", "clean up", "forget"]
    run(scene())


@pytest.mark.parametrize(("metadata", "is_echo", "syncs"), [
    pytest.param({}, True, 1, id="the-node-s-own-write"), pytest.param({}, False, 2, id="another-s"),
    pytest.param({"generation": 2}, True, 2, id="with-a-change-never-seen"), pytest.param({"labels": {"a": "b"}}, True, 2, id="with-a-label"),
])
def test_the_echo_of_a_write_wakes_nobody(metadata: dict[str, Any], is_echo: bool, syncs: int) -> None:
    async def scene() -> None:
        life = Life()
        worker = PodWorker(version(1), life)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            await life.until(lambda: len(life.calls) == 1)
            worker.update(a_pod(metadata={"resourceVersion": "2", **metadata}), is_echo=is_echo)
            await settle()
            assert len(life.calls) == syncs and worker.pod.metadata.resource_version == "2"
            task.cancel()
    run(scene())


def test_what_is_cut_off_may_undo_what_it_has_begun_whatever_else_is_told_meanwhile() -> None:
    async def scene() -> None:
        life = Undoing()
        worker = PodWorker(version(1), life)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            await life.until(lambda: len(life.calls) == 1)
            deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
            worker.update(a_pod(metadata={"resourceVersion": "2", **deleted}))
            await settle()
            worker.update(a_pod(metadata={"resourceVersion": "3", **deleted, "deletionGracePeriodSeconds": 1}))
            await settle()
            worker.removed()
        assert life.calls == [(0.0, "sync 1"), (5.0, "undone"), (5.0, "terminate"), (5.0, "clean up"), (5.0, "forget")]
    run(scene())


@pytest.mark.parametrize(("most", "grace"), [pytest.param(1.0, 1.0, id="less than the pod asks for"), pytest.param(90.0, 30.0, id="more"),
                                             pytest.param(None, 30.0, id="what the pod asks for")])
def test_a_pod_that_the_node_wants_to_go_ends_at_once_and_stays_until_it_is_deleted(most: float | None, grace: float) -> None:
    told = list[tuple[float, str, bool]]()

    class Ending(Life):
        async def sync(self, pod: Pod) -> Next:
            self._call("sync")
            await asyncio.sleep(1000)
            raise AssertionError("was not cut off")

        async def terminate(self, pod: Pod, grace_seconds: float, ended: Next) -> None:
            told.append((grace_seconds, ended.reason, worker.is_active))

    life = Ending()
    worker = PodWorker(a_pod(), life)

    async def scenario() -> list[str]:
        assert worker.is_active and not worker.ended.is_set()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(worker.run())
            await asyncio.sleep(1)
            worker.end(Next(has_ended=True, reason="Evicted", grace_seconds=most))
            worker.end(Next(has_ended=True, reason="Another"))
            await worker.ended.wait()
            await asyncio.sleep(100)
            task.cancel()
        return [what for _, what in life.calls]

    assert run(scenario()) == ["sync"]
    assert told == [(grace, "Evicted", False)]
