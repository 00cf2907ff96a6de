"""What an informer promises its handlers, whatever becomes of the server."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kubeapi.catalog import by_plural
from kubeapi.errors import Expired, Forbidden, InternalError, Timeout
from kubeapi.generated.models.core_v1 import Pod
from kubeapi.labels import parse
from kubeclient.causes import current
from kubeclient.fakeserver import FakeServer, Hangs
from kubeclient.informer import GRACE_SECONDS, PAGE, WATCH_SECONDS, Informer, InformerFactory
from kubeclient.testing import FakeClient
from tests.unit.kubeclient.objects import a_config, a_fake, a_key, a_pod
from tests.virtualtime import VirtualWorld, run, settle

TOO_LARGE = Timeout("Too large resource version: 9, current: 1", details={"causes": [{"reason": "ResourceVersionTooLarge"}]})


class Recorder:
    """What the handlers were told."""

    def __init__(self, informer: Informer[Pod]) -> None:
        self.told: list[str] = []
        informer.add_handler(lambda pod: self.tell("+", pod), lambda old, new: self.tell(f"{old.status.phase}>", new),
                             lambda pod: self.tell("-", pod))

    def tell(self, what: str, pod: Pod) -> None:
        self.told.append(f"{what}{pod.metadata.name} {pod.status.phase}")

    def take(self) -> list[str]:
        told, self.told = self.told, []
        return told


@asynccontextmanager
async def following(fake: FakeClient, **options: str) -> AsyncIterator[tuple[Informer[Pod], Recorder]]:
    factory = InformerFactory(fake, VirtualWorld())
    informer: Informer[Pod] = factory.informer(Pod, **options)     # type: ignore[arg-type]
    recorder = Recorder(informer)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(factory.run())
        await informer.wait_synced()
        await settle()
        yield informer, recorder
        running.cancel()


def verbs(server: FakeServer) -> list[str]:
    return ["watch" if "watch=true" in one.path else "list" for one in server.requests]


def test_what_is_there_is_told_as_added_and_then_every_change() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (informer, recorder):
            assert recorder.take() == ["+a Pending"]
            fake.add(a_pod(phase="Running"))
            fake.add(a_pod("b"))
            await settle()
            assert recorder.take() == ["Pending>a Running", "+b Pending"]
            fake.remove(a_pod())
            await settle()
            assert recorder.take() == ["-a Running"]
            assert informer.get(a_key()) is None
            assert [pod.metadata.name for pod in informer.list()] == ["b"]
    run(scenario())


def test_it_asks_for_no_more_than_a_list_and_a_watch() -> None:
    async def scenario() -> list[str]:
        fake = a_fake(a_pod())
        async with following(fake):
            await asyncio.sleep(WATCH_SECONDS - 1)
        return verbs(fake.server)
    assert run(scenario()) == ["list", "watch"]


def test_a_watch_whose_time_is_up_goes_on_where_it_was() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (_, recorder):
            await asyncio.sleep(24 * 3600)
            fake.add(a_pod(phase="Running"))
            await settle()
            assert recorder.take() == ["+a Pending", "Pending>a Running"]
            assert verbs(fake.server).count("list") == 1
            assert 24 * 3600 / WATCH_SECONDS / 2 - 1 <= verbs(fake.server).count("watch") <= 24 * 3600 / WATCH_SECONDS + 1
    run(scenario())


def test_a_broken_watch_goes_on_behind_the_last_version_seen() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (_, recorder):
            fake.server.break_watches()
            await settle()
            fake.add(a_pod(phase="Running"))
            fake.remove(a_pod())
            await asyncio.sleep(1)
            assert recorder.take() == ["+a Pending", "Pending>a Running", "-a Running"]
            assert verbs(fake.server) == ["list", "watch", "watch"]
    run(scenario())


def test_an_event_that_comes_again_is_not_told() -> None:
    """Else one that is gone would be there again, and every count of it wrong."""
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (informer, recorder):
            fake.add(a_pod(phase="Running"))
            fake.add(a_pod("b"))
            fake.remove(a_pod("b"))
            await settle()
            recorder.take()
            fake.server.repeat_events(4)
            await settle()
            assert recorder.take() == []
            fake.add(a_pod("c"))
            await settle()
            assert (recorder.take(), len(informer.list())) == (["+c Pending"], 2)

    run(scenario())


def test_after_410_it_lists_again_and_tells_only_the_differences() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a"), a_pod("b"), a_pod("c"))
        async with following(fake) as (_, recorder):
            recorder.take()
            fake.server.is_down = True
            fake.server.break_watches()
            await settle()
            fake.remove(a_pod("a"))
            fake.add(a_pod("b", phase="Running"))
            fake.add(a_pod("d"))
            fake.server.expire_watches()
            fake.server.is_down = False
            await asyncio.sleep(10)
            assert recorder.take() == ["Pending>b Running", "+d Pending", "-a Pending"]
    run(scenario())


def test_a_failed_list_is_never_an_empty_one() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (informer, recorder):
            recorder.take()
            fake.server.fail("list", "pods", *[InternalError("no")] * 5)
            fake.add(a_pod("z"))
            await settle()
            fake.server.expire_watches()
            fake.server.fail("watch", "pods", Expired("gone"))
            await settle()
            assert recorder.take() == ["+z Pending"]
            assert [pod.metadata.name for pod in informer.list()] == ["a", "z"]
            await asyncio.sleep(60)
            assert recorder.take() == []
            assert len(informer.list()) == 2
    run(scenario())


def test_it_is_not_synced_before_the_first_list_succeeds() -> None:
    async def scenario() -> float:
        fake = a_fake(a_pod())
        fake.server.fail("list", "pods", *[Forbidden("no")] * 3)
        async with following(fake) as (informer, _):
            assert informer.has_synced
            return asyncio.get_running_loop().time()
    assert 0.2 + 0.4 + 0.8 <= run(scenario()) <= 2 * (0.2 + 0.4 + 0.8)


@pytest.mark.parametrize("failure", [
    pytest.param(Forbidden("no"), id="refused"),
    pytest.param(ConnectionError("broken"), id="broken"),
    pytest.param(Expired("too old"), id="expired again and again"),
])
def test_a_server_that_keeps_failing_is_asked_ever_less(failure: Exception) -> None:
    async def scenario() -> int:
        fake = a_fake(a_pod())
        fake.server.fail("watch", "pods", *[failure] * 10_000)
        async with following(fake):
            await asyncio.sleep(600)
        return verbs(fake.server).count("watch")
    assert 600 / 5 <= run(scenario()) <= 600 / 5 + 20


def test_a_server_that_ends_every_watch_at_once_is_not_hammered() -> None:
    async def scenario() -> int:
        fake = a_fake(a_pod())
        fake.server.longest_watch_seconds = 0
        async with following(fake):
            await asyncio.sleep(600)
        return verbs(fake.server).count("watch")
    assert run(scenario()) <= 600 / 5 + 20


def test_a_server_that_vanished_without_a_word_is_noticed() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        fake.server.is_mute = True
        async with following(fake) as (_, recorder):
            recorder.take()
            fake.server.is_mute = False
            fake.add(a_pod(phase="Running"))
            await asyncio.sleep(2 * WATCH_SECONDS + GRACE_SECONDS + 10)
            assert recorder.take() == ["Pending>a Running"]
    run(scenario())


def test_a_list_that_hangs_is_tried_again() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        fake.server.fail("list", "pods", Hangs())
        async with following(fake) as (informer, _):
            assert len(informer.list()) == 1
    run(scenario())


def test_a_server_whose_past_is_another_is_listed_anew() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod())
        async with following(fake) as (_, recorder):
            recorder.take()
            fake.server.fail("watch", "pods", TOO_LARGE)
            fake.server.break_watches()
            fake.server.remove(by_plural("", "pods"), a_key())
            fake.server.expire_watches()
            await asyncio.sleep(10)
            assert recorder.take() == ["-a Pending"]
            assert verbs(fake.server).count("list") == 2
    run(scenario())


def test_a_long_list_comes_in_pages_and_an_expired_page_begins_anew() -> None:
    async def scenario() -> None:
        fake = a_fake(*(a_pod(f"p{number:04}") for number in range(PAGE + 2)))
        fake.server.fail("list", "pods", InternalError("hiccup"))
        async with following(fake) as (informer, recorder):
            assert len(informer.list()) == len(recorder.told) == PAGE + 2
            assert verbs(fake.server) == ["list", "list", "list", "watch"]
    run(scenario())


def test_a_selector_shows_what_comes_into_it_and_goes() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a", node="n1"), a_pod("b"))
        async with following(fake, field_selector="spec.nodeName=n1") as (_, recorder):
            fake.add(a_pod("b", node="n1"))
            fake.add(a_pod("a", node="n2"))
            await settle()
            assert recorder.take() == ["+a Pending", "+b Pending", "-a Pending"]
    run(scenario())


def test_one_namespace_only() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a"), a_pod("b", namespace="other"))
        async with following(fake, namespace="other") as (_, recorder):
            assert recorder.take() == ["+b Pending"]
    run(scenario())


def test_handlers_run_in_the_causes_of_their_event() -> None:
    async def scenario() -> list[str]:
        fake, seen = a_fake(a_pod()), []
        async with following(fake) as (informer, _):
            informer.add_handler(None, lambda old, new: seen.append(current().header()), lambda pod: seen.append(current().header()))
            fake.add(a_pod(phase="Running"))
            fake.remove(a_pod())
            await settle()
        return seen
    assert run(scenario()) == ["MODIFIED pods default/a@2", "DELETED pods default/a@3"]


def test_a_handler_that_comes_late_is_told_what_is_there() -> None:
    async def scenario() -> list[str]:
        async with following(a_fake(a_pod("a"), a_pod("b"))) as (informer, _):
            return Recorder(informer).told
    assert run(scenario()) == ["+a Pending", "+b Pending"]


def test_lists_by_label_and_index() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a", node="n1", labels={"app": "x"}), a_pod("b", node="n1"))
        async with following(fake) as (informer, _):
            informer.add_index("node", lambda pod: [pod.spec.node_name])
            assert [pod.metadata.name for pod in informer.list("default", parse("app=x"))] == ["a"]
            assert [pod.metadata.name for pod in informer.by_index("node", "n1")] == ["a", "b"]
    run(scenario())


def test_who_asks_for_the_same_gets_the_same_informer() -> None:
    factory = InformerFactory(a_fake())
    pods = by_plural("", "pods")
    assert factory.informer(Pod) is factory.informer(Pod)
    assert factory.informer(Pod) is not factory.informer(Pod, "default")
    assert factory.document_informer(pods) is factory.document_informer(pods)


def test_an_informer_asked_for_while_running_runs_too() -> None:
    async def scenario() -> None:
        fake = a_fake(a_config(x="1"))
        factory = InformerFactory(fake, VirtualWorld())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(factory.run())
            await settle()
            documents = factory.document_informer(by_plural("", "configmaps"))
            await documents.wait_synced()
            assert [sorted(one) for one in documents.list()] == [["apiVersion", "kind", "metadata"]]
            running.cancel()
    run(scenario())


def test_a_transform_decides_what_is_kept() -> None:
    async def scenario() -> None:
        fake = a_fake(a_pod("a", node="n1"))
        factory = InformerFactory(fake, VirtualWorld())
        nodes: Informer[str] = factory.informer(Pod, transform=lambda document: document["spec"]["nodeName"])
        async with asyncio.TaskGroup() as group:
            running = group.create_task(factory.run())
            await nodes.wait_synced()
            assert nodes.list() == ["n1"]
            running.cancel()
    run(scenario())
