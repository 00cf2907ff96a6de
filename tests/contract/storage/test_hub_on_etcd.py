"""The hub and its watchers over a real etcd that is killed and started again: no change is lost and none comes twice."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from apiserver.cacher import Watcher, WatchHub, encode_for_storage
from apiserver.storage.etcd import EtcdConfig, EtcdStorage
from apiserver.storage.interface import KeyExists, StorageUnavailable
from kubeapi import catalog
from kubeapi.errors import Expired, ServiceUnavailable
from tests.etcd import running_etcd

pytestmark = pytest.mark.etcd
CONFIG_MAPS = catalog.by_plural("", "configmaps")


def a_config_map(name: str) -> bytes:
    return encode_for_storage({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}})


async def created(storage: EtcdStorage, name: str) -> None:
    """Goes on until etcd is there; an attempt that failed may have been written all the same."""
    while True:
        try:
            await storage.create(f"{CONFIG_MAPS.storage_prefix}default/{name}", a_config_map(name))
            return
        except KeyExists:
            return
        except StorageUnavailable:
            await asyncio.sleep(0.05)


async def names_until(watcher: Watcher, last: str) -> list[str]:
    names: list[str] = []
    async for chunk in watcher:
        names += [orjson.loads(line)["object"]["metadata"]["name"] for line in chunk.splitlines()]
        if last in names:
            return names
    raise AssertionError("a watch does not end by itself")


@asynccontextmanager
async def running_hub(storage: EtcdStorage) -> AsyncIterator[WatchHub]:
    hub = WatchHub(storage)
    hub.cacher(CONFIG_MAPS)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(hub.run())
        while not hub.clock.revision:
            with suppress(ServiceUnavailable):
                await hub.wait_for_revision(1, timeout_seconds=30)
        yield hub
        running.cancel()
    await storage.close()


def test_a_hub_hears_again_when_etcd_wakes_after_longer_than_its_patience() -> None:
    async def test() -> None:
        with running_etcd() as etcd:
            storage = EtcdStorage(EtcdConfig((etcd.server,), watch_patience_seconds=0.3))
            async with running_hub(storage) as hub:
                cacher = hub.cacher(CONFIG_MAPS)
                watching = cacher.watch(since=cacher.revision)
                etcd.pause()
                while hub.is_connected:
                    await asyncio.sleep(0.05)
                etcd.resume()
                await created(storage, "after")
                assert await names_until(watching, "after") == ["after"]
    asyncio.run(test())


def test_a_hub_follows_a_store_that_went_back_in_time() -> None:
    async def test() -> None:
        with running_etcd() as etcd:
            storage = EtcdStorage(EtcdConfig((etcd.server,)))
            async with running_hub(storage) as hub:
                cacher = hub.cacher(CONFIG_MAPS)
                for name in ("a", "b", "c"):
                    await created(storage, name)
                await cacher.wait_until_current()
                watching = cacher.watch(since=cacher.revision)
                await asyncio.to_thread(etcd.kill)
                etcd.forget()
                etcd.start()
                with pytest.raises(Expired):
                    await names_until(watching, "never")
                await created(storage, "d")
                assert [one.name for one in (await cacher.list()).objects] == ["d"]
    asyncio.run(test())


def test_watchers_see_every_change_once_over_kills_of_etcd() -> None:
    async def test() -> None:
        with running_etcd() as etcd:
            storage = EtcdStorage(EtcdConfig((etcd.server,)))
            hub = WatchHub(storage)
            cacher = hub.cacher(CONFIG_MAPS)
            wanted = [f"c{number:03}" for number in range(60)]
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                running = group.create_task(hub.run())
                await hub.wait_for_revision(1, timeout_seconds=30)
                watching = group.create_task(names_until(cacher.watch(since=cacher.revision), wanted[-1]))
                for number, name in enumerate(wanted):
                    await created(storage, name)
                    if number in (20, 40):
                        await asyncio.to_thread(etcd.kill)
                        etcd.start()
                assert await watching == wanted
                assert [one.name for one in (await cacher.list()).objects] == wanted
                running.cancel()
            await storage.close()
    asyncio.run(test())
