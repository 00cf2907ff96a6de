"""A storage that does not answer is told of in time, to those who asked and to those who came while others asked."""
from __future__ import annotations

import asyncio

import pytest

from apiserver.cacher import WatchHub
from apiserver.cacher.revisions import RevisionReader
from apiserver.storage.etcd import CALL_SECONDS
from apiserver.storage.interface import StorageUnavailable
from apiserver.storage.memory import MemoryStorage
from kubeapi.errors import ServiceUnavailable
from tests.virtualtime import run

PROMISED_SECONDS = 5.0


class SilentStorage(MemoryStorage):
    """As etcd behaves that was stopped: a call ends with its deadline."""

    async def current_revision(self) -> int:
        await asyncio.sleep(CALL_SECONDS)
        raise StorageUnavailable("no answer in time")


async def failed_after(reader: RevisionReader, came_at: float) -> float:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(came_at)
    with pytest.raises(StorageUnavailable):
        await reader.current()
    return loop.time() - came_at


@pytest.mark.parametrize("came_at", [0.0, 0.1, 2.0, CALL_SECONDS - 0.1, CALL_SECONDS + 0.1])
def test_nobody_waits_for_longer_than_was_promised(came_at: float) -> None:
    async def scenario() -> None:
        reader = RevisionReader(SilentStorage().current_revision)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(reader.run())
            first = group.create_task(failed_after(reader, 0.0))
            assert await failed_after(reader, came_at) <= PROMISED_SECONDS
            assert await first <= PROMISED_SECONDS
            reading.cancel()
    run(scenario())


def test_while_nothing_was_ever_read_the_server_is_unavailable() -> None:
    async def scenario() -> None:
        with pytest.raises(ServiceUnavailable):
            await WatchHub(SilentStorage()).wait_for_revision(1)
    run(scenario())
