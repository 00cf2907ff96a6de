"""Makes a pod's volumes on disk and says where they are; everything of a pod lies below its PodDirectory.

All file work happens in threads. `prepare` may be repeated: what is there stays, what is made of objects is refreshed.
"""
from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubeapi.errors import ApiStatusError
from kubeapi.generated.models.core_v1 import Container, Pod, Volume
from kubeapi.quantity import Quantity
from kubeapi.world import REAL_WORLD, World
from kubelet import hugepages, linux
from kubelet.api import KubeApi
from kubelet.cri import Mount
from kubelet.environment import ConfigError, Configs, References
from kubelet.fieldrefs import NodeFacts
from kubelet.podfiles import PodDirectory
from kubelet.resources import hugepage_names
from kubelet.volumes import atomicwriter, hostpath, subpath
from kubelet.volumes.payload import is_of_objects, payload, token_sources, volume_references

PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}
TMPFS_BYTES = 1 << 20                    # of a volume that holds secrets; objects are smaller than that


class VolumeError(Exception):
    """The words of the FailedMount event."""


@dataclass(slots=True)
class _Token:
    text: str
    renew_at: float


class VolumeManager:
    def __init__(self, root: Path, api: KubeApi, node: Callable[[], NodeFacts], *, mounts: bool = True, world: World = REAL_WORLD) -> None:
        """`mounts=False`: nothing runs in the pods, so their files need not be there, nor tokens in them."""
        self._root, self._api, self._node, self._mounts, self._world = root, api, node, mounts, world
        self._tokens: dict[tuple[str, str, str], _Token] = {}
        self._turn = asyncio.Lock()

    async def prepare(self, pod: Pod, not_before: float) -> dict[str, Path]:
        """name -> where it lies. Raises VolumeError with the first fault."""
        configs = await self._read(pod, volume_references(pod.spec.volumes), not_before)
        paths = {}
        for volume in pod.spec.volumes:
            try:
                paths[volume.name] = await self._prepare(pod, volume, configs)
            except (ConfigError, hostpath.HostPathError, OSError, ValueError, ApiStatusError) as error:
                raise VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error
        return paths

    async def refresh(self, pod: Pod, not_before: float) -> None:
        """Brings the files that are made of objects up to date."""
        if any(is_of_objects(one) for one in pod.spec.volumes):
            await self.prepare(pod, not_before)

    async def _read(self, pod: Pod, wanted: References, not_before: float) -> Configs:
        return await self._api.read_configs(pod.metadata.namespace, wanted, not_before) if wanted else Configs()

    async def _prepare(self, pod: Pod, volume: Volume, configs: Configs) -> Path:
        directory = PodDirectory(self._root, pod.metadata.uid)
        group = pod.spec.security_context.fs_group if pod.spec.security_context else None
        if volume.empty_dir is not None:
            size = Quantity.parse(volume.empty_dir.size_limit).value() if volume.empty_dir.size_limit else 0
            medium = (volume.empty_dir.medium or "") if self._mounts else ""
            pages = page_size(pod, medium) if medium.startswith("HugePages") else 0
            return await asyncio.to_thread(_empty_dir, directory.volume("empty-dir", volume.name), medium == "Memory", pages, size, group)
        if volume.host_path is not None:
            await asyncio.to_thread(hostpath.check, volume.host_path.path, volume.host_path.type or "")
            return Path(volume.host_path.path)
        if is_of_objects(volume):
            tokens = {one.path: await self._token(pod, one.audience, one.expiration_seconds or 3600) if self._mounts else ""
                      for one in token_sources(volume)}
            files = payload(pod, volume, configs, self._node(), tokens)
            path = directory.volume(_kind(volume), volume.name)
            if not self._mounts:
                return path
            in_memory = volume.secret is not None or bool(tokens)
            async with self._turn:
                await asyncio.to_thread(self._write, path, files, in_memory, group)
            return path
        raise ConfigError(f"volumes of type {_type(volume)} are not supported by picokube")

    def _write(self, path: Path, files: Mapping[str, atomicwriter.File], in_memory: bool, group: int | None) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if in_memory:
            size = max(TMPFS_BYTES, 3 * sum(len(one.content) + 4096 for one in files.values()))
            _mount_tmpfs(path, f"size={size},mode=0755")
        atomicwriter.write(path, files, self._world.now(), group)

    async def _token(self, pod: Pod, audience: str, seconds: int) -> str:
        """Asked for again when four fifths of its time are over."""
        key = (pod.metadata.uid, audience, str(seconds))
        known = self._tokens.get(key)
        if known is None or known.renew_at <= self._world.seconds():
            text = await self._api.create_token(pod, audience, seconds)
            known = self._tokens[key] = _Token(text, self._world.seconds() + 0.8 * seconds)
        return known.text

    async def mounts(self, pod: Pod, container: Container, paths: Mapping[str, Path], environment: Mapping[str, str]) -> list[Mount]:
        """Raises ConfigError."""
        if not self._mounts:
            return []
        if not any(one.sub_path or one.sub_path_expr for one in container.volume_mounts):
            return self._mounts_of(pod, container, paths, environment)       # then no file is touched
        return await asyncio.to_thread(self._mounts_of, pod, container, paths, environment)

    def _mounts_of(self, pod: Pod, container: Container, paths: Mapping[str, Path], environment: Mapping[str, str]) -> list[Mount]:
        from kubelet.expansion import expand

        directory, found = PodDirectory(self._root, pod.metadata.uid), []
        for index, mount in enumerate(container.volume_mounts):
            path = paths[mount.name]
            if sub_path := expand(mount.sub_path_expr, environment) or mount.sub_path:
                target = directory.sub_path(mount.name, container.name, index)
                try:
                    subpath.bind(path, sub_path, target)
                except (subpath.SubPathError, OSError) as error:
                    raise ConfigError(f'failed to prepare subPath for volumeMount "{mount.name}" of container "{container.name}": {error}') from error
                path = target
            found.append(Mount(mount.mount_path, str(path), mount.read_only or _is_read_only(pod, mount.name),
                               PROPAGATION.get(mount.mount_propagation or "", "private")))
        return found

    async def tear_down(self, uid: str) -> None:
        """Unmounts and removes everything of the pod; nothing there is no fault."""
        for key in [key for key in self._tokens if key[0] == uid]:
            del self._tokens[key]
        await asyncio.to_thread(_remove, PodDirectory(self._root, uid).path)

    def known_pods(self) -> list[str]:
        """uids that something is left of on disk."""
        try:
            return os.listdir(self._root / "pods")
        except FileNotFoundError:
            return []


