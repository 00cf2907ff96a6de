"""kubectl diff: what apply would change, shown by diff(1). Exit code 1 where there is a difference."""
from __future__ import annotations

import os
import subprocess
import tempfile

from kubectl import builder, lastapplied, printers, yamlout
from kubectl.client import APPLY
from kubectl.command import FILES, SELECTOR, Command, field_manager
from kubectl.commands.apply import three_way
from kubectl.errors import CommandError, StatusError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, SELECTOR, field_manager("kubectl-client-side-apply"), Flag("server-side", "bool", help="let the server merge"),
         Flag("show-managed-fields", "bool", help="with managedFields"), Flag("force-conflicts", "bool", help="with --server-side: as apply would"),
         Flag("prune", "bool", help="also what apply --prune would delete"), Flag("prune-allowlist", "array", help="group/version/kind that may be pruned"),
         Flag("concurrency", "int", 1, help="accepted"))


def run(session: Session, args: list[str]) -> int:
    try:
        return _run(session, args)
    except CommandError as error:
        error.code = 2                            # 1 says that there is a difference
        raise


def _run(session: Session, args: list[str]) -> int:
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k")
    if session.flags.on("force-conflicts") and not session.flags.on("server-side"):
        raise CommandError("--force-conflicts only works with --server-side")
    with tempfile.TemporaryDirectory(prefix="LIVE-") as live, tempfile.TemporaryDirectory(prefix="MERGED-") as merged:
        kept: set[str] = set()
        namespaces: set[str] = set()
        for target in builder.selected(session, builder.each_of_files(session)):
            before, after = _server_side(session, target) if session.flags.on("server-side") else _states(session, target)
            _write(live, target, before and _shown(session, before))
            _write(merged, target, _shown(session, after))
            kept.add((before or {}).get("metadata", {}).get("uid", ""))
            namespaces.add(target.namespace)
        if session.flags.on("prune"):
            from kubectl.commands import prune
            for target in prune.left_over(session, kept, namespaces - {""}):
                _write(live, target, target.document)
        return _show(live, merged)


def _write(directory: str, target: Target, document: Document | None) -> None:
    name = ".".join(filter(None, [target.kind.group, target.kind.version, target.kind.kind, target.namespace, target.name]))
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(yamlout.dump(document) if document is not None else "")


def _server_side(session: Session, target: Target) -> tuple[Document | None, Document]:
    try:
        current: Document | None = target.fetch(session)
    except StatusError as error:
        if error.reason != "NotFound":
            raise
        current = None
    manager = session.flags.text("field-manager") if "field-manager" in session.flags.given else "kubectl"
    parameters = {"dryRun": "All", "fieldManager": manager, "force": "true" if session.flags.on("force-conflicts") else "false"}
    return current, session.client.request("PATCH", target.path, parameters, dict(target.document or {}), content_type=APPLY)


def _states(session: Session, target: Target) -> tuple[Document | None, Document]:
    """The object as it is (None where it is not), and as it would be."""
    parameters = {"dryRun": "All", "fieldManager": session.client.field_manager}
    modified = lastapplied.bare(target.document or {})
    try:
        current = target.fetch(session)
    except StatusError as error:
        if error.reason != "NotFound":
            raise
        return None, session.client.request("POST", target.kind.path(target.namespace), parameters, modified)
    patch, content_type = three_way(target, current, modified)
    return current, session.client.request("PATCH", target.path, parameters, patch, content_type=content_type) if patch else current


def _shown(session: Session, document: Document) -> Document:
    return document if session.flags.on("show-managed-fields") else printers.without_managed_fields(document)


def _show(live: str, merged: str) -> int:
    program = (os.environ.get("KUBECTL_EXTERNAL_DIFF") or "diff -u -N").split()
    try:
        return subprocess.run([*program, live, merged]).returncode
    except FileNotFoundError:
        raise CommandError(f'failed to run "{program[0]}": executable file not found in $PATH') from None


COMMANDS = {"diff": Command("kubectl diff -f FILE", "Show what apply would change", run, FLAGS)}
