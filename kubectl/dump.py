"""kubectl cluster-info dump: nodes, and per namespace its events, workloads, services, pods and their logs, for others to look into."""
from __future__ import annotations

import os

from kubectl import printers
from kubectl.client import quote
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

# file -> (API, plural)
_KINDS = {"events": ("/api/v1", "events"), "replication-controllers": ("/api/v1", "replicationcontrollers"), "services": ("/api/v1", "services"),
          "daemonsets": ("/apis/apps/v1", "daemonsets"), "deployments": ("/apis/apps/v1", "deployments"), "replicasets": ("/apis/apps/v1", "replicasets"),
          "pods": ("/api/v1", "pods")}


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    directory = flags.text("output-directory")
    _print(session, session.client.get("/api/v1/nodes"), "nodes")
    for namespace in _namespaces(session):
        pods: Document = {}
        for file, (api, plural) in _KINDS.items():
            pods = session.client.get(f"{api}/namespaces/{quote(namespace)}/{plural}")
            _print(session, pods, f"{namespace}/{file}")
        for pod in pods["items"]:
            spec, name = pod["spec"], pod["metadata"]["name"]
            logs = "".join(_log(session, namespace, name, each["name"]) for each in [*(spec.get("initContainers") or []), *spec["containers"]])
            _write(session, logs, f"{namespace}/{name}/logs.txt")
    if directory not in ("", "-"):
        session.out(f"Cluster info dumped to {directory}\n")
    return 0


def _namespaces(session: Session) -> list[str]:
    flags = session.flags
    if flags.on("all-namespaces"):
        return [each["metadata"]["name"] for each in session.client.get("/api/v1/namespaces")["items"]]
    return flags.texts("namespaces") or ["kube-system", session.namespace]


def _print(session: Session, document: Document, path: str) -> None:
    printer = printers.printer_of(session)
    assert printer is not None                    # --output has a default
    form = session.flags.text("output")
    for item in document["items"]:                # what upstream's typed lists do not say
        item.pop("kind", None), item.pop("apiVersion", None)
    _write(session, printer(document), f"{path}.{form if form in ('json', 'yaml') else 'txt'}")


def _log(session: Session, namespace: str, pod: str, container: str) -> str:
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
    try:
        text = session.client.open("GET", path, {"container": container}, accept="*/*").read().decode("utf-8", "replace")
    except StatusError as error:
        text = f"Request log error: {error.message}\n"
    what = f"logs for container {container} of pod {namespace}/{pod} ===="
    return f"==== START {what}\n{text}==== END {what}\n"


def _write(session: Session, text: str, path: str) -> None:
    directory = session.flags.text("output-directory")
    if directory in ("", "-"):
        return session.out(text)
    full = os.path.join(directory, path)
    try:
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"open {full}: {(error.strerror or '').lower()}") from None
    return None