def _is_read_only(pod: Pod, name: str) -> bool:
    """What is made of objects is written by the kubelet alone."""
    return any(one.name == name and is_of_objects(one) for one in pod.spec.volumes)


def _kind(volume: Volume) -> str:
    return ("configmap" if volume.config_map else "secret" if volume.secret else "downward-api" if volume.downward_api else "projected")


def _type(volume: Volume) -> str:
    return next((name for name in volume.to_wire() if name != "name"), "none")


def page_size(pod: Pod, medium: str) -> int:
    """Of the huge pages an emptyDir is made of: what its medium names, or the only size its pod asks for. Raises ConfigError."""
    asked = hugepage_names(pod)
    named = medium.removeprefix("HugePages").removeprefix("-")
    if named:
        if not any(hugepages.size_of(one) == Quantity.parse(named).value() for one in asked):
            raise ConfigError(f"medium {medium} was specified, but not requested by the containers of the pod")
        return Quantity.parse(named).value()
    if len(asked) != 1:
        raise ConfigError("medium HugePages can be used only if the pod requests huge pages of exactly one size")
    return hugepages.size_of(asked[0])


def _empty_dir(path: Path, in_memory: bool, pages: int, size: int, group: int | None) -> Path:
    """`pages`: how large each is, of an emptyDir of huge pages."""
    path.mkdir(parents=True, exist_ok=True)
    if pages and str(path) not in linux.mount_points(path):
        linux.mount("nodev", path, "hugetlbfs", linux.MS_NOSUID | linux.MS_NODEV, f"pagesize={pages}")
    if in_memory:
        _mount_tmpfs(path, f"size={size},mode=0777" if size else "mode=0777")
    os.chmod(path, 0o777)
    if group is not None:
        os.chown(path, -1, group)
        os.chmod(path, 0o2777)
    return path


def _mount_tmpfs(path: Path, options: str) -> None:
    if not path.is_mount():
        linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)


def _remove(path: Path) -> None:
    """Never reaches through a mount: what cannot be unmounted is left alone and raises."""
    for point in reversed(linux.mount_points(path)):
        linux.unmount(point)
    if left := linux.mount_points(path):
        raise OSError(f"{left[0]} is still mounted")
    if path.exists():
        shutil.rmtree(path)
