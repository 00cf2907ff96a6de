"""A real etcd for tests: its own directory and sockets, stopped by pid."""
from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Etcd:
    """Can be killed and started again on the same data. It listens on a unix socket in its directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.server = f"unix://{directory}/c.sock:0"

    def start(self) -> None:
        for leftover in self._directory.glob("*.sock*"):
            leftover.unlink()
        client, peer = "unix://c.sock:0", "unix://p.sock:0"         # relative: etcd takes no path here
        self._process = subprocess.Popen(
            [str(shutil.which("etcd")), f"--data-dir={self._directory}/data", f"--listen-client-urls={client}",
             f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
             f"--initial-cluster=default={peer}", "--logger=zap", "--log-level=error"],
            cwd=self._directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)


    def forget(self) -> None:
        """Of a killed one: it will begin anew, as after the restoring of an older backup."""
        shutil.rmtree(self._directory / "data")

    def pause(self) -> None:
        """It answers nothing until `resume`, and keeps its connections."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def running_etcd() -> Iterator[Etcd]:
    if shutil.which("etcd") is None:
        pytest.skip("there is no etcd binary on PATH")
    with tempfile.TemporaryDirectory(prefix="pk-etcd-") as directory:
        etcd = Etcd(Path(directory))
        etcd.start()
        try:
            yield etcd
        finally:
            etcd.kill()
