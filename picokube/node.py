"""`picokube node`: more nodes for a running cluster, or fewer; and a node from another machine.

    add       node N+1, in a network namespace of its own; returns when it is Ready
    rm        ends a node's kubelet and pods, and its Node; what is left are its pods' replacements elsewhere
    token     what another machine needs to join
    join      on that machine: its certificates by a bootstrap token, then the kubelet

The supervisor is told what is to run by RUN/plan.json and a HUP.
"""
from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from picokube.cluster import Cluster, default_name, existing
from picokube.errors import CannotRun
from picokube.files import read_json
from picokube.images import share
from picokube.nodes import arrange
from picokube.parent import write_plan
from picokube.processes import identify, send, wait_gone
from picokube.ready import connection, wait_for_nodes

READY_SECONDS, STOP_SECONDS = 60.0, 30.0
MOST_NODES = 250


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    actions: dict[str, Callable[[Namespace], int]] = {"add": add, "rm": remove, "token": _token, "join": _join}
    try:
        return actions[options.action](options)
    except CannotRun as error:
        print(f"picokube: {error}", file=sys.stderr)
        return 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="picokube node", description="Adds nodes to a running cluster, or removes them.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> ArgumentParser:
        one = actions.add_parser(name, help=text, description=text)
        one.add_argument("--name", default=default_name(), help="which cluster (default: $PICOKUBE_NAME, else picokube)")
        one.add_argument("--data-dir", help="where its data lives (default: chosen by name)")
        return one

    one = action("add", "one node more on this machine; returns when it is Ready")
    one.add_argument("--count", type=int, default=1, help="so many more")
    action("rm", "ends nodes of this machine with their pods").add_argument("nodes", nargs="+", metavar="NODE")
    action("token", "lets another machine join for a day: prints what it has to run")
    text = "on another machine: become a node of a cluster, and its kubelet"
    one = actions.add_parser("join", help=text, description=text)
    one.add_argument("--server", required=True, help="the API server's URL")
    one.add_argument("--token", required=True, help="what `picokube node token` has printed")
    one.add_argument("--discovery-token-ca-cert-hash", required=True, metavar="sha256:HASH", help="of the cluster's CA")
    one.add_argument("--node-name", default="", help="(default: this machine's name)")
    one.add_argument("--node-ip", default="", help="the address other nodes reach it by")
    one.add_argument("--port", type=int, default=10250, help="where its kubelet listens; 0: any that is free")
    one.add_argument("--root-dir", default="/var/lib/picokube/kubelet", help="where its pods, images and credentials lie")
    one.add_argument("--runtime", choices=("runc", "hollow"), default="runc")
    return parser


def _token(options: Namespace) -> int:
    from picokube.nodejoin import token
    cluster = existing(options.name, options.data_dir)
    if cluster.parent() is None:
        raise CannotRun(f"cluster {cluster.name!r} is not running: `picokube up --name {cluster.name}` first")
    return token(cluster)


def _join(options: Namespace) -> int:
    from picokube.nodejoin import join
    return join(options)


@contextmanager
def _locked(options: Namespace) -> Iterator[Cluster]:
    """The running cluster, and nobody else changes its nodes meanwhile."""
    cluster = existing(options.name, options.data_dir)
    if cluster.parent() is None:
        raise CannotRun(f"cluster {cluster.name!r} is not running: `picokube up --name {cluster.name}` first")
    if cluster.settings.runtime == "hollow":
        raise CannotRun("simulated nodes are one process: `picokube down`, then `picokube up --nodes N`")
    descriptor = os.open(cluster.run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield existing(options.name, options.data_dir)
    finally:
        os.close(descriptor)


def _follow(cluster: Cluster) -> None:
    """From now on exactly the nodes of these settings run."""
    parent = cluster.parent()
    if parent is None:
        raise CannotRun(f"cluster {cluster.name!r} has stopped")
    write_plan(cluster, arrange(cluster))
    cluster.save()
    send(parent, signal.SIGHUP)


# --- add

def add(options: Namespace) -> int:
    with _locked(options) as cluster:
        first = cluster.settings.nodes + 1
        numbers = range(first, first + options.count)
        if options.count < 1 or numbers[-1] > MOST_NODES:
            raise CannotRun(f"a machine has 1 to {MOST_NODES} nodes, counted from the first: --count {options.count} is not possible")
        grown = cluster.with_settings(nodes=numbers[-1])
        names = [grown.node_name(number) for number in numbers]
        try:
            share(grown, names)
            _follow(grown)
            wait_for_nodes(grown, names, READY_SECONDS)
        except BaseException:
            _take_away(grown, numbers)
            raise
    for name in names:
        print(f"node {name} is Ready")
    return 0


# --- rm

def remove(options: Namespace) -> int:
    with _locked(options) as cluster:
        numbers = [_number(cluster, name) for name in options.nodes]
        _take_away(cluster, numbers)
    for name in options.nodes:
        print(f"node {name} is gone")
    return 0


def _number(cluster: Cluster, name: str) -> int:
    """Of a node that has been removed, too: a removal that was broken off can be done to its end."""
    found = {cluster.node_name(number): number for number in range(1, cluster.settings.nodes + 1)}
    if name not in found:
        raise CannotRun(f"cluster {cluster.name!r} has no node {name!r} on this machine; it has {', '.join(cluster.node_names())}")
    if found[name] == 1:
        raise CannotRun(f"{name} is the machine itself and stays; `picokube down` ends it with the cluster")
    return found[name]


def _take_away(cluster: Cluster, numbers: Sequence[int]) -> None:
    from kubelet.runc.cleanup import cleanup_node
    running = {name: _kubelet(cluster, name) for name in map(cluster.node_name, numbers)}
    _follow(cluster.with_settings(removed_nodes=tuple(sorted({*cluster.settings.removed_nodes, *numbers}))))
    for number, (name, process) in zip(numbers, running.items(), strict=True):
        if process is not None and not wait_gone(process, STOP_SECONDS):
            raise CannotRun(f"the kubelet of {name} does not end; see `picokube logs kubelet-{name}`")
        cleanup_node(cluster.name, name, number, cluster.node_directory(name))
        _forget(cluster, name)
        shutil.rmtree(cluster.node_directory(name), ignore_errors=True)
        for path in (cluster.kubeconfig(f"kubelet-{name}"), *cluster.pki.glob(f"kubelet-{name}.*"), *cluster.pki.glob(f"kubelet-{name}-client.*")):
            path.unlink(missing_ok=True)


def _kubelet(cluster: Cluster, name: str) -> Any:
    """The process, as the supervisor told of it; None where it does not run."""
    status = read_json(cluster.run / "status.json") or {}
    pid = status.get("components", {}).get(f"kubelet-{name}", {}).get("pid", 0)
    return identify(pid) if pid else None


def _forget(cluster: Cluster, name: str) -> None:
    """Its Node first, so that nothing is scheduled there any more, then its pods at once, since they have ended."""
    _ask(cluster, "DELETE", f"/api/v1/nodes/{name}")
    pods = _ask(cluster, "GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}").get("items", [])
    for pod in pods:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        _ask(cluster, "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                                       "preconditions": {"uid": pod["metadata"]["uid"]}})


def _ask(cluster: Cluster, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer; of what is not there any more, nothing."""
    api = connection(cluster, 30)
    try:
        api.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
        answer = api.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise CannotRun(f"the API server at {cluster.server} does not answer: {error}") from error
    finally:
        api.close()
    if answer.status >= 400 and answer.status not in (404, 409):
        raise CannotRun(f"{method} {path}: {document.get('message', answer.status)}")
    return document if answer.status < 400 else {}
