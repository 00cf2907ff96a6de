"""`python -m bench`: runs all measurements, or those that are named, and prints the table."""
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvloop

from bench import api, scheduling, workloads
from bench.clusters import ROOT, BenchCluster, cluster
from bench.report import Figures, machine, print_table, write_json

IDLE_SECONDS = 10.0
ALL_STORED = 50_000


def measure_start(directory: Path) -> Figures:
    """A whole cluster of one hollow node: how soon it is there, and what it costs when nobody asks for anything."""
    with cluster(directory, "--runtime", "hollow") as one:
        ready = re.search(r"apiserver ready after ([\d.]+) s", one.printed)
        whole = re.search(r"is ready at \S+ after ([\d.]+) s", one.printed)
        assert ready is not None and whole is not None, one.printed
        time.sleep(3)                           # what came up has settled
        cpu = one.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        used = (one.cpu_seconds() - cpu) / IDLE_SECONDS
        return {"start": float(ready[1]), "start_account": float(whole[1]), "idle_memory": one.memory_mib(), "idle_cpu": round(used * 100, 2)}


def measure_api(directory: Path, stored: int) -> Figures:
    with api_server(directory) as one:
        return uvloop.run(api.measure(one, stored))


def measure_memory(directory: Path) -> Figures:
    with api_server(directory) as one:
        return uvloop.run(api.measure_memory(one))


@contextmanager
def api_server(directory: Path) -> Iterator[BenchCluster]:
    """With etcd alone, and with the ServiceAccount that pods need: no controllers make it."""
    async def make_account(one: BenchCluster) -> None:
        async with one.client() as client:
            await client.request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})

    with cluster(directory, "--runtime", "hollow", "--without", "kubelet,controllers,scheduler") as one:
        uvloop.run(make_account(one))
        yield one


def measure_hollow(directory: Path) -> Figures:
    with cluster(directory, "--runtime", "hollow", "--nodes", "100") as one:
        return uvloop.run(workloads.measure_hollow(one))


def measure_large(directory: Path) -> Figures:
    with cluster(directory, "--runtime", "hollow", "--nodes", "1000") as one:
        return uvloop.run(workloads.measure_large(one))


def measure_real(directory: Path) -> Figures:
    with cluster(directory, "--runtime", "runc") as one:
        archive = directory / "web.tar"
        environment = {**os.environ, "PICOKUBE_HOME": str(directory)}
        subprocess.run([sys.executable, ROOT / "hack/make-image", archive], check=True, timeout=60, capture_output=True)
        subprocess.run([sys.executable, "-m", "picokube", "image", "--name", "bench", "import", archive], cwd=ROOT, env=environment, check=True,
                       timeout=60, capture_output=True)
        return uvloop.run(workloads.measure_real(one))


def measure_scheduler(directory: Path) -> Figures:
    return {"schedule_100": scheduling.measure(100, 5000), "schedule_1000": scheduling.measure(1000, 5000)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--full", action="store_true", help="also store 50,000 pods, and 5,000 pods on 1,000 nodes (minutes more)")
    parser.add_argument("only", nargs="*", help="start, api, memory, hollow, large, real, scheduler; by default all but large")
    options = parser.parse_args()
    stored = ALL_STORED if options.full else 0
    parts: Mapping[str, Callable[[Path], Figures]] = {
        "start": measure_start, "api": lambda directory: measure_api(directory, stored), "memory": measure_memory, "hollow": measure_hollow,
        "large": measure_large, "real": measure_real, "scheduler": measure_scheduler}
    if unknown := set(options.only) - set(parts):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    wanted = set(options.only) or set(parts) - (set() if options.full else {"large"})
    about, figures = machine(), Figures()
    for name, part in parts.items():
        if name not in wanted:
            continue
        if name == "real" and os.geteuid() != 0:
            print("real pods are not measured: that needs root", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="pk-") as directory:
            figures |= part(Path(directory))
    print_table(about, figures)
    if options.json:
        write_json(options.json, about, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
