"""kubectl diff: what apply would change, shown by diff(1). Exit code 1 where there is a difference."""
from __future__ import annotations

import os
import subprocess
import tempfile

from kubectl import builder, lastapplied, printers, yamlout
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
         Flag("show-managed-fields", "bool", help="with managedFields"))


def run(session: Session, args: list[str]) -> int:
    if args:
        error = session.usage(f"Unexpected args: [{' '.join(args)}]")
        error.code = 2
        raise error
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k", 2)
    with tempfile.TemporaryDirectory(prefix="LIVE-") as live, tempfile.TemporaryDirectory(prefix="MERGED-") as merged:
        for target in builder.targets(session, []):
            before, after = _states(session, target)
            name = ".".join(filter(None, [target.kind.group, target.kind.version, target.kind.kind, target.namespace, target.name]))
            for directory, document in ((live, before), (merged, after)):
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(yamlout.dump(_shown(session, document)) if document is not None else "")
        return _show(live, merged)


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
        raise CommandError(f'failed to run "{program[0]}": executable file not found in $PATH', 2) from None


COMMANDS = {"diff": Command("kubectl diff -f FILE", "Show what apply would change", run, FLAGS)}
