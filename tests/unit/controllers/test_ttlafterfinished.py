"""Jobs that have finished and a time to live: gone when it is over, not before, and asked for once more."""
from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controllers.ttlafterfinished import ttl_after_finished_controller
from kubeapi import errors
from kubeapi.generated.models.batch_v1 import Job
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.testing import FakeClient, delete
from tests.unit.controllers.harness import running
from tests.virtualtime import VirtualWorld, run

Document = dict[str, Any]


def make(client: Client, recorder: EventRecorder, factory: InformerFactory, world: VirtualWorld) -> Iterable[Controller]:
    return [ttl_after_finished_controller(client, factory, world)]


def a_job(ttl: int | None = 100, *conditions: tuple[str, str], at: str = "2026-01-01T00:00:00Z", **metadata: Any) -> Job:
    told = [{"type": type, "status": status, "lastTransitionTime": at} for type, status in conditions]
    return Job.from_wire({"metadata": {"name": "j", "namespace": "default", **metadata}, "spec": {"ttlSecondsAfterFinished": ttl},
                          "status": {"conditions": told}})


def steps(fake: FakeClient, world: VirtualWorld, *changes: tuple[float, Any]) -> None:
    async def scenario() -> None:
        async with running(fake, world, make):
            for seconds, one in changes:
                await asyncio.sleep(seconds)
                one()

    run(scenario())


def is_going(fake: FakeClient) -> bool:
    """In the foreground: nobody collects garbage here."""
    return [one.metadata.finalizers for one in fake.all(Job) if one.metadata.deletion_timestamp] == [("foregroundDeletion",)]


def nothing() -> None:
    """Only time passes."""


@pytest.mark.parametrize(("job", "goes_after"), [
    pytest.param(a_job(100, ("Complete", "True")), 100, id="it has completed"),
    pytest.param(a_job(100, ("Failed", "True")), 100, id="it has failed"),
    pytest.param(a_job(0, ("Complete", "True")), 0, id="no time to live"),
    pytest.param(a_job(100, ("Suspended", "True"), ("Complete", "True"), at="2026-01-01T00:01:00Z"), 160, id="it counts from its end"),
    pytest.param(a_job(None, ("Complete", "True")), None, id="nothing said of a time to live"),
    pytest.param(a_job(100), None, id="it runs"),
    pytest.param(a_job(100, ("Complete", "False")), None, id="not complete"),
    pytest.param(a_job(100, ("SuccessCriteriaMet", "True")), None, id="not quite finished"),
])
def test_when_a_job_goes(job: Job, goes_after: float | None) -> None:
    world = VirtualWorld()
    fake = FakeClient(job, world=world)

    def is_there() -> None:
        assert len(fake.all(Job)) == 1

    if goes_after is None:
        steps(fake, world, (100000, is_there))
        assert fake.actions == []
        return
    steps(fake, world, (max(goes_after - 1, 0), is_there), (2, nothing))
    assert fake.actions == [delete("jobs")]
    assert fake.writes[0].body["propagationPolicy"] == "Foreground"
    assert set(fake.writes[0].body["preconditions"]) == {"uid", "resourceVersion"}


def test_a_job_that_finishes_while_it_is_watched_goes_when_its_time_is_over() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_job(10), world=world)
    uid = fake.all(Job)[0].metadata.uid
    steps(fake, world, (60, lambda: fake.add(a_job(10, ("Complete", "True"), at="2026-01-01T00:01:00Z", uid=uid))), (11, nothing))
    assert is_going(fake)


def test_a_longer_life_given_in_time_counts() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_job(100, ("Complete", "True")), world=world)
    uid = fake.all(Job)[0].metadata.uid

    def prolong_unseen() -> None:
        fake.server.is_mute = True
        fake.server.break_watches()
        fake.add(a_job(500, ("Complete", "True"), uid=uid))

    def is_there() -> None:
        assert len(fake.all(Job)) == 1

    steps(fake, world, (50, prolong_unseen), (440, is_there), (20, nothing))
    assert is_going(fake)


def test_a_job_that_is_going_is_left_alone() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_job(0, ("Complete", "True"), finalizers=["foregroundDeletion"], deletionTimestamp="2026-01-01T00:00:00Z"), world=world)
    steps(fake, world, (10, nothing))
    assert fake.actions == []


def test_a_deletion_that_fails_is_tried_again() -> None:
    world = VirtualWorld()
    fake = FakeClient(a_job(0, ("Complete", "True")), world=world)
    fake.server.fail("delete", "jobs", errors.InternalError("it broke"))
    steps(fake, world, (10, nothing))
    assert is_going(fake)
