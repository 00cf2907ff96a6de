"""`picokube up`: from nothing, from a stopped cluster or from what `kill -9` left, to a cluster that is ready."""
from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

from picokube import addresses, doctor, etcd, kubeconfigs, sources
from picokube.certificates import Authority
from picokube.cluster import Cluster, Runtime, Settings, all_clusters, existing, find, is_root, new
from picokube.components import Component, admin_context, check_extra_arguments, check_without
from picokube.down import stop_everything
from picokube.errors import CannotRun
from picokube.nodes import arrange
from picokube.ready import wait_for_default_account, wait_for_nodes

READY_TIMEOUT_SECONDS = 120.0


def up(options: Namespace) -> int:
    started = time.monotonic()
    asked = _asked(options)
    before = find(options.name, options.data_dir)
    if before is not None and before.parent() is not None:
        _require_nothing_new(before, asked)
        print(f"cluster {before.name!r} is already running at {before.server}")
        if told := sources.warning(before):
            print(told)
    else:
        _bring_up(before, _chosen(before or new(options.name, options.data_dir), asked, is_new=before is None), started)
    if not options.no_context:
        cluster = existing(options.name, options.data_dir)
        path = kubeconfigs.add_context(admin_context(cluster, Authority(cluster.pki)))
        print(f"context {cluster.context!r} is current in {path}")
    return 0


def _asked(options: Namespace) -> dict[str, object]:
    """What this call says of the settings. Raises CannotRun where it makes no sense."""
    without = tuple(options.without.split(",")) if options.without else None
    check_extra_arguments(options.component_arg)
    check_without(without or ())
    if options.etcd_servers:
        etcd.check_servers(options.etcd_servers)
    asked = {"runtime": options.runtime, "nodes": options.nodes, "port": options.port, "etcd_servers": options.etcd_servers,
             "without": without, "component_args": tuple(options.component_arg) or None}
    for name in ("etcd_cafile", "etcd_certfile", "etcd_keyfile"):
        asked[name] = _readable(getattr(options, name))
    return {name: value for name, value in asked.items() if value is not None}


def _readable(path: str | None) -> str | None:
    """As an absolute path: components have a working directory of their own."""
    if path and not os.access(path, os.R_OK):
        raise CannotRun(f"{path} cannot be read")
    return os.path.abspath(path) if path else None


def _require_nothing_new(cluster: Cluster, asked: dict[str, object]) -> None:
    has = asdict(cluster.settings) | {"nodes": len(cluster.node_names())}
    different = [f"{name} is {has[name]!r}, not {value!r}" for name, value in asked.items() if has[name] != value]
    if different:
        raise CannotRun(f"cluster {cluster.name!r} is running and its {'; its '.join(different)}: "
                        f"`picokube down --name {cluster.name}` first")


def _bring_up(before: Cluster | None, cluster: Cluster, started: float) -> None:
    """A start that fails leaves nothing running, and the settings that worked before."""
    _require_what_it_needs(cluster)
    cluster.save()
    try:
        etcd.prepare(cluster)
        components = arrange(cluster)
        _wait_until_ready(cluster, components, _launch(cluster, components), started)
    except BaseException:
        stop_everything(cluster)
        if before is not None:
            before.save()
        raise


def _chosen(cluster: Cluster, asked: dict[str, Any], *, is_new: bool) -> Cluster:
    """The settings: what was chosen before, changed by what is asked now."""
    settings = replace(_fresh(cluster, asked.get("runtime")) if is_new else cluster.settings, **asked)
    if "nodes" in asked:
        settings = replace(settings, removed_nodes=())
    if "port" in asked or not is_new:
        addresses.require_port(settings.port)
    kubelet_port = addresses.free_port(settings.kubelet_port, {settings.port})
    return replace(cluster, settings=replace(settings, kubelet_port=kubelet_port))


