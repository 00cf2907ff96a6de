from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubeapi.errors import InternalError
from kubeapi.generated.models.core_v1 import Event, Node, ObjectReference
from kubeclient.events import QUEUE, EventRecorder
from kubeclient.testing import FakeClient, create, patch
from tests.unit.kubeclient.objects import a_fake, a_pod
from tests.virtualtime import BEGINNING, VirtualWorld, run, settle


@asynccontextmanager
async def recording(fake: FakeClient) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(fake, "kubelet", "n1", VirtualWorld())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        yield recorder
        task.cancel()


def test_an_event_says_who_what_where_and_when() -> None:
    async def scenario() -> Event:
        fake = a_fake()
        pod = fake.add(a_pod())
        async with recording(fake) as recorder:
            recorder.event(pod, "Normal", "Pulled", "here it is")
            await settle()
        (event,) = fake.all(Event)
        assert event.involved_object.uid == pod.metadata.uid
        return event
    event = run(scenario())
    assert event.metadata.namespace == "default" and event.metadata.name.startswith("a.")
    assert (event.type, event.reason, event.message, event.count) == ("Normal", "Pulled", "here it is", 1)
    assert (event.involved_object.kind, event.involved_object.name) == ("Pod", "a")
    assert (event.source.component, event.source.host) == ("kubelet", "n1")
    assert (event.reporting_component, event.reporting_instance) == ("kubelet", "n1")
    assert event.first_timestamp == event.last_timestamp == BEGINNING


def test_the_same_again_raises_the_count() -> None:
    async def scenario() -> FakeClient:
        fake = a_fake()
        async with recording(fake) as recorder:
            for _ in range(3):
                recorder.event(a_pod(), "Warning", "BackOff", "again")
                await asyncio.sleep(10)
            recorder.event(a_pod(), "Warning", "BackOff", "another")
            await settle()
        return fake
    fake = run(scenario())
    assert fake.actions == [create("events"), patch("events"), patch("events"), create("events")]
    first, second = fake.all(Event)
    assert (first.count, second.count) == (3, 1)
    assert first.last_timestamp is not None and first.first_timestamp is not None
    assert (first.last_timestamp - first.first_timestamp).total_seconds() == 20


def test_an_event_that_has_expired_is_written_anew() -> None:
    async def scenario() -> FakeClient:
        fake = a_fake()
        async with recording(fake) as recorder:
            recorder.event(a_pod(), "Normal", "Started", "yes")
            await settle()
            fake.remove(fake.all(Event)[0])
            recorder.event(a_pod(), "Normal", "Started", "yes")
            await settle()
        return fake
    fake = run(scenario())
    assert [event.count for event in fake.all(Event)] == [1]


def test_events_of_cluster_scoped_objects_lie_in_default() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        async with recording(fake) as recorder:
            recorder.event(Node.from_wire({"metadata": {"name": "n1"}}), "Normal", "Starting", "")
            recorder.event(ObjectReference(kind="Node", name="n2"), "Normal", "Starting", "")
            await settle()
        return fake.all(Event)
    assert [event.metadata.namespace for event in run(scenario())] == ["default", "default"]


def test_telling_never_blocks_and_never_fails() -> None:
    async def scenario() -> int:
        fake = a_fake()
        recorder = EventRecorder(fake, "kubelet", world=VirtualWorld())
        for number in range(2 * QUEUE):
            recorder.event(a_pod(f"p{number}"), "Normal", "Started", "")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(recorder.run())
            await settle()
            task.cancel()
        return len(fake.writes)
    assert run(scenario()) == QUEUE


def test_a_server_that_refuses_does_not_end_the_telling() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        fake.server.fail("create", "events", InternalError("no"), ConnectionError("broken"))
        async with recording(fake) as recorder:
            for name in "abc":
                recorder.event(a_pod(name), "Normal", "Started", "")
            await settle()
        return fake.all(Event)
    assert [event.involved_object.name for event in run(scenario())] == ["c"]


def test_a_long_name_still_makes_a_valid_one() -> None:
    async def scenario() -> str:
        fake = a_fake()
        async with recording(fake) as recorder:
            recorder.event(a_pod("a" * 199 + "-" + "b" * 50), "Normal", "Started", "")
            await settle()
        return fake.all(Event)[0].metadata.name
    assert "-." not in run(scenario())
