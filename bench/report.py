"""The rows of the report: what each figure is, what it should be, what upstream did; as a table and as JSON."""
from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """`target` is picokube's, `upstream` what kube-apiserver, controller manager and scheduler 1.20 on etcd 3.5 did (4 cores)."""

    title: str
    unit: str
    target: float | None = None
    upstream: float | None = None
    more_is_better: bool = False


ROWS: Mapping[str, Row] = {
    "start": Row("cold start to /readyz", "s", 1.0, 4.0),
    "start_account": Row("cold start to the default ServiceAccount", "s", 1.5, 5.8),
    "idle_memory": Row("idle memory, all processes and etcd (PSS)", "MiB", 200, 508),
    "idle_cpu": Row("idle CPU, all processes and etcd", "% of a core", 1.5, 2),
    "get": Row("GET pod, 16 connections", "/s", 8000, 4900, True),
    "get_cpu": Row("  CPU of the API server", "ms", 0.12, 0.50),
    "post": Row("POST pod, 16 connections", "/s", 2000, 1735, True),
    "post_cpu": Row("  CPU of the API server", "ms"),
    "patch": Row("PATCH status, 16 connections", "/s", 1800, 1459, True),
    "patch_cpu": Row("  CPU of the API server", "ms"),
    "delete": Row("DELETE pod, 16 connections", "/s", 1200, 1056, True),
    "delete_cpu": Row("  CPU of the API server", "ms"),
    "list": Row("LIST of 5,000 pods, one client (p50)", "ms", 35, 108),
    "list_size": Row("  its size", "MB"),
    "list_memory": Row("  API server's peak memory with 64 such clients", "MiB", 614, 6758),
    "watch": Row("watch: write to watcher (p50), 100 watchers", "ms", 2, 4.1),
    "watch_cpu": Row("  CPU per event and watcher", "us", 25, 99),
    "stored": Row("50,000 pods stored: memory of all processes (PSS)", "MiB", 1229, 5222),
    "object_memory": Row("memory per stored pod of 2.7 KB, of 10,000: all processes (PSS)", "KiB"),
    "rollout": Row("Deployment of 1,000 on 100 hollow nodes to all Ready", "s", 3.5, 49.7),
    "rollout_large": Row("Deployment of 5,000 on 1,000 hollow nodes to all Ready", "s"),
    "rolling": Row("rolling update of 100", "s", 0.9, 12.9),
    "deletion": Row("delete of the Deployment of 1,000 until no pod is left", "s", 3, 99),
    "schedule_100": Row("scheduler, pods of one shape, 100 nodes (in memory)", "/s", 1000, 51, True),
    "schedule_1000": Row("scheduler, pods of one shape, 1,000 nodes (in memory)", "/s", 800, 190, True),
    "pod": Row("real pod, image present: created to Running (p50)", "ms", 150, 700),
    "pod_bound": Row("  of it: until the watch shows its node", "ms"),
    "pod_sandbox": Row("  volumes, namespaces, network: the sandbox is on record", "ms"),
    "pod_container": Row("  root, files, configuration: the container is on record", "ms"),
    "pod_runc": Row("  shim and runc: the container is created", "ms"),
    "pod_told": Row("  started, status written, seen by the watch", "ms"),
    "pods": Row("real pods, 50 at once", "/s", 40, 11, True),
    "pods_cpu": Row("  CPU for each of them, in all processes", "ms"),
    "pods_cpu_api": Row("    API server and etcd", "ms"),
    "pods_cpu_control": Row("    scheduler and controllers", "ms"),
    "pods_cpu_kubelet": Row("    kubelet", "ms"),
    "pods_cpu_runc": Row("    shims, runc and the container's own first moments", "ms"),
    "pod_memory": Row("private memory of ours per container", "MiB", 4),
    "kubelet_idle": Row("idle CPU of a kubelet with 50 pods", "% of a core", 2),
    "kubectl_10": Row("kubectl get pods (10), whole process", "ms", 80, 70),
    "kubectl_1000": Row("kubectl get pods (1,000), whole process", "ms", 110, 200),
}
Figures = dict[str, float]
Measured = Mapping[str, float | str]          # by row: a figure, or why there is none
NOT_FOUND = "not found"


def calibration() -> float:
    """Millions of additions a second in this interpreter: the machine's speed, this minute."""
    began, total = time.perf_counter(), 0
    for number in range(5_000_000):
        total += number
    return round(5 / (time.perf_counter() - began), 1)


def machine() -> dict[str, float]:
    return {"cores": os.cpu_count() or 0, "load": round(os.getloadavg()[0], 2), "calibration": calibration()}


def print_table(about: Mapping[str, float], figures: Figures, upstream: Measured) -> None:
    """`upstream`: what was measured beside picokube; where nothing was, what the Row remembers of version 1.20."""
    print(f"{about['cores']:.0f} cores, load {about['load']:.2f}, {about['calibration']} M additions/s\n")
    print(f"{'':<66}{'measured':>12}{'target':>10}{'ratio':>7}{'upstream':>10}{'ratio':>7}")
    for key, row in ROWS.items():
        if key in figures:
            value, other = figures[key], upstream.get(key, row.upstream)
            beside = other if isinstance(other, str) else _number(other)
            print(f"{row.title:<66}{_number(value):>12}{_number(row.target):>10}{_ratio(row, value, row.target):>7}"
                  f"{beside:>10}{_ratio(row, value, other):>7}  {row.unit}")
    print("\nratio: how many times better than the figure before it; below 1 it is worse")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(row: Row, value: float, other: float | str | None) -> str:
    found = ratio(row, value, other)
    return "" if found is None else f"{found:.2f}"


def ratio(row: Row, value: float, other: float | str | None) -> float | None:
    """How many times better `value` is than the other."""
    if isinstance(other, str) or not other or not value:
        return None
    return round(value / other if row.more_is_better else other / value, 3)


def write_json(path: Path, about: Mapping[str, float], figures: Figures, upstream: Measured) -> None:
    """`upstream` is what was measured in this run, a reason why nothing was, or null; `upstream_1_20` what was once."""
    rows = {key: {"title": row.title.strip(), "unit": row.unit, "value": figures.get(key), "target": row.target, "upstream": upstream.get(key),
                  "ratio": ratio(row, figures.get(key, 0), upstream.get(key)), "upstream_1_20": row.upstream}
            for key, row in ROWS.items() if key in figures or key in upstream}
    path.write_text(json.dumps({"machine": about, "figures": rows}, indent=1) + "\n")
