from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kubeapi.errors import Conflict, InternalError
from kubeapi.generated.models.core_v1 import ConfigMap, Pod
from kubeapi.meta import ObjectKey
from kubeclient.causes import HEADER
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, patch
from tests.unit.kubeclient.objects import a_config, a_fake, a_key, a_pod
from tests.virtualtime import VirtualWorld, run, settle

Act = Callable[[ObjectKey], Awaitable[Result]]


class Reconciler:
    """Does what a test says, and notes when."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.calls: list[tuple[float, ObjectKey]] = []

    async def reconcile(self, key: ObjectKey) -> Result:
        self.calls.append((round(asyncio.get_running_loop().time(), 3), key))
        return await self._act(key)


def failing(*errors: Exception) -> Act:
    left = [*errors]

    async def act(key: ObjectKey) -> Result:
        if left:
            raise left.pop(0)
        return DONE
    return act


async def nothing(key: ObjectKey) -> Result:
    return DONE


@asynccontextmanager
async def controlling(reconciler: Reconciler, fake: FakeClient | None = None, workers: int = 2) -> AsyncIterator[Controller]:
    """Of pods, and of ConfigMaps that stand for the pod of their name."""
    factory = InformerFactory(fake or a_fake(), VirtualWorld())
    controller = Controller("test", reconciler, workers)
    controller.watches(factory.informer(Pod), lambda pod: [a_key(pod.metadata.name)])
    controller.watches(factory.informer(ConfigMap), lambda config: [a_key(value) for value in config.data.values()])
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(factory.run()), group.create_task(controller.run())]
        await settle()
        yield controller
        for task in tasks:
            task.cancel()


def test_what_is_there_is_reconciled_once() -> None:
    async def scenario() -> None:
        reconciler = Reconciler(nothing)
        async with controlling(reconciler, a_fake(a_pod("a"), a_pod("b"))):
            assert [key.name for _, key in reconciler.calls] == ["a", "b"]
    run(scenario())


def test_a_change_reconciles_the_keys_of_the_old_and_of_the_new_state() -> None:
    async def scenario() -> None:
        fake, reconciler = a_fake(a_config(of="x")), Reconciler(nothing)
        async with controlling(reconciler, fake):
            reconciler.calls.clear()
            fake.add(a_config(of="y"))
            await settle()
            assert [key.name for _, key in reconciler.calls] == ["x", "y"]
    run(scenario())


def test_a_deletion_reconciles_too() -> None:
    async def scenario() -> None:
        fake, reconciler = a_fake(a_pod()), Reconciler(nothing)
        async with controlling(reconciler, fake):
            reconciler.calls.clear()
            fake.remove(a_pod())
            await settle()
            assert [key for _, key in reconciler.calls] == [a_key()]
    run(scenario())


def test_nothing_is_reconciled_before_every_cache_is_filled() -> None:
    async def scenario() -> None:
        fake, reconciler = a_fake(a_pod()), Reconciler(nothing)
        fake.server.fail("list", "configmaps", InternalError("not yet"))
        async with controlling(reconciler, fake):
            assert reconciler.calls == []
            await asyncio.sleep(1)
            assert [key for _, key in reconciler.calls] == [a_key()]
    run(scenario())


def test_failures_are_tried_again_later_each_time_and_success_forgets_them() -> None:
    async def scenario() -> None:
        reconciler = Reconciler(failing(*[RuntimeError("oh")] * 4))
        async with controlling(reconciler) as controller:
            controller.queue.add(a_key())
            await asyncio.sleep(3600)
            times = [when for when, _ in reconciler.calls]
            assert [round(later - earlier, 3) for earlier, later in zip(times, times[1:], strict=False)] == [0.005, 0.01, 0.02, 0.04]
            assert controller.queue.failures(a_key()) == 0
            assert (controller.reconciled, controller.failed) == (5, 4)
    run(scenario())


@pytest.mark.parametrize(("error", "level"), [
    pytest.param(Conflict("the object has been modified"), logging.INFO, id="a conflict is ordinary"),
    pytest.param(InternalError("etcd"), logging.WARNING, id="the server's failure is a warning"),
    pytest.param(RuntimeError("a bug"), logging.ERROR, id="a bug is an error"),
])
def test_a_failure_is_logged_once_and_takes_nobody_down(error: Exception, level: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kubeclient.controller")

    async def scenario() -> None:
        reconciler = Reconciler(failing(error))
        async with controlling(reconciler) as controller:
            controller.queue.add(a_key())
            await asyncio.sleep(1)
            assert len(reconciler.calls) == 2
    run(scenario())
    assert [one.levelno for one in caplog.records if one.name == "kubeclient.controller"] == [level]


def test_it_comes_back_when_asked_to() -> None:
    async def scenario() -> list[float]:
        async def act(key: ObjectKey) -> Result:
            return Result(requeue_after=60) if len(reconciler.calls) < 3 else DONE
        reconciler = Reconciler(act)
        async with controlling(reconciler) as controller:
            controller.queue.add(a_key())
            await asyncio.sleep(3600)
        return [round(when) for when, _ in reconciler.calls]
    assert run(scenario()) == [0, 60, 120]


def test_workers_work_beside_each_other_but_never_on_one_key() -> None:
    async def scenario() -> int:
        busy: set[ObjectKey] = set()
        most = 0

        async def act(key: ObjectKey) -> Result:
            nonlocal most
            assert key not in busy
            busy.add(key)
            most = max(most, len(busy))
            await asyncio.sleep(1)
            busy.remove(key)
            return DONE
        async with controlling(Reconciler(act), workers=3) as controller:
            for _ in range(4):
                for name in "abcd":
                    controller.queue.add(a_key(name))
                await asyncio.sleep(0.3)
            await asyncio.sleep(60)
            assert controller.failed == 0
        return most
    assert run(scenario()) == 3


def test_its_writes_say_what_caused_them() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())

        async def act(key: ObjectKey) -> Result:
            await fake.resource(Pod, key.namespace).patch(key.name, {"metadata": {"labels": {"seen": "yes"}}})
            return DONE
        async with controlling(Reconciler(act), fake):
            await settle()
        assert fake.actions == [patch("pods")] * 2
        assert [write.headers[HEADER] for write in fake.writes] == ["LISTED pods default/a@1", "MODIFIED pods default/a@2"]
    run(scenario())
