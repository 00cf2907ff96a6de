"""Deletes images that nobody uses when the disk fills up: the longest unused first, until it is down to the lower threshold."""
from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubelet.cri import CriError, Image, ImageService, RuntimeService

log = logging.getLogger(__name__)

PERIOD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Percents of the disk, and seconds: an image is older than `least_age` or stays; one unused for `most_age` goes anyhow (0: never)."""

    high_percent: int = 85
    low_percent: int = 80
    least_age: float = 120.0
    most_age: float = 0.0


@dataclass(frozen=True, slots=True)
class Disk:
    capacity: int
    available: int

    @property
    def used_percent(self) -> int:
        return 100 - self.available * 100 // self.capacity if self.capacity else 0

    def excess(self, policy: Policy) -> int:
        """Bytes to free; 0 while the higher threshold is not reached."""
        if policy.high_percent >= 100 or self.used_percent < policy.high_percent:
            return 0
        return max(0, self.capacity * (100 - policy.low_percent) // 100 - self.available)


@dataclass(frozen=True, slots=True)
class Record:
    """When an image was seen first, and when last in use."""

    seen: float
    used: float = 0.0


def disk_of(path: Path) -> Disk:
    found = os.statvfs(path)
    return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def observe(records: Mapping[str, Record], images: Sequence[Image], in_use: Collection[str], now: float) -> dict[str, Record]:
    """The records of the images that are there now."""
    found = {}
    for image in images:
        known = records.get(image.id, Record(now))
        found[image.id] = Record(known.seen, now) if is_used(image, in_use) else known
    return found


def is_used(image: Image, in_use: Collection[str]) -> bool:
    return any(name in in_use for name in (image.id, *image.repo_digests, *image.repo_tags))


def to_delete(images: Sequence[Image], records: Mapping[str, Record], in_use: Collection[str], excess: int, policy: Policy,
              now: float) -> list[Image]:
    unused = sorted((one for one in images if not one.pinned and not is_used(one, in_use)), key=lambda one: (records[one.id].used, records[one.id].seen))
    found = []
    for image in unused:
        record = records[image.id]
        is_old = bool(policy.most_age) and now - max(record.used, record.seen) > policy.most_age
        if is_old or (excess > 0 and now - record.seen >= policy.least_age):
            found.append(image)
            excess -= image.size
    return found


class ImageCollector:
    """`tell(type, reason, message)` about the node; `changed` is called when images were deleted."""

    def __init__(self, images: ImageService, runtime: RuntimeService, policy: Policy, disk: Callable[[], Disk],
                 tell: Callable[[str, str, str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._images, self._runtime, self._policy, self._disk = images, runtime, policy, disk
        self._tell, self._changed = tell, changed
        self._records: dict[str, Record] = {}
        self._pulled = asyncio.Event()

    def wake(self) -> None:
        """A new image is here: the disk may be full now."""
        self._pulled.set()

    async def run(self) -> None:
        while True:
            try:
                await self.collect()
            except (CriError, OSError) as error:
                log.warning("images: %s", error)
            self._pulled.clear()
            try:
                async with asyncio.timeout(PERIOD_SECONDS):
                    await self._pulled.wait()
            except TimeoutError:
                continue

    async def delete_unused(self) -> int:
        """All that nobody uses and that are not new: what the disk lacks is worth more. Bytes freed."""
        return await self.collect(everything=True)

    async def collect(self, *, everything: bool = False) -> int:
        """Bytes freed."""
        now = asyncio.get_running_loop().time()
        images = await self._images.list()
        in_use = {name for one in await self._runtime.list_containers() for name in (one.image_ref, one.image)}
        self._records = observe(self._records, images, in_use, now)
        disk = await asyncio.to_thread(self._disk)
        excess = disk.capacity if everything else disk.excess(self._policy)
        chosen = to_delete(images, self._records, in_use, excess, self._policy, now)
        for image in chosen:
            log.info("deleting the unused image %s (%d bytes)", image.id, image.size)
            await self._images.remove(image.id)
        freed = sum(one.size for one in chosen)
        if chosen:
            self._changed()
        if freed < excess and not everything:
            self._tell("Warning", "FreeDiskSpaceFailed", f"Failed to garbage collect required amount of images. Attempted to free {excess} "
                       f"bytes, but only found {freed} bytes eligible to free.")
        return freed
