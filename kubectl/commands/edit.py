"""kubectl edit: the object as YAML in $EDITOR, what changed as a patch."""
from __future__ import annotations

import os
import subprocess
import tempfile

from kubectl import builder, manifests, printers, yamlout
from kubectl.client import MERGE
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_HEAD = """# Edit the object below. Lines that begin with '#' are ignored, and an empty file ends the edit without a change.
# If the server refuses what is saved, the file opens again with the reasons.
#
"""


def run(session: Session, args: list[str]) -> int:
    report = printers.Report(session)
    for target in list(builder.expand(session, builder.targets(session, args))):
        changed = _edit(session, target)
        if changed is None:
            session.warn("Edit cancelled, no changes made.")
        else:
            report(changed, "edited")
    return 0


def _edit(session: Session, target: Target) -> Document | None:
    from kubeapi.patch import mergepatch
    before = printers.without_managed_fields(target.document or {})
    original = text = yamlout.dump(before)
    reasons = ""
    while True:
        text = in_editor(_HEAD + reasons + text)
        body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
        if not body.strip() or body == original and not reasons:
            return None
        try:
            patch = mergepatch.diff(before, manifests.parse_one(body))
            if not patch:
                return None
            return session.client.request("PATCH", target.path, session.writing(), patch, content_type=MERGE)
        except (ValueError, StatusError) as error:
            said = error.lines() if isinstance(error, StatusError) else str(error)
            new = "".join(f"# {line}\n" for line in said.splitlines()) + "#\n"
            if new == reasons and body == text:
                raise CommandError("Edit cancelled, no valid changes were saved.") from None
            reasons, text = new, body


def in_editor(text: str) -> str:
    editor = os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi"
    descriptor, path = tempfile.mkstemp(prefix="kubectl-edit-", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            subprocess.run([*editor.split(), path], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CommandError(f'there was a problem with the editor "{editor}": {error}') from None
        with open(path, encoding="utf-8") as file:
            return file.read()
    finally:
        os.unlink(path)


COMMANDS = {"edit": Command("kubectl edit (TYPE NAME | TYPE/NAME | -f FILE)", "Change a resource in your editor", run,
                            (*FILES, *PRINT, DRY_RUN, field_manager("kubectl-edit")))}
