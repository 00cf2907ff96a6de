"""ImageService over a directory: layers by what they contain, images by name, shared safely by several processes.

A layer is unpacked elsewhere and renamed into place when it is whole and checked; an image is listed when all of its
layers are. So whatever is killed when, nothing half-made is ever used.
"""
from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubelet.cri import CriError, Image, RegistryAuth
from kubelet.images import names, platform
from kubelet.images.index import Images, Index, StoredImage
from kubelet.images.layers import Region, Unpacker, directory_name
from kubelet.images.names import Reference

if TYPE_CHECKING:
    from kubelet.images.registry import Registry

DEEPEST_INDEX = 3
ATTEMPTS = 3


class ImageStore:
    def __init__(self, root_dir: Path, *, insecure_registries: Collection[str] = (), hosts: Path | None = None) -> None:
        """`hosts`: the directory of hosts.toml files (images.hosts)."""
        root_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._index = Index(root_dir.absolute())
        self._insecure, self._hosts = frozenset(insecure_registries), hosts
        self._unpacker = Unpacker(self._index.layers)
        self._pulls: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # --- for the runtime (short blocking calls)

    @property
    def layers(self) -> Path:
        return self._index.layers

    def hold(self, owner: str, image: str) -> StoredImage:
        return self._index.hold(owner, image)

    def release(self, owner: str) -> None:
        self._index.release(owner)

    def keep_only_holders(self, owners: Iterable[str]) -> None:
        """At start: whoever else held layers is gone; what nobody needs any more is deleted."""
        self._index.keep_only_holders(owners)
        self._index.collect()

    # --- ImageService

    async def status(self, image: str) -> Image | None:
        found = self._index.find(image)
        return found.to_image() if found else None

    async def list(self) -> Sequence[Image]:
        return [one.to_image() for one in self._index.images().values()]

    async def remove(self, image: str) -> None:
        """With all its names; containers that run from it keep its layers. One that is not there is no error."""
        found = self._index.find(image)
        if found is None:
            return
        self._index.change(lambda images: _drop(images, found.id))
        await asyncio.to_thread(self._index.collect)

    async def pull(self, image: str, auths: Sequence[RegistryAuth] = ()) -> Image:
        reference = names.parse(image)
        async with self._pulls[str(reference)], self._scratch() as scratch:
            return await self._pull_with(reference, auths, scratch)

    async def import_archive(self, path: str) -> Sequence[Image]:
        from kubelet.images import archive
        async with self._scratch() as scratch:
            try:
                found = await asyncio.to_thread(archive.read, path, scratch)
            except (OSError, KeyError, TypeError) as error:
                raise CriError("ErrImagePull", f"cannot read the image archive {path}: {error!r}") from error
            return [await self._import(one, scratch) for one in found]

    async def _import(self, image: Any, scratch: Path) -> Image:
        sources = [(digest, region) for digest, region in image.layers]
        diff_ids = _diff_ids(image.configuration, len(sources))
        async with asyncio.TaskGroup() as group:
            for diff_id, (digest, region) in zip(diff_ids, sources, strict=True):
                group.create_task(self._add_layer(diff_id, digest, region, scratch))
        return self._add_image(image.id, image.configuration, diff_ids, image.tags, ())

    # --- pull

    async def _pull_with(self, reference: Reference, auths: Sequence[RegistryAuth], scratch: Path) -> Image:
        """From each place in turn until one has it; there with each credential until one is let in, anonymously without any."""
        from kubelet.images.hosts import endpoints
        from kubelet.images.registry import Denied, Registry
        fault = CriError("ErrImagePull", f'failed to pull image "{reference}": no host may be asked for it')
        for endpoint in await asyncio.to_thread(endpoints, reference, self._hosts, self._insecure):
            for auth in auths or (None,):
                async with Registry(reference, auth, endpoint) as registry:
                    try:
                        return await self._pull(registry, reference, scratch)
                    except* CriError as group:
                        fault = _first(group)
                if not isinstance(fault, Denied):
                    break
        raise fault

    async def _pull(self, registry: Registry, reference: Reference, scratch: Path) -> Image:
        digest, document = await registry.manifest(reference.wanted)
        name = reference.with_digest(digest)
        tags = (reference.tagged,) if reference.tagged else ()
        known = self._index.find(name)
        if known is not None:
            return self._index.add(StoredImage(known.id, tags, (name,), known.size, known.layers, known.config)).to_image()
        manifest = await self._for_this_platform(registry, document)
        config_digest, configuration = await registry.configuration(manifest["config"]["digest"])
        layers = [str(one["digest"]) for one in manifest.get("layers") or ()]
        diff_ids = _diff_ids(configuration, len(layers))
        async with asyncio.TaskGroup() as group:
            for diff_id, layer in zip(diff_ids, layers, strict=True):
                group.create_task(self._pull_layer(registry, diff_id, layer, scratch))
        return self._add_image(config_digest, configuration, diff_ids, tags, (name,))

    async def _for_this_platform(self, registry: Registry, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(DEEPEST_INDEX):
            if "manifests" not in manifest:
                break
            chosen = platform.choose(manifest["manifests"])
            if chosen is None:
                raise CriError("ErrImagePull", f"no match for platform in manifest: not found (linux/{platform.own_architecture()})")
            _, manifest = await registry.manifest(chosen["digest"])
        if "config" not in manifest:
            raise CriError("ErrImagePull", "the registry's manifest is of a kind that is not supported (schema version 1?)")
        return manifest

    async def _pull_layer(self, registry: Registry, diff_id: str, digest: str, scratch: Path) -> None:
        from kubelet.images.registry import Interrupted
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._add_layer(diff_id, digest, registry.blob(digest), scratch)
                return
            except Interrupted:
                if attempt == ATTEMPTS:
                    raise

    async def _add_layer(self, diff_id: str, digest: str, source: AsyncIterator[bytes] | Region, scratch: Path) -> None:
        if self._unpacker.has(diff_id):
            return
        own = Path(tempfile.mkdtemp(dir=scratch))
        await self._unpacker.add(diff_id, digest, source, own)

    def _add_image(self, image_id: str, configuration: Mapping[str, Any], diff_ids: Sequence[str], tags: tuple[str, ...],
                   digests: tuple[str, ...]) -> Image:
        size = sum(self._unpacker.size(one) for one in diff_ids)
        layers = tuple(directory_name(one) for one in diff_ids)
        return self._index.add(StoredImage(image_id, tags, digests, size, layers, dict(configuration.get("config") or {}))).to_image()

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[Path]:
        """A directory on the store's file system while something is added; nothing is collected meanwhile."""
        with self._index.in_use():
            scratch = Path(tempfile.mkdtemp(dir=self._index.scratch))
            try:
                yield scratch
            except OSError as error:
                raise CriError("ErrImagePull", f"cannot store the image: {os.strerror(error.errno or 0)}") from error
            finally:
                await asyncio.to_thread(shutil.rmtree, scratch, True)


def _drop(images: Images, image_id: str) -> None:
    images.pop(image_id, None)


def _diff_ids(configuration: Mapping[str, Any], count: int) -> list[str]:
    found = [str(one) for one in (configuration.get("rootfs") or {}).get("diff_ids") or ()]
    if len(found) != count or any(not names.is_image_id(one) for one in found):
        raise CriError("ErrImagePull", "the image's configuration and manifest do not name the same layers")
    return found


def _first(group: BaseExceptionGroup[Any]) -> CriError:
    """A group of faults is told as its first."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CriError)
    return error
