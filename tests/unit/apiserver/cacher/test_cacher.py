"""What readers of a Cacher may rely on, over the memory storage; the hub's work is done by hand, one event at a time."""
from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import orjson
import pytest

from apiserver.cacher import EVERYTHING, Cacher, Selection, Watcher, WatchHub, encode_for_storage, with_resource_version
from apiserver.cacher.document import body_of, split, tail_of
from apiserver.cacher.watcher import CHUNK_BYTES
from apiserver.storage.interface import StorageEvent, Stored
from apiserver.storage.memory import MemoryStorage
from kubeapi.errors import Expired, Timeout
from kubeapi.meta import ObjectKey

PREFIX = "/registry/core/pods/"
HEAD = b'{"apiVersion":"v1","kind":"Pod","metadata":{'


def a_pod(name: str, namespace: str = "default", node: str = "", **labels: str) -> bytes:
    return encode_for_storage({"kind": "Pod", "spec": {"nodeName": node}, "apiVersion": "v1",
                               "metadata": {"name": name, "namespace": namespace, "labels": labels, "resourceVersion": "99"}})


def attributes(document: dict[str, Any]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return document["metadata"].get("labels") or {}, {"spec.nodeName": document["spec"]["nodeName"]}


class Fed:
    """A cacher and the hand that feeds it."""

    def __init__(self, revision: int = 1, **bounds: int) -> None:
        self.hub = WatchHub(MemoryStorage())
        self.cacher = Cacher(self.hub, PREFIX, attributes, head=HEAD, indexed_fields=("spec.nodeName",), **bounds)
        self.replace([], revision)

    def replace(self, stored: list[Stored], revision: int) -> None:
        self.cacher.replace(stored, revision)
        self.hub.clock.advance(revision)

    def put(self, name: str, namespace: str = "default", node: str = "", **labels: str) -> int:
        return self._write(f"{PREFIX}{namespace}/{name}", a_pod(name, namespace, node, **labels))

    def delete(self, name: str, namespace: str = "default") -> int:
        return self._write(f"{PREFIX}{namespace}/{name}", None)

    def _write(self, key: str, value: bytes | None) -> int:
        revision = self.hub.clock.revision + 1
        self.cacher.apply(StorageEvent("DELETE" if value is None else "PUT", key, value, revision))
        self.hub.clock.advance(revision)
        return revision


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 5))


def told(chunk: bytes) -> list[tuple[str, str, int]]:
    """(type, name, resourceVersion) per line."""
    events = [orjson.loads(line) for line in chunk.splitlines()]
    return [(event["type"], event["object"]["metadata"].get("name", ""), int(event["object"]["metadata"]["resourceVersion"]))
            for event in events]


async def until_asleep(group: asyncio.TaskGroup, watcher: Watcher) -> asyncio.Task[bytes]:
    task = group.create_task(anext_of(watcher))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def anext_of(watcher: Watcher) -> bytes:
    return await anext(watcher)


@pytest.mark.parametrize("value", [
    pytest.param(a_pod("a"), id="our layout"),
    pytest.param(b'{"kind":"Pod","metadata":{"name":"a"},"apiVersion":"v1","spec":{"metadata":{"x":1}}}', id="another's order"),
    pytest.param(b'{"apiVersion":"v1","kind":"Pod","spec":{"template":{"metadata":{"name":"b"}}},"metadata":{"name":"a"}}',
                 id="a nested metadata first"),
    pytest.param(b'{"apiVersion":"v1","kind":"Pod","metadata":{}}', id="empty metadata"),
])
def test_a_resource_version_is_spliced_in_and_out(value: bytes) -> None:
    document = orjson.loads(value)
    shown = orjson.loads(with_resource_version(value, 7))
    assert shown["metadata"].pop("resourceVersion") == "7"
    assert shown == document
    head, tail = split(value)
    assert head == HEAD and tail_of(body_of(tail, 7)) == tail


def test_what_is_stored_holds_no_resource_version() -> None:
    assert a_pod("a").startswith(HEAD) and b"resourceVersion" not in a_pod("a")