def _fresh(cluster: Cluster, runtime: Runtime | None) -> Settings:
    others = [one.settings for one in all_clusters() if one.name != cluster.name]
    runtime = runtime or ("runc" if is_root() else "hollow")
    taken = [one.pod_cidr for one in others if one.runtime != "hollow"]
    return Settings(
        runtime=runtime,
        port=addresses.free_port(6443, {one.port for one in others}),
        kubelet_port=addresses.free_port(10250, {one.kubelet_port for one in others}),
        pod_cidr=addresses.HOLLOW_POD_RANGE if runtime == "hollow" else addresses.free_range(addresses.POD_RANGES, taken),
        service_cidr=addresses.free_range(addresses.SERVICE_RANGES, [one.service_cidr for one in others]),
        node_ip=addresses.node_address(),
    )


def _require_what_it_needs(cluster: Cluster) -> None:
    if cluster.settings.etcd_servers:
        etcd.require_listener(cluster.settings.etcd_servers)
    for check in doctor.checks(cluster.settings):
        if check.problem and check.is_required:
            raise CannotRun(f"{check.problem}. {check.remedy}")
        if check.problem:
            print(f"warning: {check.problem}. {check.remedy}", file=sys.stderr)


def _launch(cluster: Cluster, components: list[Component]) -> int:
    """Forks the warm parent into a session of its own; the pipe it reports progress on."""
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os.close(write_end)
        os.wait()
        return read_end
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(read_end)
    _detach(cluster)
    from picokube.parent import Parent
    code = 1
    try:
        Parent(cluster, components, write_end).run()
        code = 0
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        os._exit(code)
    raise AssertionError("unreachable")


def _detach(cluster: Cluster) -> None:
    """The daemon's own output goes to LOGS/picokube.log; nothing keeps the caller's terminal or directory."""
    cluster.logs.mkdir(parents=True, exist_ok=True)
    os.chdir("/")
    os.umask(0o022)
    log = os.open(cluster.logs / "picokube.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _wait_until_ready(cluster: Cluster, components: list[Component], progress: int, started: float) -> None:
    deadline = started + READY_TIMEOUT_SECONDS
    told: set[str] = set()
    for status in _statuses(progress, deadline):
        for name, one in status.items():
            if one["ready"] and name not in told:
                told.add(name)
                print(f"  {name} ready after {time.monotonic() - started:.1f} s", flush=True)
            if one["restarts"] >= 3 and not one["ready"]:
                _fail(cluster, [name], "ends as soon as it is started")
        if all(one.name in told for one in components):
            break
    missing = [one.name for one in components if one.name not in told]
    if missing:
        _fail(cluster, missing, "did not become ready")
    if {"apiserver", "controllers"} <= told:
        wait_for_default_account(cluster, deadline - time.monotonic())
    if "apiserver" in told and any(one.name.startswith("kubelet") for one in components):
        wait_for_nodes(cluster, cluster.node_names(), deadline - time.monotonic())
    print(f"cluster {cluster.name!r} is ready at {cluster.server} after {time.monotonic() - started:.1f} s")


def _statuses(progress: int, deadline: float) -> Iterator[dict[str, dict[str, int]]]:
    """Each line the supervisor writes, until it closes the pipe or the deadline passes."""
    import select
    pending = b""
    poller = select.poll()
    poller.register(progress, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and poller.poll(left * 1000):
        data = os.read(progress, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from (json.loads(line) for line in lines)


def _fail(cluster: Cluster, names: Sequence[str], what: str) -> NoReturn:
    """With what the first of them said last: most often that is the reason."""
    said = _last_words(cluster.logs / f"{names[0]}.log")
    raise CannotRun(f"{', '.join(names)} {what}{f': {said}' if said else ''}; see `picokube logs {names[0]} --name {cluster.name}`, "
                    f"or begin anew with `picokube reset --name {cluster.name}`")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip()[:500] for line in reversed(lines) if line.strip() and not line.startswith("picokube: ")), "")
