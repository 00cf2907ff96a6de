"""Commands that patch each object they are given and report it in one word."""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.client import MERGE
from kubectl.errors import CommandError, raise_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

    # From the object to (merge patch, what was done); an empty patch changes nothing and is only reported.
    Change = Callable[[Target, Document], tuple[Document, str]]


def each(session: Session, found: list[Target], change: Change, *, shows_dry_run: bool = True, fetch: bool = True) -> int:
    """Patch every object. Raises CommandError at the end for those that failed."""
    report = printers.Report(session, shows_dry_run=shows_dry_run)
    errors: list[CommandError] = []
    for target in builder.expand(session, found, errors) if fetch else found:
        document = target.document or {}
        try:
            patch, done = change(target, document)
            report(send(session, target, document, patch) if patch else document, done)
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def send(session: Session, target: Target, document: Document, patch: Document) -> Document:
    """The object with the merge patch applied: by the server, or with --dry-run=client here."""
    if session.flags.has("dry-run") and session.dry_run == "client" or session.flags.has("local") and session.flags.on("local"):
        from kubeapi.patch import mergepatch
        local: Document = mergepatch.apply(document, patch)
        return local
    return session.client.request("PATCH", target.path, session.writing(), patch, content_type=MERGE)
