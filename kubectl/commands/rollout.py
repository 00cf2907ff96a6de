"""kubectl rollout: status, history, undo, restart, pause and resume."""
from __future__ import annotations

from kubectl import builder, printers, workloads
from kubectl.client import JSON_PATCH, STRATEGIC_MERGE
from kubectl.command import DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.errors import CommandError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

COMMON = (*FILES, SELECTOR, *PRINT, field_manager("kubectl-rollout"))
# What an undo does not take over from the old replica set.
_KEPT = ("kubectl.kubernetes.io/last-applied-configuration", workloads.REVISION, "deployment.kubernetes.io/revision-history",
         "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to")


def _targets(session: Session, args: list[str]) -> list[Target]:
    if not args and not session.flags.texts("filename"):
        raise CommandError("required resource not specified")
    return builder.targets(session, args, list_without_name=True)


def _each(session: Session, args: list[str], errors: list[CommandError]) -> Iterator[tuple[Target, Document]]:
    seen = False
    for target in builder.expand(session, _targets(session, args), errors):
        seen = True
        yield target, target.document or {}
    if not seen and not errors:
        session.warn(f"No resources found in {session.namespace} namespace.")


def _gently(session: Session, args: list[str], act: Callable[[Target, Document], None]) -> int:
    """Run *act* on every object; a failure does not keep the others from it."""
    errors: list[CommandError] = []
    for target, document in _each(session, args, errors):
        try:
            act(target, document)
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def _revision_flag(session: Session, name: str = "revision") -> int:
    revision = session.flags.number(name)
    if revision < 0:
        raise CommandError(f"revision must be a positive integer: {revision}")
    return revision


def status(session: Session, args: list[str]) -> int:
    from kubectl.waiting import TimedOut, states
    revision, timeout = _revision_flag(session), session.flags.seconds("timeout")

    def follow(target: Target, document: Document) -> None:
        last = ""
        try:
            for kind, current in states(session, target, timeout):
                if kind == "DELETED":
                    raise CommandError("object has been deleted")
                current.setdefault("kind", document["kind"])
                text, is_done = workloads.status_of(current, revision)
                if text != last:
                    session.out(text)
                    import sys
                    sys.stdout.flush()
                last = text
                if is_done or not session.flags.on("watch"):
                    return
        except TimedOut:
            raise CommandError("timed out waiting for the condition") from None
    return _gently(session, args, follow)


def history(session: Session, args: list[str]) -> int:
    revision = _revision_flag(session)
    printer = printers.printer_of(session)

    def show(target: Target, document: Document) -> None:
        found = _revisions(session, document)
        if printer is not None:
            chosen = found.get(revision or max(found, default=0))
            if chosen is None:
                raise CommandError("unable to find the specified revision")
            session.out(printer(chosen[0]))
            return
        head = f"{target.label} with revision #{revision}\n" if revision else f"{target.label} \n"
        session.out(f"{head}{_history_text(found, revision)}\n")
    return _gently(session, args, show)


def _revisions(session: Session, document: Document) -> dict[int, tuple[Document, Document]]:
    """Revision -> (the object that keeps it, its pod template)."""
    if document["kind"] == "Deployment":
        return {workloads.revision_of(each): (each, each["spec"]["template"]) for each in workloads.replica_sets(session, document)}
    if document["kind"] in ("DaemonSet", "StatefulSet"):
        return {each["revision"]: (each, {**each["data"]["spec"]["template"]}) for each in workloads.controller_revisions(session, document)}
    raise CommandError(f'no history viewer has been implemented for "{document["kind"]}"')


def _history_text(found: dict[int, tuple[Document, Document]], revision: int) -> str:
    from kubectl.tabwriter import align
    if not found:
        return "No rollout history found."
    if revision:
        if revision not in found:
            raise CommandError("unable to find the specified revision")
        from kubectl.describers.pods import pod_template
        from kubectl.describers.writer import Writer
        owner, template = found[revision]
        cause = _change_cause(owner)
        annotations = {**((template.get("metadata") or {}).get("annotations") or {}), **({workloads.CHANGE_CAUSE: cause} if cause else {})}
        writer = Writer()
        pod_template(writer, {**template, "metadata": {**(template.get("metadata") or {}), "annotations": annotations}})
        return writer.raw()
    lines = ["REVISION\tCHANGE-CAUSE", *(f"{number}\t{_change_cause(found[number][0]) or '<none>'}" for number in sorted(found)), ""]
    return align("\n".join(lines))


def _change_cause(document: Document) -> str:
    return str((document["metadata"].get("annotations") or {}).get(workloads.CHANGE_CAUSE, ""))


