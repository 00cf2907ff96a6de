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
            await asyncio.sleep(60)
        return fake.all(Event)
    assert [event.involved_object.name for event in run(scenario())] == ["b", "c"]      # refused is refused; broken is tried again


def test_the_names_of_an_objects_events_are_in_the_order_in_which_it_was_told() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        async with recording(fake) as recorder:
            for reason in ("Scheduled", "Pulled", "Created", "Started"):
                recorder.event(a_pod(), "Normal", reason, "")
            await settle()
        return fake.all(Event)
    assert [event.reason for event in sorted(run(scenario()), key=lambda one: one.metadata.name)] == ["Scheduled", "Pulled", "Created", "Started"]


def test_the_time_of_an_event_is_when_it_was_told() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        fake.server.fail("create", "events", ConnectionError("no server yet"))
        async with recording(fake) as recorder:
            recorder.event(a_pod(), "Normal", "Started", "")
            await asyncio.sleep(60)
        return fake.all(Event)
    assert [event.first_timestamp for event in run(scenario())] == [BEGINNING]


def test_each_part_of_a_component_is_the_source_of_its_events() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        async with recording(fake) as recorder:
            recorder.of("deployment-controller").event(a_pod(), "Normal", "Started", "")
            recorder.event(a_pod(), "Normal", "Started", "")
            await settle()
        return fake.all(Event)
    assert {event.source.component for event in run(scenario())} == {"deployment-controller", "kubelet"}


def test_many_that_differ_only_in_their_message_become_one() -> None:
    async def scenario() -> list[Event]:
        fake = a_fake()
        async with recording(fake) as recorder:
            for number in range(14):
                recorder.event(a_pod(), "Warning", "Unhealthy", f"probe {number} failed")
            await settle()
        return fake.all(Event)
    *single, combined = sorted(run(scenario()), key=lambda one: one.metadata.name)
    assert [event.count for event in single] == [1] * 9
    assert (combined.count, combined.message) == (5, "(combined from similar events): probe 13 failed")


def test_an_object_that_is_told_of_without_end_falls_silent_for_a_while() -> None:
    async def scenario() -> tuple[int, int]:
        fake = a_fake()
        async with recording(fake) as recorder:
            for number in range(60):
                recorder.event(a_pod(), "Normal", f"Reason{number}", "")
            recorder.event(a_pod("other"), "Normal", "Started", "")
            await settle()
            at_once = len(fake.all(Event))
            await asyncio.sleep(301)
            recorder.event(a_pod(), "Normal", "Later", "")
            await settle()
        return at_once, len(fake.all(Event))
    assert run(scenario()) == (26, 27)


def test_a_long_name_still_makes_a_valid_one() -> None:
    async def scenario() -> str:
        fake = a_fake()
        async with recording(fake) as recorder:
            recorder.event(a_pod("a" * 199 + "-" + "b" * 50), "Normal", "Started", "")
            await settle()
        return fake.all(Event)[0].metadata.name
    assert "-." not in run(scenario())
