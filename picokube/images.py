"""`picokube image`: what is in the nodes' image stores, and how archives get there without a registry."""
from __future__ import annotations

import asyncio
from argparse import Namespace
from pathlib import Path

from kubelet.cri import ImageService
from picokube.cluster import Cluster, existing
from picokube.errors import CannotRun


def image(options: Namespace) -> int:
    cluster = existing(options.name, options.data_dir)
    if cluster.settings.runtime == "hollow":
        raise CannotRun("hollow nodes have no image store: every image is there")
    if options.action == "import":
        _require_files(options.arguments)
    action = {"import": _import, "list": _list, "rm": _remove}[options.action]
    return asyncio.run(action(cluster, options.arguments))


def _require_files(archives: list[str]) -> None:
    if not archives:
        raise CannotRun("name the archives to import (docker-archive or OCI layout)")
    for archive in archives:
        if not Path(archive).exists():
            raise CannotRun(f"there is no file {archive}")


async def _import(cluster: Cluster, archives: list[str]) -> int:
    for archive in archives:
        for node in cluster.node_names():
            for one in await _store(cluster, node).import_archive(archive):
                print(f"{node}: {', '.join(one.repo_tags) or one.id}")
    return 0


async def _list(cluster: Cluster, _: list[str]) -> int:
    print(f"{'NODE':<20} {'IMAGE':<48} {'ID':<14} SIZE")
    for node in cluster.node_names():
        for one in await _store(cluster, node).list():
            for tag in one.repo_tags or one.repo_digests or ("<none>",):
                print(f"{node:<20} {tag:<48} {one.id.removeprefix('sha256:')[:12]:<14} {one.size / 1e6:.1f}MB")
    return 0


async def _remove(cluster: Cluster, names: list[str]) -> int:
    for name in names:
        for node in cluster.node_names():
            await _store(cluster, node).remove(name)
    return 0


def _store(cluster: Cluster, node: str) -> ImageService:
    from kubelet.images import ImageStore
    return ImageStore(cluster.node_directory(node) / "images")