def test_a_list_is_in_the_order_of_the_storages_keys() -> None:
    async def test() -> None:
        fed = Fed()
        for namespace, name in [("a", "z"), ("a-b", "x"), ("a", "b"), ("b", "a")]:
            fed.put(name, namespace)
        found = await fed.cacher.list(match="any")
        keys = [f"{one.namespace}/{one.name}" for one in found.objects]
        assert keys == sorted(keys) == ["a-b/x", "a/b", "a/z", "b/a"]
    run(test())


def test_pages_of_one_list_show_one_revision() -> None:
    async def test() -> None:
        fed = Fed()
        for name in "abcd":
            fed.put(name)
        first = await fed.cacher.list(match="any", limit=2)
        assert (first.more, first.remaining) == (True, 2)
        fed.delete("c")
        fed.put("bb")
        fed.put("d", node="n1")
        rest = await fed.cacher.list(match="exact", revision=first.revision, after=first.objects[-1].key)
        assert [(one.name, one.revision, one.fields["spec.nodeName"]) for one in rest.objects] == [("c", 4, ""), ("d", 5, "")]
    run(test())


def test_list_chunks_join_to_the_items() -> None:
    async def test() -> None:
        fed = Fed()
        for name in "abc":
            fed.put(name)
        found = await fed.cacher.list(match="any")
        chunks = list(found.chunks(size=1))
        items = orjson.loads(b"[%b]" % b"".join(chunks))
        assert len(chunks) == 3 and [item["metadata"]["resourceVersion"] for item in items] == ["2", "3", "4"]
        assert all("kind" not in item for item in items)
    run(test())


def test_a_selector_turns_modified_into_added_and_deleted() -> None:
    async def test() -> None:
        fed = Fed()
        watcher = fed.cacher.watch(Selection(matches=lambda labels, fields: labels.get("app") == "web"), since=1)
        fed.put("a", app="db")
        fed.put("a", app="web")
        fed.put("a", app="web", tier="front")
        fed.put("a", app="db")
        assert told(await anext(watcher)) == [("ADDED", "a", 3), ("MODIFIED", "a", 4), ("DELETED", "a", 5)]
    run(test())


def test_a_deletion_shows_the_last_state_at_its_own_revision() -> None:
    async def test() -> None:
        fed = Fed()
        fed.put("a", app="web")
        watcher = fed.cacher.watch(since=2)
        fed.delete("a")
        line = orjson.loads(await anext(watcher))
        assert line["type"] == "DELETED"
        assert (line["object"]["metadata"]["resourceVersion"], line["object"]["metadata"]["labels"]) == ("3", {"app": "web"})
        assert fed.cacher.get(ObjectKey("default", "a")) is None
    run(test())


