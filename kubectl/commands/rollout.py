"""kubectl rollout: status, history, undo, restart, pause and resume."""
from __future__ import annotations

from kubectl import builder, printers, revisions, workloads
from kubectl.client import STRATEGIC_MERGE
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

_FOUND = (*FILES, SELECTOR)
_SHOWN = (*_FOUND, *PRINT)
_CHANGED = (*_SHOWN, field_manager("kubectl-rollout"))


def _targets(session: Session, args: list[str]) -> list[Target]:
    if not args and not builder.has_files(session):
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
        found = revisions.revisions(session, target, document, "history viewer", "history")
        if printer is not None:
            if revision and revision not in found:
                raise CommandError("unable to find the specified revision")
            for number in [revision] if revision else sorted(found):
                session.out(printer(found[number].shown))
            return
        head = f"{target.label} with revision #{revision}\n" if revision else f"{target.label} \n"
        session.out(f"{head}{revisions.history_text(found, revision)}\n")
    return _gently(session, args, show)


def undo(session: Session, args: list[str]) -> int:
    to_revision = session.flags.number("to-revision")
    report = printers.Report(session)

    def roll_back(target: Target, document: Document) -> None:
        found = revisions.revisions(session, target, document, "rollbacker", "rollbacker")
        if document["spec"].get("paused"):
            raise CommandError("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
        old = revisions.to_go_back_to(document, found, to_revision)
        is_deployment = document["kind"] == "Deployment"
        if session.dry_run == "client":
            text = revisions.template_text(old.kept_in["spec"]["template"] if is_deployment else old.template)
            report(document, text if is_deployment else f"will roll back to {text}")
        elif workloads.same_template(old.template if not is_deployment else old.kept_in["spec"]["template"], document["spec"]["template"]):
            report(document, f"skipped rollback (current template already matches revision {to_revision})")
        else:
            revisions.go_back(session, target, document, old)
            report(document, "rolled back")     # as upstream: -o shows what it was
    return _gently(session, args, roll_back)


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
                      (*_FOUND, _REVISION, Flag("watch", "bool", True, short="w", help="follow until it is over"),
                       Flag("timeout", "duration", help="how long to follow (0: as long as it takes)"))),
    "history": Command("kubectl rollout history (TYPE NAME | TYPE/NAME)", "Show earlier revisions", history, (*_SHOWN, _REVISION)),
    "undo": Command("kubectl rollout undo (TYPE NAME | TYPE/NAME)", "Go back to an earlier revision", undo,
                    (*_SHOWN, DRY_RUN, Flag("to-revision", "int", help="which one (0: the one before)"))),
    "restart": Command("kubectl rollout restart (TYPE NAME | TYPE/NAME)", "Replace all pods, one after the other", restart, _CHANGED),
    "pause": Command("kubectl rollout pause (TYPE NAME | TYPE/NAME)", "Let changes wait", _pausing(True), _CHANGED),
    "resume": Command("kubectl rollout resume (TYPE NAME | TYPE/NAME)", "Carry out what waited", _pausing(False), _CHANGED),
})}
