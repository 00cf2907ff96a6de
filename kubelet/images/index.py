"""What images there are, on disk: index.json, replaced whole under a lock; who holds layers; what nobody holds.

Several processes share a store (a kubelet, `picokube image import`): every change reads the newest index first, and a
reader notices a new one by its stat.
"""
from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kubelet.cri import CriError, Image
from kubelet.images import names


@dataclass(frozen=True, slots=True)
class StoredImage:
    """`layers` are directory names below the store's layers, the lowest first."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    layers: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)

    def to_image(self) -> Image:
        return Image(self.id, self.tags, self.digests, self.size, self.config.get("User") or "", self.config)

    def is_called(self, name: str) -> bool:
        return name in (self.id, *self.tags, *self.digests)


Images = dict[str, StoredImage]


class Index:
    def __init__(self, root: Path) -> None:
        self._path, self._lock_path, self._holders = root / "index.json", root / "lock", root / "holders"
        self.layers, self.scratch, self._use_path = root / "layers", root / "tmp", root / "in-use"
        for directory in (self._holders, self.layers, self.scratch):
            directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._seen: tuple[int, int, int] | None = None
        self._images: Images = {}

    def images(self) -> Images:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            document = json.loads(self._path.read_bytes())
            self._images = {one["id"]: StoredImage(**{**one, "tags": tuple(one["tags"]), "digests": tuple(one["digests"]),
                                                      "layers": tuple(one["layers"])}) for one in document["images"]}
            self._seen = seen
        return self._images

    def find(self, name: str) -> StoredImage | None:
        images = self.images()
        if names.is_image_id(name):
            return images.get(name if name.startswith("sha256:") else f"sha256:{name}")
        reference = names.parse(name)
        wanted = reference.with_digest(reference.digest) if reference.digest else reference.tagged
        return next((one for one in images.values() if one.is_called(wanted)), None)

    def change(self, change: Callable[[Images], None]) -> None:
        with self._locked(self._lock_path, fcntl.LOCK_EX):
            images = dict(self.images())
            change(images)
            self._write(images)

    def add(self, image: StoredImage) -> StoredImage:
        """Joins the names with those the image already has; a tag leaves the image that had it."""
        def change(images: Images) -> None:
            for one in list(images.values()):
                if one.id != image.id and set(one.tags) & set(image.tags):
                    images[one.id] = replace(one, tags=tuple(tag for tag in one.tags if tag not in image.tags))
            known = images.get(image.id)
            images[image.id] = replace(image, tags=tuple(dict.fromkeys([*(known.tags if known else ()), *image.tags])),
                                       digests=tuple(dict.fromkeys([*(known.digests if known else ()), *image.digests])))
        self.change(change)
        return self.images()[image.id]

    def _write(self, images: Images) -> None:
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump({"images": [asdict(one) for one in images.values()]}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._path)

    # --- who holds layers

    def hold(self, owner: str, name: str) -> StoredImage:
        """Keeps an image's layers on disk, whatever happens to the image, until released."""
        with self._locked(self._lock_path, fcntl.LOCK_EX):
            image = self.find(name)
            if image is None:
                raise CriError("CreateContainerError", f"image {name} is not present")
            (self._holders / owner).write_text("\n".join(image.layers))
            return image

    def release(self, owner: str) -> None:
        (self._holders / owner).unlink(missing_ok=True)

    def keep_only_holders(self, owners: Iterable[str]) -> None:
        known = set(owners)
        for path in self._holders.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)

    # --- what nobody holds

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While layers are added that no image names yet: nothing is collected."""
        with self._locked(self._use_path, fcntl.LOCK_SH):
            yield

    def collect(self) -> None:
        """Deletes layers that no image has and no container holds; does nothing while somebody adds some."""
        try:
            with self._locked(self._use_path, fcntl.LOCK_EX | fcntl.LOCK_NB), self._locked(self._lock_path, fcntl.LOCK_EX):
                self._collect()
        except BlockingIOError:
            return

    def _collect(self) -> None:
        wanted = {layer for image in self.images().values() for layer in image.layers}
        for path in self._holders.iterdir():
            wanted.update(path.read_text().split())
        for layer in self.layers.iterdir():
            if layer.name.removesuffix(".size") not in wanted:
                layer.rename(self.scratch / f"removed-{layer.name}")
        for leftover in self.scratch.iterdir():
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink()

    @contextmanager
    def _locked(self, path: Path, operation: int) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            yield
        finally:
            os.close(descriptor)
