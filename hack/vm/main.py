"""`make test-vm`: the kubelet's tests inside a virtual machine that is what most users have: cgroup v2, systemd, a stock kernel.

Arguments are passed on to pytest; without any that name tests, it is everything that runs real containers. `-c COMMAND` runs that
line of sh in the checkout instead. PICOKUBE_VM_CPUS (2), _MEGABYTES (3072), _SECONDS (5400) and _KVM=1 change the machine.
"""
from __future__ import annotations

import fcntl
import os
import runpy
import shlex
import shutil
import sys
import tarfile
import time
from pathlib import Path

from hack.vm import guest, image, machine

SUITES = ("tests/contract/runtime", "tests/e2e/runtime", "tests/e2e/kubelet", "tests/e2e/test_real_pods.py", "tests/e2e/test_tokens.py")
NEEDED = {machine.QEMU: "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mkfs.ext4": "e2fsprogs"}
LAST_WORDS_SECONDS = 90
RESULTS = image.CACHE / "results"


def guest_command(arguments: list[str], seconds: int) -> str:
    """Tests are interrupted in time to tell of those that have run."""
    if arguments[:1] == ["-c"]:
        return " ".join(arguments[1:])
    tests = [] if any(one.startswith("tests") for one in arguments) else SUITES
    pytest = ["timeout", "--signal=INT", str(max(1, seconds - LAST_WORDS_SECONDS)), "python", "-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", "--durations=15",
              f"--junit-xml={guest.RESULTS}/junit.xml"]
    return f"PICOKUBE_UPSTREAM_KUBECTL=$(command -v /usr/bin/kubectl) {shlex.join([*pytest, *tests, *arguments])}"


def setting(name: str, default: int) -> int:
    return int(os.environ.get(f"PICOKUBE_VM_{name}", default))


def missing() -> str:
    if os.geteuid() != 0:
        return "the disk is made by root: run it with sudo"
    return " ".join(f"apt-get install {package}" for command, package in NEEDED.items() if shutil.which(command) is None)


def main(arguments: list[str]) -> int:
    if told := missing():
        print(f"test-vm: {told}", file=sys.stderr)
        return 2
    image.CACHE.mkdir(parents=True, exist_ok=True)
    with (image.CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run(arguments)


def run(arguments: list[str]) -> int:
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir()
    before = time.monotonic()
    root = image.base(sys.executable)
    kubectl = runpy.run_path(str(image.ROOT / "hack" / "test"))["upstream_kubectl"]()
    seconds = setting("SECONDS", 5400)
    disk, made = image.disk(root, kubectl, guest_command(arguments, seconds)), time.monotonic()
    files = RESULTS / "results.tar"
    virtual = machine.Machine(setting("CPUS", 2), setting("MEGABYTES", 3072), kvm=os.environ.get("PICOKUBE_VM_KVM") == "1")
    print(f"disk ready after {made - before:.0f} s; the machine starts", flush=True)
    command = virtual.command(disk, *image.kernel(root), RESULTS / "console.txt", files)
    code = machine.run(command, image.CACHE, seconds)
    unpack(files)
    where = RESULTS.relative_to(image.ROOT)
    if code is None:
        print(f"test-vm: the machine ended or was ended without a result; its last words are in {where}/console.txt", file=sys.stderr)
    print(f"test-vm: {time.monotonic() - made:.0f} s in the machine; report and journal are in {where}")
    return 3 if code is None else code


def unpack(files: Path) -> None:
    try:
        with tarfile.open(files) as archive:
            archive.extractall(RESULTS, filter="data")
    except (OSError, tarfile.TarError):       # it ended before it came to that
        pass
