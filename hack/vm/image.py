"""The disk of the virtual machine: Debian with its stock kernel, systemd, what picokube needs, and the checkout as it stands.

What is the same for every checkout is made once and kept in .cache/vm, named by what it is made of. The checkout is copied in and
compiled by the guest's Python before each run: under emulation that would take minutes.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from hack.vm import guest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "vm"
SUITE = "bookworm"
PACKAGES = ("linux-image-amd64", "systemd-sysv", "dbus", "udev", "kmod", "iproute2", "nftables", "runc", "etcd-server", "busybox-static",
            "docker-registry", "crun", "containerd", "containernetworking-plugins", "ca-certificates", "procps", "python3", "python3-venv")
# Neither is there hardware that would need these drivers, nor somebody who would read that.
LEFT_OUT = ("/lib/modules/*/kernel/drivers/gpu/*", "/lib/modules/*/kernel/drivers/media/*", "/lib/modules/*/kernel/drivers/net/ethernet/*",
            "/lib/modules/*/kernel/drivers/net/wireless/*", "/lib/modules/*/kernel/drivers/infiniband/*", "/lib/modules/*/kernel/drivers/scsi/*/*",
            "/lib/modules/*/kernel/sound/*", "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
TEST_DEPENDENCIES = ("pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6.100")
# The initramfs has only what finds the disk: less to unpack under emulation.
HOOK = ('mkdir -p "$1/etc/initramfs-tools/conf.d" && echo MODULES=list >"$1/etc/initramfs-tools/conf.d/picokube" && '
        'printf "%s\\n" virtio_pci virtio_blk ext4 >"$1/etc/initramfs-tools/modules"')
SPARE_MEGABYTES = 3072
SECONDS = 1800


def dependencies() -> list[str]:
    return [*tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"], *TEST_DEPENDENCIES]


def base(python: str) -> Path:
    """A directory with the guest's root, all but the checkout."""
    made_of = repr((SUITE, PACKAGES, LEFT_OUT, dependencies(), HOOK))
    found = CACHE / f"root-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    if not found.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob("root-*"):
            shutil.rmtree(old)
        making = found.with_name(f"making-{found.name}")
        shutil.rmtree(making, ignore_errors=True)
        _bootstrap(making)
        _install_dependencies(making, python)
        making.rename(found)
    return found


def _bootstrap(root: Path) -> None:
    print(f"packages of Debian {SUITE} ...", flush=True)
    left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", "--aptopt=Acquire::Languages \"none\"", *left_out,
         f"--essential-hook={HOOK}", SUITE, str(root))


def _install_dependencies(root: Path, python: str) -> None:
    """By this machine's pip, which knows its index, for the guest's Python."""
    print("Python packages ...", flush=True)
    _run("chroot", str(root), "python3", "-m", "venv", "--without-pip", guest.VENV)
    (site,) = root.glob(f"{guest.VENV[1:]}/lib/python3.*/site-packages")
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", str(site),
         "--only-binary=:all:", "--implementation=cp", f"--python-version={site.parent.name.removeprefix('python')}", *dependencies())
    _run("chroot", str(root), "python3", "-m", "compileall", "-q", str(Path("/", site.relative_to(root))))


def disk(root: Path, kubectl: str, unit: str) -> Path:
    """An ext4 file system of it all, and of the tests' unit, which the guest starts when it is up."""
    place = root / guest.CHECKOUT[1:]
    shutil.rmtree(place, ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in files.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    (place / ".venv").symlink_to(guest.VENV)
    _run("chroot", str(root), "python3", "-m", "compileall", "-q", guest.CHECKOUT)
    if kubectl:
        shutil.copy(os.path.realpath(kubectl), root / "usr/bin/kubectl")
    guest.write(root, unit)
    found = CACHE / "disk.ext4"
    found.unlink(missing_ok=True)
    found.touch()
    megabytes = int(subprocess.run(["du", "-sm", str(root)], check=True, capture_output=True, text=True).stdout.split()[0])
    _run("mkfs.ext4", "-q", "-O", "^has_journal", "-d", str(root), str(found), f"{megabytes * 11 // 10 + SPARE_MEGABYTES}M")
    return found


def kernel(root: Path) -> tuple[Path, Path]:
    """(kernel, initramfs)"""
    (vmlinuz,) = (root / "boot").glob("vmlinuz-*")
    return vmlinuz, vmlinuz.with_name(vmlinuz.name.replace("vmlinuz", "initrd.img"))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=SECONDS, env={**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""})
