"""kubectl apply: makes the cluster as the files say.

Three documents meet: what was applied last (an annotation on the object), what the file says now, and what the server
has. Fields that left the file are removed, fields in it are set, fields that others own stay. With --server-side the
server does it, by managedFields.
"""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.client import APPLY, JSON_PATCH, MERGE, STRATEGIC_MERGE
from kubectl.command import ALL, DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.commands import prune
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

VALIDATE = Flag("validate", default="strict", no_value="strict", help="strict, warn or ignore fields that the kind does not have")
FLAGS = (*FILES, SELECTOR, *PRINT, DRY_RUN, VALIDATE, field_manager("kubectl-client-side-apply"),
         Flag("server-side", "bool", help="let the server merge"), Flag("force-conflicts", "bool", help="take fields from other managers"),
         Flag("force", "bool", help="delete and create what cannot be changed"), Flag("overwrite", "bool", True, help="accepted"),
         Flag("prune", "bool", help="delete what earlier applies made and the files do not have"), ALL,
         Flag("prune-allowlist", "array", help="group/version/kind to prune"), Flag("applyset", help="not supported"),
         Flag("cascade", default="background", no_value="background", help="background, foreground or orphan"),
         Flag("openapi-patch", "bool", True, help="accepted"), Flag("subresource", help="with --server-side: status, ..."),
         Flag("timeout", "duration", help="accepted"),
         Flag("wait", "bool", help="accepted"), Flag("grace-period", "int", -1, help="with --force: seconds to terminate"))
_ATTEMPTS = 5


def field_validation(session: Session) -> str:
    """The query value of --validate."""
    given = session.flags.text("validate")
    found = {"strict": "Strict", "true": "Strict", "warn": "Warn", "ignore": "Ignore", "false": "Ignore"}.get(given)
    if found is None:
        raise CommandError(f'invalid - validate option "{given}"; must be one of: strict (or true), warn, ignore (or false)')
    return found


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k")
    if flags.on("force-conflicts") and not flags.on("server-side"):
        raise CommandError("--force-conflicts only works with --server-side")
    if session.dry_run == "client" and flags.on("server-side"):
        raise CommandError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    prune.check(session)
    kept, namespaces = set[str](), set[str]()
    report, printed = Reports(session), 0
    errors: list[CommandError] = []
    for target in _chosen(session):
        printed += 1
        if not target.name:
            raise CommandError(f"from {(target.document or {})['metadata'].get('generateName', '')}: cannot use generate name with apply")
        try:
            document, operation = (_server_side if flags.on("server-side") else _client_side)(session, target)
            report(document, operation)
            kept.add(document["metadata"].get("uid", ""))
            namespaces.add(target.namespace or session.namespace)
        except StatusError as error:
            errors.append(error)
    if not printed:
        raise CommandError("no objects passed to apply")
    report.finish()
    if flags.on("prune") and not errors:
        prune.prune(session, kept, namespaces)
    raise_all(errors)
    return 0


def _chosen(session: Session) -> list[Target]:
    return list(builder.selected(session, builder.targets(session, [])))


class Reports:
    """One line per object at once; with -o the objects, several as a List at the end."""

    def __init__(self, session: Session) -> None:
        self._session, self._report = session, printers.Report(session)
        self._collects = session.flags.text("output") not in ("", "name")
        self._documents: list[Document] = []

    def __call__(self, document: Document, operation: str) -> None:
        if self._collects:
            self._documents.append(document)
        else:
            self._report(document, operation)

    def finish(self) -> None:
        if len(self._documents) == 1:
            self._report(self._documents[0], "")
        elif self._documents:
            self._report({"apiVersion": "v1", "items": self._documents, "kind": "List", "metadata": {}}, "")


def _client_side(session: Session, target: Target) -> tuple[Document, str]:
    modified = lastapplied.annotate(target.document or {})
    try:
        current = target.fetch(session)
    except StatusError as error:
        if error.reason != "NotFound":
            raise error.while_doing("retrieving current configuration of:", target.source) from None
        return _create(session, target, modified), "created"
    if lastapplied.of(current) is None and session.dry_run != "client":
        session.warn(f"Warning: resource {target.kind.plural}/{target.name} is missing the {lastapplied.ANNOTATION} annotation which is "
                     "required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl "
                     "create --save-config or kubectl apply. The missing annotation will be patched automatically.")
    if session.dry_run == "client":
        return current, "configured"              # as upstream: the object as it is
    return _patch(session, target, current, modified)


def _create(session: Session, target: Target, modified: Document) -> Document:
    if session.dry_run == "client":
        return modified
    try:
        return session.client.request("POST", target.kind.path(target.namespace),
                                      session.writing(fieldValidation=field_validation(session)), modified)
    except StatusError as error:
        raise error.while_doing("creating", target.source) from None


def _patch(session: Session, target: Target, current: Document, modified: Document) -> tuple[Document, str]:
    parameters = session.writing(fieldValidation=field_validation(session))
    for attempt in range(_ATTEMPTS):
        patch, content_type = three_way(target, current, modified)
        if not patch:
            return current, "unchanged"
        if current["metadata"].get("deletionTimestamp"):
            session.warn(f"Warning: Detected changes to resource {target.name} which is currently being deleted.")
        try:
            return session.client.request("PATCH", target.path, parameters, patch, content_type=content_type), "configured"
        except StatusError as error:
            if error.reason == "Conflict" and attempt < _ATTEMPTS - 1:
                current = target.fetch(session)
            elif error.reason in ("Conflict", "Invalid") and session.flags.on("force"):
                return _recreate(session, target, modified), "configured"
            else:
                raise error.while_doing("patching", target.source).while_doing(f"applying patch:\n{_text(patch)}\nto:\nResource: \"{_long_name(target)}\", GroupVersionKind: "
                                        f"\"{_gvk(target)}\"\nName: \"{target.name}\", Namespace: \"{target.namespace}\"\nfor:",
                                        target.source) from None
    raise AssertionError("unreachable")


