"""guaranteed_update: change what is stored until no other writer was faster. A change that changes nothing writes nothing."""
from __future__ import annotations

from collections.abc import Callable

from apiserver.storage.interface import Conflict, KeyNotFound, Storage, Stored

Change = Callable[[Stored], bytes]


async def guaranteed_update(storage: Storage, key: str, change: Change, *, cached: Stored | None = None, ttl_seconds: int = 0) -> Stored:
    """What is stored in the end. `cached` saves the first read; an error that *change* raises over a cached value is
    judged again over what is really stored. Raises KeyNotFound, StorageUnavailable and whatever *change* raises."""
    current, is_live = (cached, False) if cached is not None else (await storage.get(key), True)
    while True:
        try:
            value = change(current)
        except Exception:
            if is_live:
                raise
            current, is_live = await storage.get(key), True
            continue
        if value == current.value:
            return current
        try:
            return Stored(key, value, await storage.put_if(key, value, revision=current.revision, ttl_seconds=ttl_seconds))
        except Conflict as conflict:
            if conflict.current is None:
                raise KeyNotFound(key) from conflict
            current, is_live = conflict.current, True
