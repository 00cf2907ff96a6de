"""What images there are, on disk: index.json, replaced whole under a lock; who holds layers; what nobody holds.

Several processes share a store (a kubelet, `picokube image import`): every change reads the newest index first, and a
reader notices a new one by its stat.
"""
from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import tempfile
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
TRASH = "removed-"
log = logging.getLogger(__name__)


class Index:
    def __init__(self, root: Path) -> None:
        self._path, self._lock_path, self._holders = root / "index.json", root / "lock", root / "holders"
        self.layers, self.scratch, self._use_path = root / "layers", root / "tmp", root / "in-use"
        self._due_path = root / "collect-later"
        for directory in (self._holders, self.layers, self.scratch):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._seen: tuple[int, int, int] | None = None
        self._images: Images = {}

    def images(self) -> Images:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            try:
                self._images = {one["id"]: StoredImage(**{**one, "tags": tuple(one["tags"]), "digests": tuple(one["digests"]),
                                                          "layers": tuple(one["layers"])})
                                for one in json.loads(self._path.read_bytes())["images"]}
            except (ValueError, KeyError, TypeError) as error:
                raise CriError("ImageInspectError", f"{self._path} is damaged: {error!r}") from error
            self._seen = seen
        return self._images

    def find(self, name: str) -> StoredImage | None:
        images = self.images()
        if names.is_image_id(name):
            return images.get(name if name.startswith("sha256:") else f"sha256:{name}")
        reference = names.parse(name)
        wanted = reference.with_digest(reference.digest) if reference.digest else reference.tagged
        return next((one for one in images.values() if one.is_called(wanted)), None)

    def find_whole(self, name: str) -> StoredImage | None:
        """One that has lost layers is no image: pulled again, it is whole again."""
        found = self.find(name)
        return found if found is not None and self._is_whole(found) else None

    def _is_whole(self, image: StoredImage) -> bool:
        return all((self.layers / one).is_dir() for one in image.layers)

    def repair(self) -> None:
        """At start: an index that cannot be read is put aside, images that have lost layers are forgotten."""
        with self._locked(self._lock_path, fcntl.LOCK_EX):
            try:
                images = self.images()
            except CriError as error:
                log.error("%s; it is kept as %s.damaged, and the store begins anew", error.message, self._path.name)
                self._path.rename(f"{self._path}.damaged")
                return
            whole = {one.id: one for one in images.values() if self._is_whole(one)}
            if len(whole) < len(images):
                log.warning("forgetting images with missing layers: %s", ", ".join(sorted(set(images) - set(whole))))
                self._write(whole)

    def change(self, change: Callable[[Images], None]) -> None:
        with self._locked(self._lock_path, fcntl.LOCK_EX):
            images = dict(self.images())
            change(images)
            self._write(images)

    def add(self, image: StoredImage) -> StoredImage:
        """Joins the names with those the image already has; a tag leaves the image that had it."""
        with self._locked(self._lock_path, fcntl.LOCK_EX):
            images = dict(self.images())
            for one in list(images.values()):
                if one.id != image.id and set(one.tags) & set(image.tags):
                    images[one.id] = replace(one, tags=tuple(tag for tag in one.tags if tag not in image.tags))
            known = images.get(image.id)
            added = replace(image, tags=tuple(dict.fromkeys([*(known.tags if known else ()), *image.tags])),
                            digests=tuple(dict.fromkeys([*(known.digests if known else ()), *image.digests])))
            self._write(images | {image.id: added})
        return added

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
            image = self.find_whole(name)
            if image is None:
                raise CriError("CreateContainerError", f"image {name} is not present")
            try:
                (self._holders / owner).write_text("\n".join(image.layers))
            except OSError as error:
                raise CriError("CreateContainerError", f"cannot keep image {name}: {os.strerror(error.errno or 0).lower()}") from error
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
        """Deletes layers that no image has and no container holds; while somebody adds some, that somebody does it afterwards."""
        try:
            with self._locked(self._use_path, fcntl.LOCK_EX | fcntl.LOCK_NB), self._locked(self._lock_path, fcntl.LOCK_EX):
                self._due_path.unlink(missing_ok=True)
                self._set_aside()
        except BlockingIOError:
            self._due_path.touch()
        for trash in self.scratch.glob(f"{TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)

    def collect_if_due(self) -> None:
        if self._due_path.exists():
            self.collect()

    def _set_aside(self) -> None:
        """Deleting takes long, so it is done when nobody has to wait for a lock."""
        wanted = {layer for image in self.images().values() for layer in image.layers}
        for path in self._holders.iterdir():
            wanted.update(path.read_text().split())
        unwanted = [one for one in self.layers.iterdir() if one.name.removesuffix(".size") not in wanted]
        unwanted += [one for one in self.scratch.iterdir() if not one.name.startswith(TRASH)]
        if unwanted:
            trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=self.scratch))
            for one in unwanted:
                one.rename(trash / one.name)

    @contextmanager
    def _locked(self, path: Path, operation: int) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            yield
        finally:
            os.close(descriptor)