def _text(patch: Document) -> str:
    from kubectl import jsontext
    return jsontext.compact(patch)


def _long_name(target: Target) -> str:
    return f"{target.kind.group}/{target.kind.version}, Resource={target.kind.plural}"


def _gvk(target: Target) -> str:
    return f"{target.kind.group}/{target.kind.version}, Kind={target.kind.kind}"


def three_way(target: Target, current: Document, modified: Document) -> tuple[Document, str]:
    """The patch from *current* to what apply wants, and its content type."""
    original = lastapplied.of(current) or {}
    from kubeapi.schemas import UnknownType, schema_of
    try:
        schema = schema_of(target.kind.group, target.kind.version, target.kind.kind)
    except UnknownType:
        from kubeapi.patch import mergepatch
        return mergepatch.diff3(original, modified, current), MERGE
    from kubeapi.patch import strategic
    return strategic.diff3(original, modified, current, schema), STRATEGIC_MERGE


def _recreate(session: Session, target: Target, modified: Document) -> Document:
    from kubectl.commands.delete import wait_until_gone
    options: Document = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    if session.flags.number("grace-period") >= 0:
        options["gracePeriodSeconds"] = session.flags.number("grace-period")
    gone = session.client.request("DELETE", target.path, body=options)
    wait_until_gone(session, target, gone, 0.0)
    return _create(session, target, modified)


def _server_side(session: Session, target: Target) -> tuple[Document, str]:
    manager = session.flags.text("field-manager") if "field-manager" in session.flags.given else "kubectl"
    applied = _apply_there(session, target, manager)
    if session.dry_run == "none" and _takes_over(session, target, applied, manager):
        applied = _apply_there(session, target, manager)          # what only the old way of applying set goes
    return applied, "serverside-applied"


def _apply_there(session: Session, target: Target, manager: str) -> Document:
    parameters = {**session.writing(fieldValidation=field_validation(session)), "fieldManager": manager,
                  "force": "true" if session.flags.on("force-conflicts") else "false"}
    subresource = session.flags.text("subresource")
    path = target.subpath(subresource) if subresource else target.path
    try:
        return session.client.request("PATCH", path, parameters, dict(target.document or {}), content_type=APPLY)
    except StatusError as error:
        if error.reason == "Conflict":
            raise CommandError(f"Apply failed with {_conflicts(error)}") from None
        raise


def _takes_over(session: Session, target: Target, applied: Document, manager: str) -> bool:
    """Give the fields that client-side applies set to *manager*, so that it may also remove them. Whether there were any."""
    entries = applied["metadata"].get("managedFields") or []
    old = [each for each in entries if each["manager"] == "kubectl-client-side-apply" and each["operation"] == "Update" and not each.get("subresource")]
    mine = next((each for each in entries if each["manager"] == manager and each["operation"] == "Apply" and not each.get("subresource")), None)
    if not old or mine is None:
        return False
    fields = mine.get("fieldsV1") or {}
    for each in old:
        fields = _union(fields, each.get("fieldsV1") or {})
    kept = [{**each, "fieldsV1": fields} if each is mine else each for each in entries if each not in old]
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": kept},
             {"op": "replace", "path": "/metadata/resourceVersion", "value": applied["metadata"]["resourceVersion"]}]
    session.client.request("PATCH", target.path, {"fieldManager": manager}, patch, content_type=JSON_PATCH)
    return True


def _union(left: Document, right: Document) -> Document:
    return {**left, **{key: _union(left.get(key) or {}, value) for key, value in right.items()}}


def _conflicts(error: StatusError) -> str:
    return (f"{error.message.removeprefix('Apply failed with ')}\nPlease review the fields above--they currently have other managers. Here\n"
            "are the ways you can resolve this warning:\n"
            "* To take the fields, run apply again with `--force-conflicts`.\n"
            "* To leave them to the other managers, remove them from the file.\n"
            "* To share them, set them to the values they have now.\n"
            "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts")


def _last(function: str) -> Callable[[Session, list[str]], int]:
    def run(session: Session, args: list[str]) -> int:
        from kubectl.commands import applylast
        code: int = getattr(applylast, function)(session, args)
        return code
    return run


COMMANDS = {"apply": Command("kubectl apply -f FILE", "Make the cluster as the files say", run, FLAGS, subcommands={
    "edit-last-applied": Command("kubectl apply edit-last-applied (TYPE NAME | -f FILE)", "Change what apply compares with, in your editor", _last("edit"),
                                 (*FILES, *PRINT, VALIDATE, field_manager("kubectl-client-side-apply"),
                                  Flag("windows-line-endings", "bool", help="the file's lines end as on Windows"))),
    "set-last-applied": Command("kubectl apply set-last-applied -f FILE", "Take the file for what was applied last", _last("set_"),
                                (FILES[0], *PRINT, DRY_RUN, Flag("create-annotation", "bool", help="also where there is none"))),
    "view-last-applied": Command("kubectl apply view-last-applied (TYPE NAME | -f FILE)", "Show what was applied last", _last("view"),
                                 (*FILES, SELECTOR, ALL, Flag("output", default="yaml", short="o", help="yaml or json"))),
})}
