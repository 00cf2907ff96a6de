"""A pod whose users are not the node's: namespaces that belong to a user namespace, and files that show up as its own.

The kernel maps: layers of images and volumes are mounted a second time with the pod's mapping (idmapped mounts), so nothing on disk changes
its owner and what a pod writes into a volume belongs there to the users it has inside. As its root may not enter the node's directories,
its containers' roots are mounted outside of them, in PLACE.
"""
from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubelet import linux
from kubelet.cri import USERS_PER_POD, CriError, Mount

PLACE = Path("/run/picokube")
OUTSIDE = "outside"                  # in a container's directory: a link to what of it lies in PLACE
SECONDS = 10.0
# A process of one thread, as the kernel wants for a user namespace: it makes that, waits for its mapping, and makes the others in it.
HOLDER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, int(sys.argv[1])):
    if libc.unshare(flags):
        sys.exit(os.strerror(ctypes.get_errno()))
    os.write(1, b".")
    os.read(0, 1)
"""


def mapping(first: int) -> list[dict[str, int]]:
    return [{"containerID": 0, "hostID": first, "size": USERS_PER_POD}]


def pin_namespaces(first: int, pins: Mapping[str, Path], flags: int) -> None:
    """Makes a user namespace, and those of `flags` in it. `pins`: kind -> where it is kept."""
    with _holder(flags) as holder:
        _step(holder)
        for kind in ("uid", "gid"):
            Path(f"/proc/{holder.pid}/{kind}_map").write_text(f"0 {first} {USERS_PER_POD}")
        assert holder.stdin is not None
        holder.stdin.write(b".")
        _step(holder)
        for kind, pin in pins.items():
            pin.touch()
            linux.bind(f"/proc/{holder.pid}/ns/{kind}", pin)


@contextmanager
def _holder(flags: int) -> Iterator[subprocess.Popen[bytes]]:
    holder = subprocess.Popen([sys.executable, "-I", "-S", "-c", HOLDER, str(flags)], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    with holder:
        try:
            yield holder
        finally:
            holder.kill()


def _step(holder: subprocess.Popen[bytes]) -> None:
    assert holder.stdout is not None and holder.stderr is not None
    ready, _, _ = select.select([holder.stdout], [], [], SECONDS)
    if not ready or holder.stdout.read(1) != b".":
        holder.kill()
        fault = holder.stderr.read().decode(errors="replace").strip() or "it takes too long"
        raise CriError("FailedCreatePodSandBox", f"can't set `spec.hostUsers: false`, this machine makes no user namespace: {fault}")


# --- files

class Outside:
    """What of one container lies in PLACE."""

    def __init__(self, directory: Path, namespace: Path, first: int) -> None:
        """`directory`: the container's own; `namespace`: its user namespace's pin."""
        self._namespace, self._first = namespace, first
        self._place = PLACE / directory.name
        _prepare_place()
        (directory / OUTSIDE).symlink_to(self._place)
        self._place.mkdir(mode=0o710)
        os.chown(self._place, 0, first)

    def overlay(self, directory: Path, layers_directory: Path, layers: Sequence[str]) -> Path:
        """As rootfs.mount_overlay, with the pod's mapping. Only in a fresh thread."""
        root, lower, upper, work = self._place / "rootfs", self._place / "lower", directory / "upper", directory / "work"
        for path in (root, lower, upper, work):
            path.mkdir()
        upper.chmod(0o755)
        os.chown(upper, self._first, self._first)
        names = [str(number) for number in range(len(layers) or 1)]
        for name, layer in zip(names, reversed(layers), strict=False):
            (lower / name).mkdir()
            self._map(layers_directory / layer, lower / name)
        if not layers:
            (lower / names[0]).mkdir()
        linux.unshare(linux.CLONE_FS)
        os.chdir(lower)
        try:
            linux.mount("overlay", root, "overlay", 0, f"lowerdir={':'.join(names)},upperdir={upper},workdir={work}")
        except OSError as error:
            raise CriError("CreateContainerError", f"overlay mount for the root of a container in a user namespace: {error.strerror} "
                           "(layers that are mapped to other users need Linux 5.19)") from error
        for name in names[:len(layers)]:             # overlayfs holds them by itself
            linux.unmount(lower / name)
        return root

    def root(self, source: Path) -> Path:
        """A directory as the container's root."""
        self._map(source, self._made(source, "rootfs"))
        return self._place / "rootfs"

    def mounts(self, mounts: Sequence[Mount]) -> list[Mount]:
        """Read-only by themselves where they are to be: runc could not make them so without what a mount forbids besides."""
        found = []
        for number, mount in enumerate(mounts):
            target = self._made(Path(mount.host_path), f"mount-{number}")
            self._map(Path(mount.host_path), target, readonly=mount.readonly)
            found.append(replace(mount, host_path=str(target), readonly=False))
        return found

    def _made(self, source: Path, name: str) -> Path:
        target = self._place / name
        target.mkdir() if source.is_dir() else target.touch()
        return target

    def _map(self, source: Path, target: Path, *, readonly: bool = False) -> None:
        try:
            linux.mount_mapped(source, target, self._namespace, readonly=readonly)
        except OSError as error:
            raise CriError("CreateContainerError", f"failed to set MOUNT_ATTR_IDMAP on {source}: {error.strerror} (maybe the filesystem used "
                           "doesn't support idmap mounts on this kernel?)") from error


def in_user_namespace(document: dict[str, Any], first: int, root: Path) -> None:
    """Changes a container's OCI configuration."""
    document["root"]["path"] = str(root)
    document["linux"] |= {"uidMappings": mapping(first), "gidMappings": mapping(first)}


def remove_outside(directory: Path) -> None:
    """What of a container lies in PLACE."""
    link = directory / OUTSIDE
    if not link.is_symlink():
        return
    place = PLACE / Path(os.readlink(link)).name
    for point in reversed(linux.mount_points(place)):
        linux.unmount(point)
    for path in (*place.glob("lower/*"), *place.glob("*"), place):
        with suppress(FileNotFoundError):
            path.rmdir() if path.is_dir() else path.unlink()


def remove_place() -> None:
    """If this was the machine's last cluster: a directory that is not empty stays."""
    with suppress(OSError):
        if not os.listdir(PLACE):
            linux.unmount(PLACE)
            PLACE.rmdir()


def _prepare_place() -> None:
    PLACE.mkdir(mode=0o711, parents=True, exist_ok=True)
    # Other mount namespaces must not get copies of what is mounted there.
    if linux.is_on_shared_mount(PLACE):
        linux.bind(PLACE, PLACE)
        linux.mount("none", PLACE, flags=linux.MS_PRIVATE)
