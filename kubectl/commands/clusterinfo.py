"""kubectl cluster-info: where the control plane and the cluster's services are."""
from __future__ import annotations

import sys

from kubectl.command import ALL_NAMESPACES, PRINT, Command
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def _colored(text: str, color: int) -> str:
    return f"\033[0;{color}m{text}\033[0m" if sys.stdout.isatty() else text


def run(session: Session, args: list[str]) -> int:
    found = session.client.get("/api/v1/namespaces/kube-system/services", {"labelSelector": "kubernetes.io/cluster-service=true"})["items"]
    _say(session, "Kubernetes control plane", session.client.config.server)
    for service in found:
        labels = service["metadata"].get("labels") or {}
        _say(session, labels.get("kubernetes.io/name") or service["metadata"]["name"], session.client.config.server + _path(service))
    session.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n")
    return 0


def _say(session: Session, name: str, where: str) -> None:
    session.out(f"{_colored(name, 32)} is running at {_colored(where, 33)}\n")


def _path(service: Document) -> str:
    metadata, ports = service["metadata"], service["spec"].get("ports") or []
    port = ports[0].get("name", "") if ports else ""
    return f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}{':' + port if port else ''}/proxy"


def _dump(session: Session, args: list[str]) -> int:
    from kubectl.dump import run as dump
    return dump(session, args)


_DUMP = Command("kubectl cluster-info dump", "Print what is in the cluster, logs included", _dump, (
    Flag("output", default="json", short="o", help="json or yaml"), *PRINT[1:], ALL_NAMESPACES, Flag("namespaces", "strings", help="these namespaces"),
    Flag("output-directory", help="a directory to write files into"), Flag("pod-running-timeout", "duration", 20.0, help="accepted")))
COMMANDS = {"cluster-info": Command("kubectl cluster-info", "Show the address of the control plane", run, subcommands={"dump": _DUMP})}
