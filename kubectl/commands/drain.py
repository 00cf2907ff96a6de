"""kubectl drain: cordons nodes and has their pods evicted, so that disruption budgets are kept.

Pods that nothing would bring back, or that keep data on the node, stop a drain before it begins unless flags allow it;
daemon sets' pods (which would come back at once) are left alone when the flag says so.
"""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.changes import send
from kubectl.client import quote
from kubectl.command import DRY_RUN, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (SELECTOR, DRY_RUN, Flag("force", "bool", help="also pods that no controller brings back"),
         Flag("ignore-daemonsets", "bool", help="leave daemon sets' pods alone"),
         Flag("delete-emptydir-data", "bool", help="also pods with emptyDir volumes: their data is lost"),
         Flag("grace-period", "int", -1, help="seconds to terminate; negative: as the pod says"),
         Flag("timeout", "duration", help="how long to try (0: as long as it takes)"), Flag("pod-selector", help="only these pods"),
         Flag("disable-eviction", "bool", help="delete, whatever disruption budgets say"),
         Flag("skip-wait-for-delete-timeout", "int", help="do not wait for pods that are being deleted for longer than these seconds"),
         Flag("chunk-size", "int", builder.CHUNK, help="objects per request of a list"))
_DAEMON_SETS = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
_LOCAL = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
_UNMANAGED = "cannot delete cannot delete Pods that declare no controller (use --force to override)"
_RETRY_SECONDS = 5.0


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if not args and not flags.text("selector"):
        raise session.usage("USAGE: drain NODE [flags]")
    if args and flags.text("selector"):
        raise session.usage("cannot specify both a node name and a --selector option")
    _check_pod_selector(flags.text("pod-selector"))
    nodes = list(builder.expand(session, builder.targets(session, ["nodes", *(arg.removeprefix("node/").removeprefix("nodes/") for arg in args)])))
    for node in nodes:
        _cordon(session, node)
    report = printers.Report(session)
    failed: list[tuple[Target, list[str]]] = []
    for node in nodes:
        faults = _drain(session, node)
        if faults:
            what = f"[{', '.join(faults)}]" if len(faults) > 1 else faults[0]
            session.warn(f'error: unable to drain node "{node.name}" due to error: {what}, continuing command...')
            failed.append((node, faults))
        else:
            report(node.document or {}, "drained")
    if failed:
        session.warn("There are pending nodes to be drained:\n" + "\n".join(f" {node.name}" for node, _ in failed))
        raise_all([_Fault(fault) for _, faults in failed for fault in faults])
    return 0


class _Fault(CommandError):
    """One reason not to drain; printed without a word before it."""

    def lines(self) -> str:
        return self.message


def _check_pod_selector(text: str) -> None:
    from kubeapi import labels
    try:
        labels.parse(text)
    except labels.SelectorError:
        raise CommandError("--pod-selector=<pod_selector> must be a valid label selector") from None


def _cordon(session: Session, node: Target) -> None:
    document = node.document or {}
    is_done = bool(document.get("spec", {}).get("unschedulable"))
    if not is_done:
        node.document = send(session, node, document, {"spec": {"unschedulable": True}})
    printers.Report(session)(document, "already cordoned" if is_done else "cordoned")


def _drain(session: Session, node: Target) -> list[str]:
    """Empties the node; what kept it from being emptied."""
    parameters = {"fieldSelector": f"spec.nodeName={node.name}", "labelSelector": session.flags.text("pod-selector"), "limit": None}
    pods: list[Document] = session.client.get("/api/v1/pods", parameters)["items"]
    chosen, faults, warnings = _sorted_out(session, pods)
    if faults:
        return [f"{fault}: {', '.join(names)}" for fault, names in faults.items()]
    if warnings:
        session.warn("Warning: " + "; ".join(f"{warning}: {', '.join(names)}" for warning, names in warnings.items()))
    try:
        _remove(session, chosen)
    except CommandError as error:
        return [error.message]
    return []


def _sorted_out(session: Session, pods: list[Document]) -> tuple[list[Document], dict[str, list[str]], dict[str, list[str]]]:
    """Which pods go, what forbids it, and what is worth a warning."""
    chosen: list[Document] = []
    faults: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}
    for pod in pods:
        goes, fault, warning = _judged(session, pod)
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if fault:
            faults.setdefault(fault, []).append(name)
        if warning:
            warnings.setdefault(warning, []).append(name)
        if goes:
            chosen.append(pod)
    return chosen, faults, warnings


