"""Compaction: etcd forgets what nobody needs any more. One API server does it, elected by compare-and-swap every time.

Source: upstream's etcd3 compactor: all read one key, the first to raise its version compacts to the revision seen a
whole interval before, so that every watch has at least that long to catch up.
"""
from __future__ import annotations

import asyncio
import logging

from apiserver.storage.interface import Compacted, Conflict, KeyExists, KeyNotFound, Storage, StorageError

logger = logging.getLogger(__name__)
# Below /registry, so that the one watch of an API server sees every revision there is.
KEY = "/registry/compact_rev_key"
INTERVAL_SECONDS = 300.0


async def compact_regularly(storage: Storage, interval_seconds: float = INTERVAL_SECONDS) -> None:
    """Runs until cancelled."""
    seen = 0
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            seen = await compact_once(storage, seen)
        except StorageError as error:
            logger.warning("compaction: %s", error)


async def compact_once(storage: Storage, seen: int) -> int:
    """Compacts to *seen* if nobody else has in this interval; the revision to compact to next time."""
    now = await storage.current_revision()
    try:
        current = await storage.get(KEY)
    except KeyNotFound:
        try:
            await storage.create(KEY, b"0")
        except KeyExists:
            return now
        return now
    if seen and int(current.value) < seen:
        try:
            await storage.put_if(KEY, str(seen).encode(), revision=current.revision)
            await storage.compact(seen)
        except (Conflict, Compacted):       # another one was faster
            return now
    return now
