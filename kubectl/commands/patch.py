"""kubectl patch: a strategic, merge or JSON patch, given as JSON or YAML."""
from __future__ import annotations

from kubectl import builder, manifests, printers
from kubectl.client import JSON_PATCH, MERGE, STRATEGIC_MERGE
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.errors import CommandError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubectl.session import Session

FLAGS = (*FILES, *PRINT, DRY_RUN, field_manager("kubectl-patch"), Flag("patch", short="p", help="the patch"), Flag("patch-file", help="a file of it"),
         Flag("type", default="strategic", help="strategic, merge or json"), Flag("subresource", help="status or scale"),
         Flag("local", "bool", help="print only"))
_TYPES = {"strategic": STRATEGIC_MERGE, "merge": MERGE, "json": JSON_PATCH}


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if flags.text("type") not in _TYPES:
        raise CommandError(f"--type must be one of [json merge strategic], not {flags.text('type')!r}".replace("'", '"'))
    if bool(flags.text("patch")) == bool(flags.text("patch-file")):
        raise CommandError("must specify --patch or --patch-file containing the contents of the patch" if not flags.text("patch") else
                           "cannot specify --patch and --patch-file together")
    patch = _patch(session)
    report, errors = printers.Report(session, shows_dry_run=False), list[CommandError]()
    for target in builder.expand(session, builder.targets(session, args), errors):
        path = target.subpath(flags.text("subresource")) if flags.text("subresource") else target.path
        before = session.client.get(path) if flags.text("subresource") else target.document or {}
        try:
            if session.dry_run == "client":
                report(before, "patched")
                continue
            after = session.client.request("PATCH", path, session.writing(), patch, content_type=_TYPES[flags.text("type")])
            report(after, "patched" if after != before else "patched (no change)")
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def _patch(session: Session) -> Any:
    text = session.flags.text("patch")
    if session.flags.text("patch-file"):
        try:
            with open(session.flags.text("patch-file"), encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise CommandError(f"unable to read patch file: open {session.flags.text('patch-file')}: {(error.strerror or '').lower()}") from None
    if text.lstrip()[:1] == "{":
        return text.encode()                      # the server says best what is wrong with JSON
    try:
        return manifests.parse_one(text)
    except ValueError as error:
        raise CommandError(f'unable to parse "{text}": {error}') from None


COMMANDS = {"patch": Command("kubectl patch (TYPE NAME | TYPE/NAME | -f FILE) -p PATCH", "Change fields of a resource", run, FLAGS)}
