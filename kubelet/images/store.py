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
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubelet.cri import CriError, Image, RegistryAuth
from kubelet.images import names
from kubelet.images.index import Images, Index, StoredImage
from kubelet.images.layers import Region, Unpacker, directory_name
from kubelet.images.names import Reference

if TYPE_CHECKING:
    from kubelet.images.archive import ArchivedImage
    from kubelet.images.registry import Registry

PATIENCE_SECONDS = 60.0


class ImageStore:
    def __init__(self, root_dir: Path, *, insecure_registries: Collection[str] = (), hosts: Path | None = None,
                 patience_seconds: float = PATIENCE_SECONDS) -> None:
        """`hosts`: the directory of hosts.toml files (images.hosts); `patience_seconds`: with registries that do not answer."""
        root_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._index = Index(root_dir.absolute())
        self._insecure, self._hosts = frozenset(insecure_registries), hosts
        self._patience = patience_seconds
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
        """At start: whoever else held layers is gone; what was damaged is none; what nobody needs any more is deleted."""
        self._index.repair()
        self._index.keep_only_holders(owners)
        self._index.collect()

    # --- ImageService

    async def status(self, image: str) -> Image | None:
        found = self._index.find_whole(image)
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
            except OSError as error:
                raise CriError("ErrImagePull", f"cannot read the image archive {path}: {error.strerror or error}") from error
            return [await self._import(one, scratch) for one in found]

    async def _import(self, image: ArchivedImage, scratch: Path) -> Image:
        with _first_fault():
            async with asyncio.TaskGroup() as group:
                for diff_id, (digest, region) in zip(image.diff_ids, image.layers, strict=True):
                    group.create_task(self._add_layer(diff_id, digest, region, scratch))
        return self._add_image(image.id, image.config, image.diff_ids, image.tags, ())

    async def take_from(self, other: ImageStore) -> Sequence[Image]:
        """All images that archives have brought to another store of this machine: no registry is known to have them."""
        taken = []
        async with other._scratch(), self._scratch() as scratch:      # what is read is not collected meanwhile either
            for image in other._index.images().values():
                if image.digests or other._index.find_whole(image.id) is None:
                    continue
                for name in image.layers:
                    await self._unpacker.take(other.layers, name, scratch)
                taken.append(self._index.add(image).to_image())
        return taken

    # --- pull

    async def _pull_with(self, reference: Reference, auths: Sequence[RegistryAuth], scratch: Path) -> Image:
        """From each place in turn until one has it; there with each credential until one is let in, anonymously without any."""
        from kubelet.images.hosts import endpoints
        from kubelet.images.registry import Denied, Registry
        fault = CriError("ErrImagePull", f'failed to pull image "{reference}": no host may be asked for it')
        for endpoint in await asyncio.to_thread(endpoints, reference, self._hosts, self._insecure):
            for auth in auths or (None,):
                async with Registry(reference, auth, endpoint, self._patience) as registry:
                    try:
                        return await self._pull(registry, reference, scratch)
                    except CriError as error:
                        fault = error
                if not isinstance(fault, Denied):
                    break
        raise fault

    async def _pull(self, registry: Registry, reference: Reference, scratch: Path) -> Image:
        from kubelet.images import manifests
        digest, document = await registry.resolve(reference.wanted)
        name = reference.with_digest(digest)
        tags = (reference.tagged,) if reference.tagged else ()
        known = self._index.find_whole(name)
        if known is not None:
            return self._index.add(StoredImage(known.id, tags, (name,), known.size, known.layers, known.config)).to_image()
        manifest = await registry.manifest(document)
        configuration = await registry.configuration(manifest.config)
        try:
            diff_ids, config = manifests.diff_ids(configuration, len(manifest.layers)), manifests.configuration(configuration)
        except manifests.Malformed as error:
            raise CriError("ErrImagePull", f'failed to pull image "{reference}": {error}') from error
        missing = [(diff_id, layer) for diff_id, layer in zip(diff_ids, manifest.layers, strict=True) if not self._unpacker.has(diff_id)]
        self._check_room(reference, sum(layer.size for _, layer in missing))
        with _first_fault():
            async with asyncio.TaskGroup() as group:
                for diff_id, layer in missing:
                    group.create_task(self._add_layer(diff_id, layer.digest, registry.blob(layer), scratch))
        return self._add_image(manifest.config.digest, config, diff_ids, tags, (name,))

    def _check_room(self, reference: Reference, size: int) -> None:
        """Unpacked they take no less: not worth beginning where even this does not fit."""
        found = os.statvfs(self._index.scratch)
        if size > (available := found.f_bavail * found.f_frsize):
            raise CriError("ErrImagePull", f'failed to pull image "{reference}": no space left on device: its layers have {size} bytes, '
                           f"{available} are free")

    async def _add_layer(self, diff_id: str, digest: str, source: AsyncGenerator[bytes, None] | Region, scratch: Path) -> None:
        if self._unpacker.has(diff_id):
            return
        own = Path(tempfile.mkdtemp(dir=scratch))
        await self._unpacker.add(diff_id, digest, source, own)

    def _add_image(self, image_id: str, config: Mapping[str, Any], diff_ids: Sequence[str], tags: tuple[str, ...],
                   digests: tuple[str, ...]) -> Image:
        size = sum(self._unpacker.size(one) for one in diff_ids)
        layers = tuple(directory_name(one) for one in diff_ids)
        return self._index.add(StoredImage(image_id, tags, digests, size, layers, dict(config))).to_image()

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[Path]:
        """A directory on the store's file system while something is added; nothing is collected meanwhile, but afterwards."""
        try:
            with self._index.in_use():
                scratch = Path(tempfile.mkdtemp(dir=self._index.scratch))
                try:
                    yield scratch
                finally:
                    await asyncio.to_thread(shutil.rmtree, scratch, True)
        except OSError as error:
            raise CriError("ErrImagePull", f"cannot store the image: {os.strerror(error.errno or 0).lower()}") from error
        finally:
            await asyncio.to_thread(self._index.collect_if_due)


@contextmanager
def _first_fault() -> Iterator[None]:
    """What several tasks ran into is told as the first of it."""
    try:
        yield
    except* (CriError, OSError) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        first = error
    else:
        return
    raise first


def _drop(images: Images, image_id: str) -> None:
    images.pop(image_id, None)
