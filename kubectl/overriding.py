"""--overrides of run and expose: a patch on what the command has generated."""
from __future__ import annotations

from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (Flag("overrides", help="a patch for what is generated"), Flag("override-type", default="merge", help="json, merge or strategic: how it is read"))
# What is said of a patch that is no JSON.
_FAULTS = {"json": "invalid JSON Patch", "merge": "Invalid JSON Patch", "strategic": "invalid JSON document"}


def overridden(session: Session, document: Document) -> Document:
    """The document with the patch applied. Raises CommandError."""
    text, how = session.flags.text("overrides"), session.flags.text("override-type")
    if not text:
        return document
    if how not in _FAULTS:
        raise CommandError(f"invalid override type: {how}")
    import json
    try:
        patch = json.loads(text)
    except ValueError:
        raise CommandError(_FAULTS[how]) from None
    try:
        return _apply(document, patch, how)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _apply(document: Document, patch: Document, how: str) -> Document:
    if how == "json":
        from kubeapi.patch import jsonpatch
        changed: Document = jsonpatch.apply(document, patch)
    elif how == "merge":
        from kubeapi.patch import mergepatch
        changed = mergepatch.apply(document, patch)
    else:
        from kubeapi.patch import strategic
        from kubeapi.schemas import schema_of
        changed = strategic.apply(document, patch, schema_of("", document["apiVersion"], document["kind"]))
    return changed
