"""kubectl edit: objects as YAML in $EDITOR, what changed as patches."""
from __future__ import annotations

from kubectl import builder, editing, lastapplied, printers
from kubectl.client import MERGE, STRATEGIC_MERGE
from kubectl.command import FILES, PRINT, Command, field_manager
from kubectl.commands.apply import VALIDATE, field_validation
from kubectl.errors import CommandError, StatusError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

WINDOWS = Flag("windows-line-endings", "bool", help="the file's lines end as on Windows")


def run(session: Session, args: list[str]) -> int:
    found = _fetched(session, builder.targets(session, args, list_without_name=True))
    if not found:
        raise CommandError("edit cancelled, no objects found")
    edits = Edits(session, found)
    editing.edit(session, [target.document or {} for target in found], edits.use)
    return 0


def _fetched(session: Session, targets: list[Target]) -> list[Target]:
    subresource = session.flags.text("subresource")
    if not subresource:
        found = list(builder.expand(session, targets))
    else:
        found = list(builder.expand(session, targets, fetch=False))
        for target in found:
            target.document = session.client.get(target.subpath(subresource))
    for target in found:
        target.document = printers.without_managed_fields(target.document or {})
    return found


class Edits:
    """The objects as they were, and what becomes of each when its edited form is known."""

    def __init__(self, session: Session, targets: list[Target]) -> None:
        self._session, self._targets = session, targets
        self._report = printers.Report(session)

    def original(self, edited: Document) -> Target:
        """Of an edited document. Raises CommandError."""
        uid = (edited.get("metadata") or {}).get("uid")
        for target in self._targets:
            if (target.document or {})["metadata"].get("uid") == uid:
                return target
        raise CommandError(f"no original object found for {edited.get('kind', '')} {(edited.get('metadata') or {}).get('name', '')}")

    def use(self, edited: Document) -> None:
        target, session = self.original(edited), self._session
        before = target.document or {}
        if edited == before and not session.flags.on("save-config"):
            return self._report(before, "skipped")
        if any(_identity(edited)[index] != _identity(before)[index] for index in range(3)):
            raise CommandError("At least one of apiVersion, kind and name was changed")
        if session.flags.on("save-config"):
            edited = lastapplied.annotate(edited)
        patch, content_type = _two_way(before, edited)
        if session.flags.on("output-patch"):
            from kubectl import jsontext
            session.out(f"Patch: {jsontext.compact(patch)}\n")
        subresource = session.flags.text("subresource")
        path = target.subpath(subresource) if subresource else target.path
        try:
            after = session.client.request("PATCH", path, session.writing(fieldValidation=field_validation(session)), patch, content_type=content_type)
        except StatusError as error:
            raise editing.refusal(error, ".".join(filter(None, (target.kind.plural, target.kind.group))), target.name) from None
        target.document = printers.without_managed_fields(after)
        return self._report(after, "edited")


def _identity(document: Document) -> tuple[object, object, object]:
    return document.get("apiVersion"), document.get("kind"), (document.get("metadata") or {}).get("name")


def _two_way(before: Document, after: Document) -> tuple[Document, str]:
    """The patch from one to the other, and its content type."""
    from kubeapi.schemas import UnknownType, schema_of
    group, _, version = str(before["apiVersion"]).rpartition("/")
    try:
        schema = schema_of(group, version, before["kind"])
    except UnknownType:
        from kubeapi.patch import mergepatch
        return mergepatch.diff(before, after), MERGE
    from kubeapi.patch import strategic
    return strategic.diff(before, after, schema), STRATEGIC_MERGE


COMMANDS = {"edit": Command("kubectl edit (TYPE NAME | TYPE/NAME | -f FILE)", "Change resources in your editor", run, (
    *FILES, *PRINT, VALIDATE, field_manager("kubectl-edit"), WINDOWS, Flag("output-patch", "bool", help="print the patch that is sent"),
    Flag("save-config", "bool", help="annotate for a later apply"), Flag("subresource", help="edit this subresource of the objects")))}
