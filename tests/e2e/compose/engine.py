"""A Docker engine of the tests' own: its data, socket, network namespace, mounts and control groups are nobody else's.

A daemon sets the machine's FORWARD policy to drop and adds chains and bridges; in a network namespace of its own nobody
sees them, and all goes with the namespace. One pair of links joins it to the machine.
"""
from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubelet.runc.cgroups import Cgroups

OUTSIDE, INSIDE = "198.18.189.1", "198.18.189.2"
START_SECONDS, STOP_SECONDS = 60, 60
# Whatever the machine's own docker and containerd keep in /run is not ours.
SCRIPT = 'for one in /run/containerd /run/docker; do [ ! -d "$one" ] || mount -t tmpfs none "$one"; done; exec dockerd "$@"'


class Engine:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = f"pkdocker{os.getpid()}"
        self.cgroup = f"/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": f"unix://{self.directory}/docker.sock", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}

    def docker(self, *arguments: str, timeout: int = 300) -> str:
        return run(["docker", *arguments], self.environment, timeout=timeout)

    def make_namespace(self) -> None:
        name, link = self.name, f"pkd{os.getpid()}"
        for command in (f"netns add {name}", f"-n {name} link set lo up", f"link add {link} type veth peer name eth0 netns {name}",
                        f"address add {OUTSIDE}/30 dev {link}", f"link set {link} up", f"-n {name} address add {INSIDE}/30 dev eth0",
                        f"-n {name} link set eth0 up"):
            run(["ip", *command.split()], self.environment)

    def start(self) -> subprocess.Popen[bytes]:
        """Returns when it has told that it is ready."""
        directory = self.directory
        command = ["nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "dockerd",
                   "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "-H", f"unix://{directory}/docker.sock",
                   "-p", f"{directory}/pid", "--bridge=none", f"--cgroup-parent={self.cgroup}"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, (directory / "log").open("wb") as log:
            notify.bind(f"{directory}/notify.sock")
            notify.settimeout(START_SECONDS)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**self.environment, "NOTIFY_SOCKET": f"{directory}/notify.sock"})
            try:
                while b"READY=1" not in notify.recv(4096):
                    pass
            except TimeoutError:
                stop(process)
                raise AssertionError(f"dockerd did not start: {(directory / 'log').read_text()[-3000:]}") from None
        return process

    def clean_up(self) -> None:
        groups = Cgroups.detect()
        groups.kill(self.cgroup)
        groups.remove(self.cgroup)
        run(["ip", "netns", "delete", self.name], self.environment)


def run(command: list[str], environment: dict[str, str], *, timeout: int = 60, cwd: Path | None = None, stdin: bytes | None = None) -> str:
    """What it printed. Raises AssertionError with all of it where it fails."""
    done = subprocess.run(command, env=environment, cwd=cwd, input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout.decode()[-3000:]}\n{done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


@contextmanager
def running_engine(directory: Path) -> Iterator[Engine]:
    engine = Engine(directory)
    engine.make_namespace()
    try:
        process = engine.start()
        try:
            yield engine
        finally:
            stop(process)
    finally:
        engine.clean_up()
