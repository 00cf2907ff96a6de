"""Images in files: docker-archive (docker save) and OCI layout, as a tar, a compressed tar or a directory."""
from __future__ import annotations

import gzip
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kubelet.cri import CriError
from kubelet.images import manifests, names, platform, unpack
from kubelet.images.layers import Region
from kubelet.images.manifests import Malformed
from kubelet.images.registry import digest_of

MOST_DOCUMENT = 8 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """`layers`: (digest of the bytes or "", where they are), the lowest first."""

    id: str
    config: Mapping[str, Any]
    diff_ids: tuple[str, ...]
    tags: tuple[str, ...]
    layers: tuple[tuple[str, Region], ...]


class Files(Protocol):
    def region(self, name: str) -> Region: ...
    def has(self, name: str) -> bool: ...


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Directory:
    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def has(self, name: str) -> bool:
        return (self._path / name).is_file()

    def region(self, name: str) -> Region:
        path = (self._path / name).resolve()
        if not path.is_relative_to(self._path) or not path.is_file():
            raise _damaged(f"there is no file {name}")
        return Region(str(path), 0, path.stat().st_size)


class Tar:
    """Knows where in the tar every file's bytes lie; nothing is unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._links: dict[str, str] = {}
        self._regions: dict[str, Region] = {}
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    name = os.path.normpath(member.name).lstrip("/")
                    if member.isreg():
                        self._regions[name] = Region(str(path), member.offset_data, member.size)
                    elif member.issym():
                        self._links[name] = os.path.normpath(os.path.join(os.path.dirname(name), member.linkname))
                    elif member.islnk():
                        self._links[name] = os.path.normpath(member.linkname)
        except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
            raise _damaged(str(error)) from error

    def has(self, name: str) -> bool:
        return name in self._regions or name in self._links

    def region(self, name: str) -> Region:
        name = os.path.normpath(name)
        for _ in range(8):
            if name in self._regions:
                return self._regions[name]
            if name not in self._links:
                break
            name = self._links[name]
        raise _damaged(f"there is no file {name}")


def read(path: str, scratch: Path) -> list[ArchivedImage]:
    try:
        return images(open_archive(Path(path).absolute(), scratch))
    except (Malformed, KeyError, TypeError, AttributeError) as error:
        raise _damaged(str(error) if isinstance(error, Malformed) else repr(error)) from error


def open_archive(path: Path, scratch: Path) -> Files:
    """A compressed tar is decompressed into `scratch` first."""
    if path.is_dir():
        return Directory(path)
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] != GZIP and start != ZSTD:
        return Tar(path)
    import zstandard
    plain = scratch / "archive.tar"
    try:
        with path.open("rb") as packed:
            if start == ZSTD:
                _write(zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True), plain)
            else:
                with gzip.GzipFile(fileobj=packed) as source:
                    _write(source, plain)
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise _damaged(str(error)) from error
    return Tar(plain)


def _write(source: Readable, path: Path) -> None:
    """Not more than the disk can spare."""
    found = os.statvfs(path.parent)
    left = found.f_bavail * found.f_frsize - unpack.reserve(found)
    with path.open("wb") as target:
        while data := source.read(1 << 20):
            left -= len(data)
            if left < 0:
                raise CriError("ErrImagePull", "no space left on device: the archive is larger than the disk can take")
            target.write(data)


def images(files: Files) -> list[ArchivedImage]:
    if files.has("manifest.json"):
        return list(_docker_images(files))
    if files.has("index.json"):
        return list(_oci_images(files, _document(files, "index.json"), ()))
    raise _damaged("it has neither manifest.json (docker-archive) nor index.json (OCI layout)")


def _docker_images(files: Files) -> Iterator[ArchivedImage]:
    for entry in _document(files, "manifest.json"):
        data = _read(files, entry["Config"])
        layers = tuple(("", files.region(name)) for name in entry.get("Layers") or ())
        tags = tuple(str(names.parse(one)) for one in entry.get("RepoTags") or ())
        yield _image(digest_of(data), data, tags, layers)


def _oci_images(files: Files, index: Mapping[str, Any], inherited: tuple[str, ...], depth: int = 0) -> Iterator[ArchivedImage]:
    if depth > 3:
        raise _damaged("its indexes are nested too deeply")
    for entry in index.get("manifests") or ():
        tags = _tags(entry.get("annotations") or {}) or inherited
        document = manifests.parsed(_blob(files, manifests.descriptor(entry, "the manifest", needs_size=False).digest))
        if manifests.is_index(document):
            chosen = platform.choose(manifests.entries(document))
            if chosen is None:
                raise CriError("ErrImagePull", f"no image for this platform (linux/{platform.own_architecture()}) in the archive")
            yield from _oci_images(files, {"manifests": [chosen]}, tags, depth + 1)
            continue
        manifest = manifests.manifest(document, needs_sizes=False)
        layers = tuple((one.digest, files.region(_blob_path(one.digest))) for one in manifest.layers)
        yield _image(manifest.config.digest, _blob(files, manifest.config.digest), tags, layers)


def _image(image_id: str, data: bytes, tags: tuple[str, ...], layers: tuple[tuple[str, Region], ...]) -> ArchivedImage:
    if len(layers) > manifests.MOST_LAYERS:
        raise Malformed(f"{len(layers)} layers; {manifests.MOST_LAYERS} are allowed")
    document = manifests.parsed(data)
    return ArchivedImage(image_id, manifests.configuration(document), manifests.diff_ids(document, len(layers)), tags, layers)


def _tags(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """A full name; a bare tag, as some tools write it, names nothing."""
    for key in ("io.containerd.image.name", "org.opencontainers.image.ref.name"):
        value = annotations.get(key, "")
        if "/" in value or ":" in value:
            return (str(names.parse(value)),)
    return ()


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _blob(files: Files, digest: str) -> bytes:
    data = _read(files, _blob_path(digest))
    if digest_of(data) != digest:
        raise _damaged(f"the digest of {digest} is {digest_of(data)}")
    return data


def _document(files: Files, name: str) -> Any:
    try:
        return json.loads(_read(files, name))
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{name} is no JSON document") from error


def _read(files: Files, name: str) -> bytes:
    region = files.region(name)
    if region.size > MOST_DOCUMENT:
        raise _damaged(f"{name} is too large")
    with open(region.path, "rb") as file:
        file.seek(region.offset)
        return file.read(region.size)


def _damaged(what: str) -> CriError:
    return CriError("ErrImagePull", f"not a usable image archive: {what}")
