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

from kubelet.cri import ImageService
from picokube.cluster import existing
from picokube.errors import CannotRun

Stores = Mapping[str, ImageService]      # by node


def image(options: Namespace) -> int:
    if options.root_dir:
        stores = {options.root_dir: _store(Path(options.root_dir))}
    else:
        cluster = existing(options.name, options.data_dir)
        if cluster.settings.runtime == "hollow":
            raise CannotRun("hollow nodes have no image store: every image is there")
        stores = {node: _store(cluster.node_directory(node)) for node in cluster.node_names()}
    if options.action == "import":
        with _files(options.arguments) as archives:
            return asyncio.run(_import(stores, archives))
    action = {"list": _list, "rm": _remove}[options.action]
    return asyncio.run(action(stores, options.arguments))


@contextmanager
def _files(archives: list[str]) -> Iterator[list[str]]:
    """`-` is the standard input, kept in a file for the while: an archive is read more than once."""
    if not archives:
        raise CannotRun("name the archives to import (docker-archive or OCI layout)")
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


async def _list(stores: Stores, _: list[str]) -> int:
    print(f"{'NODE':<20} {'IMAGE':<48} {'ID':<14} SIZE")
    for node, store in stores.items():
        for one in await store.list():
            for tag in one.repo_tags or one.repo_digests or ("<none>",):
                print(f"{node:<20} {tag:<48} {one.id.removeprefix('sha256:')[:12]:<14} {one.size / 1e6:.1f}MB")
    return 0


async def _remove(stores: Stores, names: list[str]) -> int:
    for name in names:
        for store in stores.values():
            await store.remove(name)
    return 0


def _store(node: Path) -> ImageService:
    from kubelet.images import ImageStore
    return ImageStore(node / "images")
