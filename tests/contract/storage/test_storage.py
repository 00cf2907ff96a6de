"""The contract of Storage, on memory and on a real etcd."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apiserver.storage.compaction import compact_once
from apiserver.storage.etcd import EtcdConfig, EtcdStorage
from apiserver.storage.guaranteed import guaranteed_update
from apiserver.storage.interface import (
    Compacted,
    Conflict,
    FutureRevision,
    KeyExists,
    KeyNotFound,
    Progress,
    Storage,
    StorageEvent,
    StorageUnavailable,
    Stored,
)
from apiserver.storage.memory import MemoryStorage
from tests.etcd import Etcd, running_etcd

Scenario = Callable[[Storage, str], Awaitable[None]]
_prefixes = count()


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    with running_etcd() as etcd:
        yield etcd


@pytest.fixture(params=["memory", "etcd"])
def play(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario over a storage, under a prefix of its own."""
    server = request.getfixturevalue("etcd").server if request.param == "etcd" else ""

    def run(scenario: Scenario) -> None:
        async def scene() -> None:
            storage: Storage = EtcdStorage(EtcdConfig([server])) if server else MemoryStorage()
            try:
                await answering(storage)
                async with asyncio.timeout(60):
                    await scenario(storage, f"/registry/t{next(_prefixes)}/")
            finally:
                await storage.close()

        asyncio.run(scene())

    return run


async def answering(storage: Storage) -> None:
    """Returns when the storage answers: an etcd that was just started takes a moment."""
    async with asyncio.timeout(60):
        while True:
            try:
                await storage.current_revision()
            except StorageUnavailable:
                continue
            return


async def collected(events: AsyncIterator[list[StorageEvent] | Progress], wanted: int) -> list[StorageEvent]:
    found: list[StorageEvent] = []
    async for batch in events:
        if not isinstance(batch, Progress):
            found += batch
        if len(found) >= wanted:
            break
    return found


