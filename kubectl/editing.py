"""Documents in the user's editor, until what is saved can be used, or nothing changes any more.

A refusal opens the file again, with the reasons at its top. What cannot be used in the end is kept in a file, and the user is told where.
"""
from __future__ import annotations

import os
import subprocess
import tempfile

from kubectl import manifests, yamlout
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.session import Session

    # Does what one edited document asks for. A StatusError sends the user back to the editor.
    Use = Callable[[Document], None]

_HEAD = """# Edit the object below. Lines that begin with '#' are ignored, and an empty file ends the edit without a change.
# If the server refuses what is saved, the file opens again with the reasons.
#
"""


class Refused(CommandError):
    """The server does not take a document: the user may mend it (`reasons`)."""

    def __init__(self, message: str, reasons: list[str]) -> None:
        super().__init__(message)
        self.reasons = reasons


class Stuck(CommandError):
    """The server does not take a document, and editing it again would not help."""


def edit(session: Session, documents: list[Document], use: Use) -> None:
    """Has *documents* edited (several as one List) and each used. Raises CommandError."""
    whole = documents[0] if len(documents) == 1 else {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": documents}
    form = session.flags.text("output") if session.flags.has("output") else ""
    original = text = _written(session, whole, form)
    reasons: list[str] = []
    while True:
        edited, path = _in_editor(_HEAD + "".join(f"# {line}\n" for line in (*reasons, "") if reasons) + text, form)
        body = "".join(line for line in edited.splitlines(keepends=True) if not line.startswith("#"))
        if reasons and body == text:
            raise _kept(session, path, CommandError("Edit cancelled, no valid changes were saved."))
        if body == original or not body.strip():
            os.unlink(path)
            session.warn("Edit cancelled, no changes made." if body.strip() else "Edit cancelled, saved file was empty.")
            return
        text, reasons = body, []
        try:
            items = list(manifests.parse(body, "edited-file"))
        except CommandError as error:
            reasons = [f"The edited file had a syntax error: {error.message}"]
            continue
        reasons = _use(session, items, use, path)
        os.unlink(path)
        if not reasons:
            return


def _use(session: Session, items: list[Document], use: Use, path: str) -> list[str]:
    """Why some of the items were refused. Raises CommandError where that is the end of it."""
    reasons: list[str] = []
    is_stuck = False
    for item in items:
        try:
            use(item)
        except Refused as error:
            session.warn(error.lines())
            reasons += error.reasons
        except Stuck as error:
            session.warn(error.lines())
            is_stuck = True
        except CommandError as error:
            raise _kept(session, path, error) from None
    if is_stuck:
        from kubectl.errors import Exit
        session.warn(f"You can run `kubectl replace -f {path}` to try this update again.")
        raise Exit(1)
    return reasons


def refusal(error: StatusError, resource: str, name: str) -> CommandError:
    """What a patch that failed means for the edit."""
    if error.reason != "Invalid":
        return Stuck(f'{resource} "{name}" could not be patched: {error.message}')
    causes = (error.status.get("details") or {}).get("causes") or []
    return Refused(f'{resource} "{name}" is invalid', [f'{resource} "{name}" was not valid:',
                                                      *(f"* {cause.get('field', '')}: {cause.get('message', '')}" for cause in causes)])


def _kept(session: Session, path: str, error: CommandError) -> CommandError:
    session.warn(f'A copy of your changes has been stored to "{path}"')
    return error


def _written(session: Session, document: Document, form: str) -> str:
    if form not in ("", "yaml", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{form}", allowed formats are: json,yaml')
    if form == "json":
        from kubectl import jsontext
        text = jsontext.pretty(document) + "\n"
    else:
        text = yamlout.dump(document)
    return text.replace("\n", "\r\n") if session.flags.on("windows-line-endings") else text


def _in_editor(text: str, form: str) -> tuple[str, str]:
    """What the user saved, and the file it is in."""
    editor = os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi"
    descriptor, path = tempfile.mkstemp(prefix="kubectl-edit-", suffix=f".{form or 'yaml'}")
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    try:
        subprocess.run([*editor.split(), path], check=True)
        with open(path, encoding="utf-8", newline="") as file:
            return file.read(), path
    except (OSError, subprocess.CalledProcessError):
        os.unlink(path)
        raise CommandError(f'there was a problem with the editor "{editor}"') from None