def _judged(session: Session, pod: Document) -> tuple[bool, str, str]:
    """(it goes, why it must not, what to warn of)."""
    flags, metadata = session.flags, pod["metadata"]
    owner = next((each for each in metadata.get("ownerReferences") or [] if each.get("controller")), None)
    skip = flags.number("skip-wait-for-delete-timeout")
    if metadata.get("deletionTimestamp") and skip > 0 and _age(metadata["deletionTimestamp"]) > skip:
        return False, "", ""
    if "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}):
        return False, "", ""
    is_over = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    if owner and owner["kind"] == "DaemonSet" and not is_over:
        if not _exists(session, owner, metadata["namespace"]):
            return (True, "", "") if flags.on("force") else (False, f"daemonsets.apps \"{owner['name']}\" not found", "")
        return (False, "", "ignoring DaemonSet-managed Pods") if flags.on("ignore-daemonsets") else (False, _DAEMON_SETS, "")
    if not is_over and any("emptyDir" in volume for volume in pod["spec"].get("volumes") or []):
        if not flags.on("delete-emptydir-data"):
            return False, _LOCAL, ""
        if owner:
            return True, "", ""
    if not is_over and owner is None:
        return (True, "", "deleting Pods that declare no controller") if flags.on("force") else (False, _UNMANAGED, "")
    return True, "", ""


def _age(timestamp: str) -> float:
    from kubectl.humantime import seconds_of
    from kubectl.session import now
    return now() - seconds_of(timestamp)


def _exists(session: Session, owner: Document, namespace: str) -> bool:
    try:
        session.client.get(f"/apis/{owner['apiVersion']}/namespaces/{quote(namespace)}/daemonsets/{quote(owner['name'])}")
    except StatusError as error:
        if error.reason == "NotFound":
            return False
        raise
    return True


def _remove(session: Session, pods: list[Document]) -> None:
    """Evict (or delete) all, then wait until they are gone. Raises CommandError."""
    from kubectl.session import now
    flags = session.flags
    deadline = now() + (flags.seconds("timeout") or 1e9)
    dry = {"none": "", "client": " (dry run)", "server": " (server dry run)"}[session.dry_run]
    verb = "deleting" if flags.on("disable-eviction") else "evicting"
    for pod in pods:
        session.out(f"{verb} pod {pod['metadata']['namespace']}/{pod['metadata']['name']}{dry}\n")
        if session.dry_run != "client":
            _remove_one(session, pod, deadline)
    if session.dry_run != "none":
        return
    kind = session.discovery.find("pods")
    for pod in pods:
        _wait_until_gone(session, builder.Target(kind, pod["metadata"]["namespace"], pod["metadata"]["name"]), pod, deadline)
        session.out(f"pod/{pod['metadata']['name']} {'deleted' if flags.on('disable-eviction') else 'evicted'}\n")


def _remove_one(session: Session, pod: Document, deadline: float) -> None:
    """One eviction, tried again for as long as a disruption budget forbids it."""
    import sys
    from threading import Event

    from kubectl.session import now
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}"
    options: Document = {}
    if session.flags.number("grace-period") >= 0:
        options["gracePeriodSeconds"] = session.flags.number("grace-period")
    if session.dry_run == "server":
        options["dryRun"] = ["All"]
    pause = Event()
    while True:
        try:
            if session.flags.on("disable-eviction"):
                session.client.request("DELETE", path, body={"kind": "DeleteOptions", "apiVersion": "v1", **options})
            else:
                session.client.request("POST", f"{path}/eviction", body={
                    "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}, "deleteOptions": options})
            return
        except StatusError as error:
            if error.reason == "NotFound":
                return
            if error.reason != "TooManyRequests":
                raise CommandError(f'error when evicting pods/"{name}" -n "{namespace}": {error.message}') from None
            if now() + _RETRY_SECONDS > deadline:
                raise CommandError(f'error when evicting pods/"{name}" -n "{namespace}": global timeout reached: {_go_duration(session)}') from None
            session.warn(f'error when evicting pods/"{name}" -n "{namespace}" (will retry after 5s): {error.message}')
            sys.stdout.flush()
            pause.wait(_RETRY_SECONDS)


def _go_duration(session: Session) -> str:
    from kubectl.humantime import go_duration
    return go_duration(session.flags.seconds("timeout"))


def _wait_until_gone(session: Session, target: Target, pod: Document, deadline: float) -> None:
    from kubectl.commands.delete import wait_until_gone
    from kubectl.session import now
    try:
        wait_until_gone(session, target, pod, max(0.001, deadline - now()))
    except CommandError as error:
        if "timed out" not in error.message:
            raise
        raise CommandError(f'error when waiting for pod "{target.name}" in namespace "{target.namespace}" to terminate: '
                           f"global timeout reached: {_go_duration(session)}") from None


COMMANDS = {"drain": Command("kubectl drain NODE", "Empty nodes before maintenance", run, FLAGS)}