def test_what_is_created_is_read_at_its_revision(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        revision = await storage.create(prefix + "a", b"1")
        assert await storage.get(prefix + "a") == Stored(prefix + "a", b"1", revision)
        assert await storage.current_revision() >= revision
    play(scenario)


def test_a_key_is_created_once(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        await storage.create(prefix + "a", b"1")
        with pytest.raises(KeyExists):
            await storage.create(prefix + "a", b"2")
        assert (await storage.get(prefix + "a")).value == b"1"
    play(scenario)


def test_what_is_not_there_is_not_found(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        with pytest.raises(KeyNotFound):
            await storage.get(prefix + "a")
    play(scenario)


def test_a_write_over_another_revision_conflicts_and_tells_what_is_there(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        first = await storage.create(prefix + "a", b"1")
        second = await storage.put_if(prefix + "a", b"2", revision=first)
        assert second > first
        for attempt in (storage.put_if(prefix + "a", b"3", revision=first), storage.delete_if(prefix + "a", revision=first)):
            with pytest.raises(Conflict) as conflict:
                await attempt
            assert conflict.value.current == Stored(prefix + "a", b"2", second)
        await storage.delete_if(prefix + "a", revision=second)
        with pytest.raises(Conflict) as conflict:
            await storage.put_if(prefix + "a", b"3", revision=second)
        assert conflict.value.current is None
    play(scenario)


def test_lists_are_in_key_order_and_know_what_is_left(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        for name in "cabd":
            await storage.create(prefix + name, name.encode())
        await storage.create(prefix[:-1] + "x/e", b"another prefix")
        everything = await storage.list(prefix)
        assert [one.value for one in everything.items] == [b"a", b"b", b"c", b"d"]
        assert (everything.more, everything.count) == (False, 4)
        page = await storage.list(prefix, limit=2)
        assert ([one.value for one in page.items], page.more, page.count) == ([b"a", b"b"], True, 4)
        await storage.create(prefix + "bb", b"later")
        rest = await storage.list(prefix, limit=5, start=page.items[-1].key + "\0", revision=page.revision)
        assert ([one.value for one in rest.items], rest.more) == ([b"c", b"d"], False)
        assert rest.revision == page.revision
        assert await storage.count(prefix) == 5
    play(scenario)


def test_a_long_list_is_one_snapshot(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(2100):
                group.create_task(storage.create(f"{prefix}{number:05}", b"x"))
        assert len((await storage.list(prefix)).items) == 2100
        assert len((await storage.list(prefix, limit=1500)).items) == 1500
    play(scenario)


def test_a_revision_that_has_not_happened_is_refused(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        with pytest.raises(FutureRevision):
            await storage.list(prefix, revision=await storage.current_revision() + 1000)
    play(scenario)


def test_a_watch_cannot_begin_at_a_revision_that_has_not_happened(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        with pytest.raises(FutureRevision):
            await collected(storage.watch(prefix, since=await storage.current_revision() + 1000), 1)
    play(scenario)


def test_a_quiet_watch_says_how_far_it_is_when_it_is_asked(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        first = await storage.create(prefix + "a", b"1")
        async with aclosing(storage.watch(prefix, since=first - 1)) as watching:
            seen = await anext(watching)
            assert not isinstance(seen, Progress)
            await storage.request_progress()
            progress = await anext(watching)
            assert isinstance(progress, Progress)
            assert progress.revision >= first
    play(scenario)


def test_a_watch_tells_every_change_after_its_revision_in_order(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        first = await storage.create(prefix + "a", b"1")
        second = await storage.put_if(prefix + "a", b"2", revision=first)
        third = await storage.delete_if(prefix + "a", revision=second)
        await storage.create(prefix[:-1] + "x/b", b"another prefix")
        fourth = await storage.create(prefix + "b", b"3")
        assert await collected(storage.watch(prefix, since=first), 3) == [
            StorageEvent("PUT", prefix + "a", b"2", second), StorageEvent("DELETE", prefix + "a", None, third),
            StorageEvent("PUT", prefix + "b", b"3", fourth)]
    play(scenario)


def test_a_watch_tells_what_happens_while_it_waits(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        since = await storage.current_revision()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(collected(storage.watch(prefix, since=since), 200))
            for number in range(200):
                await storage.create(f"{prefix}{number}", b"x")
        assert [event.key for event in watching.result()] == [f"{prefix}{number}" for number in range(200)]
    play(scenario)


def test_what_is_compacted_cannot_be_listed_or_watched(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        first = await storage.create(prefix + "a", b"1")
        second = await storage.put_if(prefix + "a", b"2", revision=first)
        third = await storage.put_if(prefix + "a", b"3", revision=second)
        await storage.compact(third)
        with pytest.raises(Compacted):
            await storage.list(prefix, revision=first)
        with pytest.raises(Compacted):
            await collected(storage.watch(prefix, since=first - 1), 1)
        assert [one.value for one in (await storage.list(prefix, revision=third)).items] == [b"3"]
    play(scenario)


def test_a_key_with_a_ttl_expires(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        revision = await storage.create(prefix + "a", b"1", ttl_seconds=3600)
        assert (await storage.get(prefix + "a")).revision == revision
    play(scenario)


def test_compaction_goes_to_what_was_seen_an_interval_ago(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        for name in "xyz":
            await storage.create(prefix + name, b"1")
        seen = await compact_once(storage, 0)
        first = await storage.create(prefix + "a", b"1")
        again = await compact_once(storage, await compact_once(storage, seen))
        assert again >= first
        with pytest.raises(Compacted):
            await storage.list(prefix, revision=seen - 1)
    play(scenario)


def test_concurrent_updates_all_count(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        await storage.create(prefix + "a", b"0")
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(guaranteed_update(storage, prefix + "a", lambda current: str(int(current.value) + 1).encode()))
        assert (await storage.get(prefix + "a")).value == b"20"
    play(scenario)


def test_an_update_over_a_stale_cache_starts_again_from_what_is_stored(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        revision = await storage.create(prefix + "a", b"1")
        await storage.put_if(prefix + "a", b"5", revision=revision)
        stale = Stored(prefix + "a", b"1", revision)
        stored = await guaranteed_update(storage, prefix + "a", lambda current: str(int(current.value) + 1).encode(), cached=stale)
        assert stored.value == b"6"
    play(scenario)


def test_a_change_that_changes_nothing_writes_nothing(play: Callable[[Scenario], None]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        revision = await storage.create(prefix + "a", b"1")
        assert (await guaranteed_update(storage, prefix + "a", lambda current: current.value)).revision == revision
    play(scenario)


STEPS = st.lists(st.tuples(st.sampled_from(["create", "put", "delete"]), st.sampled_from("abc"), st.binary(max_size=3)), max_size=25)


@given(STEPS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_operations_behave_as_a_dict(play: Callable[[Scenario], None], steps: list[tuple[str, str, bytes]]) -> None:
    async def scenario(storage: Storage, prefix: str) -> None:
        model: dict[str, Stored] = {}
        since = await storage.current_revision()
        writes = 0
        for step, name, value in steps:
            key, known = prefix + name, model.get(prefix + name)
            try:
                if step == "create":
                    model[key] = Stored(key, value, await storage.create(key, value))
                elif step == "put":
                    model[key] = Stored(key, value, await storage.put_if(key, value, revision=known.revision if known else 1))
                else:
                    await storage.delete_if(key, revision=known.revision if known else 1)
                    model.pop(key)
                writes += 1
            except KeyExists:
                assert known is not None
            except Conflict as conflict:
                assert known is None
                assert conflict.current is None
        assert list((await storage.list(prefix)).items) == sorted(model.values(), key=lambda one: one.key)
        if writes:
            replayed: dict[str, bytes | None] = {}
            for event in await collected(storage.watch(prefix, since=since), writes):
                replayed[event.key] = event.value
            assert {key: value for key, value in replayed.items() if value is not None} == {k: v.value for k, v in model.items()}
    play(scenario)


def test_an_etcd_that_is_gone_is_said_to_be_and_comes_back() -> None:
    async def scene(etcd: Etcd) -> None:
        storage = EtcdStorage(EtcdConfig([etcd.server]))
        await answering(storage)
        revision = await storage.create("/registry/a", b"1")
        etcd.kill()
        with pytest.raises(StorageUnavailable):
            await storage.get("/registry/a")
        with pytest.raises(StorageUnavailable):
            await collected(storage.watch("/registry/", since=revision), 1)
        etcd.start()
        await answering(storage)
        assert (await storage.get("/registry/a")).value == b"1"
        await storage.put_if("/registry/a", b"2", revision=revision)
        assert [event.value for event in await collected(storage.watch("/registry/", since=revision), 1)] == [b"2"]
        await storage.close()

    with running_etcd() as etcd:
        asyncio.run(scene(etcd))


def test_a_watch_of_an_etcd_that_has_gone_silent_ends() -> None:
    async def scene(etcd: Etcd) -> None:
        storage = EtcdStorage(EtcdConfig([etcd.server], watch_patience_seconds=0.3))
        await answering(storage)
        revision = await storage.create("/registry/a", b"1")
        etcd.pause()
        try:
            with pytest.raises(StorageUnavailable):
                await collected(storage.watch("/registry/", since=revision), 1)
        finally:
            etcd.resume()
        await storage.close()

    with running_etcd() as etcd:
        asyncio.run(scene(etcd))


def test_an_etcd_that_lost_its_leases_grants_new_ones() -> None:
    async def scene(etcd: Etcd) -> None:
        storage = EtcdStorage(EtcdConfig([etcd.server]))
        await answering(storage)
        await storage.create("/registry/a", b"1", ttl_seconds=3600)
        etcd.kill()
        etcd.forget()
        etcd.start()
        await answering(storage)
        revision = await storage.create("/registry/b", b"1", ttl_seconds=3600)
        await storage.put_if("/registry/b", b"2", revision=revision, ttl_seconds=3600)
        await storage.close()

    with running_etcd() as etcd:
        asyncio.run(scene(etcd))


def test_more_than_a_silent_etcd_takes_in_is_told_of_too() -> None:
    async def scene(etcd: Etcd) -> None:
        storage = EtcdStorage(EtcdConfig([etcd.server]))
        await answering(storage)

        async def unavailable(key: str) -> None:
            with pytest.raises(StorageUnavailable):
                await storage.create(key, b"x" * 20_000)

        etcd.pause()
        try:
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                for number in range(250):               # five times a socket's buffer
                    group.create_task(unavailable(f"/registry/{number}"))
        finally:
            etcd.resume()
        await answering(storage)
        await storage.close()

    with running_etcd() as etcd:
        asyncio.run(scene(etcd))


def test_a_watch_whose_call_was_cancelled_ends_as_a_broken_one() -> None:
    """As by a progress request that could not be written in time: it must not look as if the watcher itself were cancelled."""
    async def scene(etcd: Etcd) -> None:
        storage = EtcdStorage(EtcdConfig([etcd.server]))
        await answering(storage)
        first = await storage.create("/registry/a", b"1")
        async with aclosing(storage.watch("/registry/", since=first - 1)) as watching:
            await anext(watching)
            for call in storage._watches:
                call.cancel()
            with pytest.raises(StorageUnavailable):
                await anext(watching)
        await storage.close()

    with running_etcd() as etcd:
        asyncio.run(scene(etcd))