def undo(session: Session, args: list[str]) -> int:
    to_revision = _revision_flag(session, "to-revision")
    report = printers.Report(session)

    def roll_back(target: Target, document: Document) -> None:
        if document["kind"] != "Deployment":
            raise CommandError(f'no rollbacker has been implemented for "{document["kind"]}"')
        if document["spec"].get("paused"):
            raise CommandError("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
        old = _to_roll_back_to(session, document, to_revision)
        if session.dry_run == "client":
            report({**document, "spec": {**document["spec"], "template": workloads.bare_template(old["spec"]["template"])}}, "rolled back")
            return
        if workloads.same_template(old["spec"]["template"], document["spec"]["template"]):
            report(document, f"skipped rollback (current template already matches revision {to_revision or workloads.revision_of(old)})")
            return
        report(session.client.request("PATCH", target.path, session.writing(), _undo_patch(document, old), content_type=JSON_PATCH), "rolled back")
    return _gently(session, args, roll_back)


def _to_roll_back_to(session: Session, deployment: Document, to_revision: int) -> Document:
    found = {workloads.revision_of(each): each for each in workloads.replica_sets(session, deployment)}
    if to_revision:
        if to_revision not in found:
            raise CommandError(f"unable to find specified revision {to_revision} in history")
        return found[to_revision]
    if len(found) < 2:
        raise CommandError(f'no rollout history found for deployment "{deployment["metadata"]["name"]}"')
    return found[sorted(found)[-2]]


def _undo_patch(deployment: Document, old: Document) -> list[Document]:
    mine, theirs = deployment["metadata"].get("annotations") or {}, old["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in mine.items() if key in _KEPT}
    annotations |= {key: value for key, value in theirs.items() if key not in _KEPT}
    return [{"op": "replace", "path": "/spec/template", "value": workloads.bare_template(old["spec"]["template"])},
            {"op": "add" if "annotations" not in deployment["metadata"] else "replace", "path": "/metadata/annotations", "value": annotations}]


def restart(session: Session, args: list[str]) -> int:
    report = printers.Report(session)

    def touch(target: Target, document: Document) -> None:
        if workloads.pod_spec_path(document["kind"]) != ("spec", "template", "spec") or document["kind"] not in (
                "Deployment", "DaemonSet", "StatefulSet"):
            raise CommandError(f'{target.kind.group_resource} "{target.name}" restarting is not supported')
        if document["spec"].get("paused"):
            raise CommandError(f'{target.kind.group_resource} "{target.name}" can\'t restart paused deployment (run rollout resume first)')
        patch = workloads.nested(("spec", "template", "metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": _local_time()})
        report(_patched(session, target, document, patch), "restarted")
    return _gently(session, args, touch)


def _local_time() -> str:
    """Now in RFC 3339, with the local offset."""
    import time

    from kubectl.session import now
    local = time.localtime(now())
    offset = time.strftime("%z", local)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + ("Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}")


def _patched(session: Session, target: Target, document: Document, patch: Any) -> Document:
    if session.flags.has("dry-run") and session.dry_run == "client":
        from kubeapi.patch import mergepatch
        local: Document = mergepatch.apply(document, patch)
        return local
    return session.client.request("PATCH", target.path, session.writing(), patch, content_type=STRATEGIC_MERGE)


def _pausing(paused: bool) -> Callable[[Session, list[str]], int]:
    def run(session: Session, args: list[str]) -> int:
        report = printers.Report(session)

        def act(target: Target, document: Document) -> None:
            name = f'{target.kind.group_resource} "{target.name}"'
            if document["kind"] != "Deployment":
                raise CommandError(f"{name} {'pausing' if paused else 'resuming'} is not supported")
            if bool(document["spec"].get("paused")) == paused:
                raise CommandError(f"{name} is {'already' if paused else 'not'} paused")
            report(_patched(session, target, document, {"spec": {"paused": True if paused else None}}), "paused" if paused else "resumed")
        return _gently(session, args, act)
    return run


_REVISION = Flag("revision", "int", help="a revision of the history")
COMMANDS = {"rollout": Command("kubectl rollout SUBCOMMAND", "Watch and steer the rollout of a workload", subcommands={
    "status": Command("kubectl rollout status (TYPE NAME | TYPE/NAME)", "Follow a rollout until it is over", status,
                      (*COMMON, _REVISION, Flag("watch", "bool", True, short="w", help="follow until it is over"),
                       Flag("timeout", "duration", help="how long to follow (0: as long as it takes)"))),
    "history": Command("kubectl rollout history (TYPE NAME | TYPE/NAME)", "Show earlier revisions", history, (*COMMON, _REVISION)),
    "undo": Command("kubectl rollout undo (TYPE NAME | TYPE/NAME)", "Go back to an earlier revision", undo,
                    (*COMMON, DRY_RUN, Flag("to-revision", "int", help="which one (0: the one before)"))),
    "restart": Command("kubectl rollout restart (TYPE NAME | TYPE/NAME)", "Replace all pods, one after the other", restart, (*COMMON, DRY_RUN)),
    "pause": Command("kubectl rollout pause (TYPE NAME | TYPE/NAME)", "Let changes wait", _pausing(True), COMMON),
    "resume": Command("kubectl rollout resume (TYPE NAME | TYPE/NAME)", "Carry out what waited", _pausing(False), COMMON),
})}
