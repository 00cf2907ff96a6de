"""apply --prune: deletes what earlier applies made and the files do not have any more.

Looked at are the kinds of the allow-list, in the namespaces that the files named; deleted is what carries apply's annotation,
is selected by -l (or --all), and was not among the objects just applied.
"""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl.builder import Target
    from kubectl.discovery import Kind
    from kubectl.session import Session

_DEFAULT = ("/v1/ConfigMap", "/v1/Endpoints", "/v1/Namespace", "/v1/PersistentVolumeClaim", "/v1/PersistentVolume", "/v1/Pod",
            "/v1/ReplicationController", "/v1/Secret", "/v1/Service", "batch/v1/Job", "batch/v1/CronJob", "networking.k8s.io/v1/Ingress",
            "apps/v1/DaemonSet", "apps/v1/Deployment", "apps/v1/ReplicaSet", "apps/v1/StatefulSet")
_CASCADES = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan"}


def check(session: Session) -> None:
    """Raises CommandError where the flags do not go together."""
    flags = session.flags
    if flags.text("applyset"):
        raise CommandError("--applyset is not supported by this kubectl: use --prune with -l and --prune-allowlist")
    if flags.on("prune") and flags.on("all") and flags.text("selector"):
        raise CommandError("cannot set --all and --selector at the same time")
    if flags.on("prune") and not flags.on("all") and not flags.text("selector"):
        raise CommandError("all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not "
                           "mean to prune all resources, specify a label selector")
    if flags.on("prune"):
        _kinds(session)


def prune(session: Session, kept: set[str], namespaces: set[str]) -> None:
    """Delete what is left of earlier applies; *kept* are the uids of what was applied now."""
    report = printers.Report(session)
    for target in left_over(session, kept, namespaces):
        _delete(session, target)
        report(target.document or {}, "pruned")


def left_over(session: Session, kept: set[str], namespaces: set[str]) -> Iterator[Target]:
    """What earlier applies made and *kept*, the uids of what is applied now, does not have."""
    for kind in _kinds(session):
        for namespace in sorted(namespaces) if kind.namespaced else [""]:
            for target in list(builder.expand(session, [builder.Target(kind, namespace)])):
                document = target.document or {}
                if lastapplied.of(document) is None or document["metadata"].get("uid") in kept:
                    continue
                if not document["metadata"].get("deletionTimestamp"):
                    yield target


def _kinds(session: Session) -> list[Kind]:
    found = []
    for word in session.flags.texts("prune-allowlist") or _DEFAULT:
        parts = word.split("/")
        if len(parts) != 3:
            raise CommandError(f"invalid GroupVersionKind format: {word}, please follow <group/version/kind>")
        group = "" if parts[0] == "core" else parts[0]
        kind = next((each for each in session.discovery.kinds() if (each.group, each.version, each.kind) == (group, parts[1], parts[2])), None)
        if kind is None and session.flags.texts("prune-allowlist"):
            raise CommandError(f'no matches for kind "{parts[2]}" in version "{group + "/" if group else ""}{parts[1]}"')
        if kind is not None and not (kind.kind == "Namespace" and session.config.namespace_given):
            found.append(kind)
    return found


def _delete(session: Session, target: Target) -> None:
    flags = session.flags
    if session.dry_run == "client":
        return
    options: dict[str, object] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": _CASCADES.get(flags.text("cascade"), "Background")}
    if flags.number("grace-period") >= 0:
        options["gracePeriodSeconds"] = flags.number("grace-period")
    if session.dry_run == "server":
        options["dryRun"] = ["All"]
    try:
        session.client.request("DELETE", target.path, body=options)
    except StatusError as error:
        if error.reason != "NotFound":
            raise
