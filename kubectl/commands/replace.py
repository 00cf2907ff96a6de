"""kubectl replace: the object becomes what the file says."""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.commands.apply import VALIDATE, field_validation
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, *PRINT, DRY_RUN, VALIDATE, field_manager("kubectl-replace"), Flag("force", "bool", help="delete and create it"),
         Flag("save-config", "bool", help="annotate for a later apply"), Flag("grace-period", "int", -1, help="with --force: seconds to terminate"),
         Flag("cascade", default="background", no_value="background", help="accepted"), Flag("timeout", "duration", help="with --force: how long to wait"),
         Flag("raw", help="PUT the file to this URL path"), Flag("subresource", help="replace this subresource: status, scale ..."),
         Flag("wait", "bool", help="accepted: --force waits"))


def run(session: Session, args: list[str]) -> int:
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k")
    _check(session)
    if session.flags.text("raw"):
        return _raw(session)
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    report, errors = printers.Report(session), list[CommandError]()
    targets = builder.targets(session, [])
    if session.flags.on("force") and session.dry_run != "client":
        _delete(session, targets)
    for target in targets:
        try:
            report(_replace(session, target), "replaced")
        except StatusError as error:
            errors.append(error.while_doing("replacing", target.source))
    raise_all(errors)
    return 0


def _check(session: Session) -> None:
    flags = session.flags
    for name, given in (("grace-period", flags.number("grace-period") >= 0), ("timeout", flags.seconds("timeout"))):
        if given and not flags.on("force"):
            raise CommandError(f"--{name} must have --force specified")
    if flags.text("raw"):
        _check_raw(session)


def _check_raw(session: Session) -> None:
    flags = session.flags
    files = flags.texts("filename")
    if len(files) != 1:
        raise CommandError("--raw can only use a single local file or stdin")
    if files[0].startswith(("http://", "https://")):
        raise CommandError("--raw cannot read from a url")
    for name in ("recursive", "output"):
        if flags.on(name):
            raise CommandError(f"--raw and --{name} are mutually exclusive")
    if not flags.text("raw").startswith("/"):
        raise CommandError(f'--raw must be a valid URL path: parse "{flags.text("raw")}": invalid URI for request')


def _raw(session: Session) -> int:
    """PUT the one file as it is."""
    from kubectl import manifests
    (_, text), = manifests.texts(session.flags.texts("filename")[0], False)
    session.out(session.client.open("PUT", session.flags.text("raw"), body=text.encode(), accept="*/*").read().decode("utf-8", "replace"))
    return 0


def _delete(session: Session, targets: list[Target]) -> None:
    """All of them, before any is made again."""
    from kubectl.commands.delete import wait_until_gone
    grace = session.flags.number("grace-period")
    gone: list[tuple[Target, Document]] = []
    for target in targets:
        try:
            gone.append((target, session.client.request("DELETE", target.path, body={
                "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background", **({"gracePeriodSeconds": grace} if grace >= 0 else {})})))
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            continue
        session.out(f'{target.kind.group_kind} "{target.name}" deleted\n')
    for target, answer in gone:
        wait_until_gone(session, target, answer, session.flags.seconds("timeout"))


def _replace(session: Session, target: Target) -> Document:
    document: Document = target.document or {}
    if session.flags.on("save-config"):
        document = lastapplied.annotate(document)
    if session.dry_run == "client":
        return document
    parameters = session.writing(fieldValidation=field_validation(session))
    if not session.flags.on("force"):
        subresource = session.flags.text("subresource")
        path = target.subpath(subresource) if subresource else target.path
        if not document["metadata"].get("resourceVersion"):
            revision = session.client.get(path)["metadata"]["resourceVersion"]
            document = {**document, "metadata": {**document["metadata"], "resourceVersion": revision}}
        return session.client.request("PUT", path, parameters, document)
    return session.client.request("POST", target.kind.path(target.namespace), parameters, document)


COMMANDS = {"replace": Command("kubectl replace -f FILE", "Replace a resource by what a file says", run, FLAGS)}
