"""The virtual machine: qemu with a disk whose changes are forgotten, without a network, software emulation unless KVM is asked for."""
from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hack.vm import guest

QEMU = "qemu-system-x86_64"
END = "exit code: "


@dataclass(frozen=True)
class Machine:
    processors: int
    megabytes: int
    kvm: bool = False

    def command(self, disk: Path, kernel: Path, initramfs: Path, console: Path, files: Path) -> list[str]:
        # Nehalem: what a kernel finds on newer processors costs more under emulation than it saves.
        speed = ["-accel", "kvm", "-cpu", "host"] if self.kvm else ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"]
        return [QEMU, "-machine", "q35", *speed, "-smp", str(self.processors), "-m", str(self.megabytes),
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none",
                "-kernel", str(kernel), "-initrd", str(initramfs),
                "-append", "root=/dev/vda rw console=ttyS0 quiet mitigations=off panic=-1 systemd.show_status=no",
                "-drive", f"file={disk},format=raw,if=none,id=disk,snapshot=on,cache=unsafe", "-device", "virtio-blk-pci,drive=disk",
                "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-serial", f"file:{console}",
                "-chardev", "stdio,id=text,signal=off", "-device", f"virtserialport,chardev=text,name={guest.TEXT}",
                "-chardev", f"file,id=files,path={files}", "-device", f"virtserialport,chardev=files,name={guest.FILES}"]


@contextmanager
def _started(command: list[str], scratch: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "TMPDIR": str(scratch)}       # where qemu keeps what the disk forgets
    # A port whose standard input has ended counts as closed, and writing to it blocks.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def run(command: list[str], scratch: Path, seconds: float) -> int | None:
    """Shows what the tests print; their exit code, None if the machine ended (or was ended after `seconds`) without telling it."""
    code, rest = None, b""
    deadline = time.monotonic() + seconds
    with _started(command, scratch) as process, selectors.DefaultSelector() as ready:
        assert process.stdout is not None
        ready.register(process.stdout, selectors.EVENT_READ)
        while ready.select(max(0.0, deadline - time.monotonic())):
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            *lines, rest = (rest + data).replace(b"\r", b"").split(b"\n")
            code = next((int(line.removeprefix(END.encode())) for line in lines if line.startswith(END.encode())), code)
    return code
