"""A containerd of a test's own: its CRI plugin at a socket, its own directories, and a CNI configuration; nothing of it stays."""
from __future__ import annotations

import asyncio
import json
import os
import runpy
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubelet import linux
from kubelet.remote import CriClient, RemoteImages, RemoteRuntime
from kubelet.runc import pause
from kubelet.runc.cgroups import Cgroups, cluster_path, node_path
from tests.e2e.runtime.node import ROOT, SECONDS, reserved_number
from tests.e2e.runtime.registry import ARCHITECTURE, digest, layer

IMAGE, PAUSE = "localhost/picokube/web:1", "localhost/picokube/pause:1"
PLUGINS = Path("/usr/lib/cni")                    # Debian's containernetworking-plugins
has_containerd = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("containerd", "ctr", "runc", "busybox"))) or not (PLUGINS / "ptp").exists(),
    reason="needs root, containerd, runc, busybox-static and containernetworking-plugins")

CONFIG = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{directory}/c.sock"
[ttrpc]
  address = "{directory}/t.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{directory}/net.d"
"""


@dataclass
class Containerd:
    directory: Path
    number: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> str:
        return f"cri{self.number}"

    @property
    def socket(self) -> Path:
        return self.directory / "c.sock"

    def network(self) -> dict[str, object]:
        """Routed veths, as picokube's own pods have them, in a range that no cluster has."""
        return {"cniVersion": "0.4.0", "name": self.cluster, "plugins": [{"type": "ptp", "ipMasq": False, "ipam": {
            "type": "host-local", "dataDir": str(self.directory / "ipam"), "ranges": [[{"subnet": f"10.253.{self.number}.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}}]}

    def configure(self) -> None:
        (self.directory / "net.d").mkdir()
        (self.directory / "net.d" / "10-pods.conflist").write_text(json.dumps(self.network()))
        (self.directory / "config.toml").write_text(CONFIG.format(directory=self.directory, image=PAUSE, plugins=PLUGINS))

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(["containerd", "--config", str(self.directory / "config.toml")], stdout=log, stderr=log)
        asyncio.run(self._until_it_answers())

    async def _until_it_answers(self) -> None:
        client = CriClient(str(self.socket))
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                conditions = (await client.call("Status", seconds=5))["status"]["conditions"]
                if all(one["status"] for one in conditions):
                    break
            except Exception:
                assert time.monotonic() < deadline, (self.directory / "log").read_text()[-2000:]
            await asyncio.sleep(0.05)
        await client.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(SECONDS)

    def ctr(self, *arguments: str) -> str:
        return subprocess.run(["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *arguments], check=True, capture_output=True,
                              text=True, timeout=SECONDS).stdout

    def shims(self) -> list[int]:
        """Each holds a sandbox."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (process / "cmdline").read_bytes().split(b"\0")
                if b"shim" in command[0] and str(self.socket).encode() in command:
                    found.append(int(process.name))
        return found

    def leftovers(self) -> dict[str, list[str]]:
        ipam = self.directory / "ipam" / self.cluster
        return {"shims": list(map(str, self.shims())), "mounts": linux.mount_points(self.directory / "state"),
                "addresses": sorted(one.name for one in ipam.glob("10.*")),
                "cgroups": [str(one) for one in Cgroups.detect().directories(node_path(self.cluster, "node")) if one.exists() and any(
                    child.is_dir() for child in one.iterdir())]}


NOTHING: dict[str, list[str]] = {"shims": [], "mounts": [], "addresses": [], "cgroups": []}


def write_pause(path: Path) -> None:
    """The image of a sandbox's own process, as a docker-archive."""
    content = layer({"pause": pause.executable()})
    config = json.dumps({"architecture": ARCHITECTURE, "os": "linux", "config": {"Entrypoint": ["/pause"]},
                         "rootfs": {"type": "layers", "diff_ids": [digest(content)]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]).encode()
    path.write_bytes(layer({"layer.tar": content, "config.json": config, "manifest.json": manifest}))


@contextmanager
def containerd() -> Iterator[Containerd]:
    with tempfile.TemporaryDirectory(prefix="pk-cri-") as name, reserved_number() as number:
        found = Containerd(Path(name), number)
        archive = found.directory / "web.tar"
        runpy.run_path(str(ROOT / "hack" / "make-image"))["write"](archive)
        write_pause(found.directory / "pause.tar")
        found.configure()
        found.start()
        try:
            for one in (archive, found.directory / "pause.tar"):
                found.ctr("images", "import", str(one))
            yield found
            left = found.leftovers()
        finally:
            if found.process is not None and found.process.poll() is None:
                found.stop()
            for shim in found.shims():
                os.kill(shim, signal.SIGKILL)
            Cgroups.detect().kill(cluster_path(found.cluster))
            for point in reversed(linux.mount_points(found.directory)):
                linux.unmount(point)
            Cgroups.detect().remove(cluster_path(found.cluster))
        assert left == NOTHING


@asynccontextmanager
async def running_remote(found: Containerd, root: Path, handlers: dict[str, str]) -> AsyncIterator[tuple[RemoteRuntime, RemoteImages]]:
    """A kubelet's side of it, from its start to its (friendly) end."""
    client = CriClient(str(found.socket))
    runtime = RemoteRuntime(client, root, node=f"{found.cluster}/node", handlers=handlers)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runtime.run())
        await runtime.wait_ready()
        yield runtime, RemoteImages(client)
        task.cancel()