def test_initial_events_end_with_the_marked_bookmark() -> None:
    async def test() -> None:
        fed = Fed()
        fed.put("a")
        found = await fed.cacher.list(match="any")
        chunk = await anext(fed.cacher.watch(since=found.revision, initial=found, ends_initial_events=True))
        assert told(chunk) == [("ADDED", "a", 2), ("BOOKMARK", "", 2)]
        assert orjson.loads(chunk.splitlines()[1])["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    run(test())


def test_a_watcher_sleeps_through_what_does_not_concern_it_however_much_it_is() -> None:
    async def test() -> None:
        fed = Fed(max_entries=4)
        watcher = fed.cacher.watch(Selection(matches=lambda labels, fields: fields["spec.nodeName"] == "n1",
                                             exact=("spec.nodeName", "n1")), since=1, bookmarks=True)
        async with asyncio.TaskGroup() as group:
            task = await until_asleep(group, watcher)
            for number in range(20):
                fed.put(f"p{number}", node="n2")
            fed.cacher.bookmark()
            assert told(await task) == [("BOOKMARK", "", 21)]
            task = await until_asleep(group, watcher)
            fed.put("mine", node="n1")
            assert told(await task) == [("ADDED", "mine", 22)]
    run(test())


def test_a_bookmark_never_overtakes_a_change() -> None:
    async def test() -> None:
        fed = Fed()
        watcher = fed.cacher.watch(since=1, bookmarks=True)
        async with asyncio.TaskGroup() as group:
            task = await until_asleep(group, watcher)
            fed.cacher.bookmark()
            fed.put("a")                        # before the woken watcher runs
            assert told(await task) == [("ADDED", "a", 2)]
    run(test())


@pytest.mark.parametrize("bounds", [{"max_entries": 3}, {"max_bytes": 3000}], ids=["entries", "bytes"])
def test_a_slow_watcher_is_cut_off(bounds: dict[str, int]) -> None:
    async def test() -> None:
        fed = Fed(**bounds)
        watcher = fed.cacher.watch(since=1)
        for number in range(20):
            fed.put(f"p{number}")
        with pytest.raises(Expired, match=r"too old resource version: 1 \(\d+\)"):
            await anext(watcher)
        with pytest.raises(Expired):
            fed.cacher.watch(since=1)
    run(test())


def test_watchers_list_again_after_everything_was_read_anew() -> None:
    async def test() -> None:
        fed = Fed()
        watcher = fed.cacher.watch(since=1)
        with pytest.RaisesGroup(Expired):
            async with asyncio.TaskGroup() as group:
                await until_asleep(group, watcher)
                fed.replace([Stored(f"{PREFIX}default/a", a_pod("a"), 8)], 9)
    run(test())


def test_a_cancelled_watcher_leaves_nothing_behind() -> None:
    async def test() -> None:
        fed = Fed()
        async with asyncio.TaskGroup() as group:
            (await until_asleep(group, fed.cacher.watch(since=1))).cancel()
        assert not fed.cacher._sleepers._by_place
    run(test())


def test_a_revision_that_does_not_come_is_too_large() -> None:
    async def test() -> None:
        with pytest.raises(Timeout, match="Too large resource version: 9, current: 1"):
            await Fed().cacher.wait_for_revision(9, timeout_seconds=0.01)
    run(test())


def test_unreadable_values_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        fed = Fed()
        fed.replace([Stored(f"{PREFIX}default/a", b"\xff", 2), Stored(f"{PREFIX}default/b", a_pod("b"), 3)], 3)
        assert [one.name for one in (await fed.cacher.list(EVERYTHING, match="any")).objects] == ["b"]
        assert "unreadable value of /registry/core/pods/default/a" in caplog.text
    run(test())


def test_what_this_server_wrote_is_not_decoded_again() -> None:
    fed = Fed()
    value = a_pod("a")
    fed.cacher.begin_write(f"{PREFIX}default/a", value, orjson.loads(value))
    made = fed.cacher.written(Stored(f"{PREFIX}default/a", value, 2))
    fed.put("a")
    assert fed.cacher.get(ObjectKey("default", "a")) is made


def test_a_write_that_the_watch_has_shown_already_is_what_the_watch_made_of_it() -> None:
    fed = Fed()
    fed.put("a")
    value = a_pod("a")
    assert fed.cacher.written(Stored(f"{PREFIX}default/a", value, 2)) is fed.cacher.get(ObjectKey("default", "a"))


def test_a_write_that_another_writer_won_is_seen_as_the_other_wrote_it() -> None:
    fed = Fed()
    fed.cacher.begin_write(f"{PREFIX}default/a", a_pod("a", app="mine"), orjson.loads(a_pod("a", app="mine")))
    fed.put("a", app="theirs")
    found = fed.cacher.get(ObjectKey("default", "a"))
    assert found is not None
    assert found.labels == {"app": "theirs"}


def test_a_watcher_that_is_behind_is_handed_pieces_of_bounded_size() -> None:
    """In one piece, what it missed lay in memory once for each of a thousand watchers that do not read."""
    async def test() -> None:
        fed = Fed()
        watcher = fed.cacher.watch(since=1)
        for number in range(40):
            fed.put(f"p{number}", large="x" * 50_000)
        sizes: list[int] = []
        seen: list[tuple[str, str, int]] = []
        while len(seen) < 40:
            chunk = await anext(watcher)
            sizes.append(len(chunk))
            seen += told(chunk)
        assert [name for _, name, _ in seen] == [f"p{number}" for number in range(40)]
        assert max(sizes) <= CHUNK_BYTES + 60_000
    run(test())
