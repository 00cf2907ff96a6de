"""`picokube image`: what is in the nodes' image stores, and how archives get there without a registry."""
from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kubelet.cri import CriError, ImageService
from picokube.cluster import Cluster, existing
from picokube.errors import CannotRun

if TYPE_CHECKING:
    from kubelet.images import ImageStore

Stores = Mapping[str, ImageService]      # by node


def image(options: Namespace) -> int:
    if options.root_dir:
        stores = {options.root_dir: _store(Path(options.root_dir))}
    else:
        cluster = existing(options.name, options.data_dir)
        if cluster.settings.runtime == "hollow":
            raise CannotRun("hollow nodes have no image store: every image is there")
        stores = {node: _store(cluster.node_directory(node)) for node in cluster.node_names()}
    try:
        if options.action == "list":
            return asyncio.run(_list(stores))
        if options.action == "rm":
            return asyncio.run(_remove(stores, options.arguments))
        with _files(options.arguments) as archives:
            return asyncio.run(_import(stores, archives))
    except CriError as error:
        raise CannotRun(error.message) from error


@contextmanager
def _files(archives: list[str]) -> Iterator[list[str]]:
    """`-` is the standard input, kept in a file for the while: an archive is read more than once."""
    for archive in archives:
        if archive != "-" and not Path(archive).exists():
            raise CannotRun(f"there is no file {archive}")
    with tempfile.NamedTemporaryFile(suffix=".tar") as copy:
        if "-" in archives:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
        yield [copy.name if one == "-" else one for one in archives]


async def _import(stores: Stores, archives: list[str]) -> int:
    for archive in archives:
        for node, store in stores.items():
            for one in await store.import_archive(archive):
                print(f"{node}: {', '.join(one.repo_tags) or one.id}")
    return 0


async def _list(stores: Stores) -> int:
    print(f"{'NODE':<20} {'IMAGE':<48} {'ID':<14} SIZE")
    for node, store in stores.items():
        for one in await store.list():
            for tag in one.repo_tags or one.repo_digests or ("<none>",):
                print(f"{node:<20} {tag:<48} {one.id.removeprefix('sha256:')[:12]:<14} {one.size / 1e6:.1f}MB")
    return 0


async def _remove(stores: Stores, names: list[str]) -> int:
    """One that is on no node is told; on some of them is enough."""
    missing = []
    for name in names:
        found = [store for store in stores.values() if await store.status(name) is not None]
        for store in found:
            await store.remove(name)
        if not found:
            missing.append(name)
    if missing:
        raise CannotRun(f"there is no image {', '.join(missing)}")
    return 0


def share(cluster: Cluster, names: list[str]) -> None:
    """Gives new nodes the images that were imported before they were there. Raises CannotRun."""
    known = [name for name in cluster.node_names() if name not in names and (cluster.node_directory(name) / "images").is_dir()]

    async def copy() -> None:
        for name in names:
            store = _store(cluster.node_directory(name))
            for other in known:
                await store.take_from(_store(cluster.node_directory(other)))
    try:
        asyncio.run(copy())
    except CriError as error:
        raise CannotRun(error.message) from error


def _store(node: Path) -> ImageStore:
    from kubelet.images import ImageStore
    return ImageStore(node / "images")
