"""kubectl certificate approve and deny: answers certificate signing requests."""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.command import FILES, PRINT, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_ATTEMPTS = 10


def _command(condition: str, verb: str) -> Callable[[Session, list[str]], int]:
    done = "approved" if verb == "approve" else "denied"

    def run(session: Session, args: list[str]) -> int:
        if not args and not builder.has_files(session):
            raise CommandError("one or more CSRs must be specified as <name> or -f <filename>")
        report, errors = printers.Report(session), list[CommandError]()
        found = builder.targets(session, ["certificatesigningrequests", *args] if args else [])
        for target in builder.expand(session, found, errors):
            try:
                report(_answer(session, target, condition, verb, done), done)
            except CommandError as error:
                errors.append(error)
        raise_all(errors)
        return 0
    return run


def _answer(session: Session, target: Target, condition: str, verb: str, done: str) -> Document:
    """The request with the condition; somebody else's write in between is answered by trying again."""
    for attempt in range(_ATTEMPTS):
        document = target.document or {}
        if document["kind"] != "CertificateSigningRequest":
            raise CommandError(f"can only handle certificates.k8s.io/v1 certificate signing requests, got {document['apiVersion']}/{document['kind']}")
        conditions = (document.get("status") or {}).get("conditions") or []
        if any(each["type"] == condition for each in conditions) and not session.flags.on("force"):
            return document
        for each in conditions:
            if each["type"] in ("Approved", "Denied") and each["type"] != condition:
                raise CommandError(f'certificate signing request "{target.name}" is already {each["type"]}')
        new = {"type": condition, "status": "True", "reason": f"Kubectl{verb.capitalize()}", "message": f"This CSR was {done} by kubectl certificate {verb}.",
               "lastUpdateTime": _now()}
        changed = {**document, "status": {**(document.get("status") or {}), "conditions": [
            *(each for each in conditions if each["type"] != condition), new]}}
        try:
            return session.client.request("PUT", target.subpath("approval"), body=changed)
        except StatusError as error:
            if error.reason != "Conflict" or attempt == _ATTEMPTS - 1:
                raise
            target.document = target.fetch(session)
    raise AssertionError("unreachable")


def _now() -> str:
    import time

    from kubectl.session import now
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now()))


def _help(session: Session, args: list[str]) -> int:
    from kubectl.main import print_help
    return print_help(COMMANDS["certificate"], "kubectl certificate")


_FLAGS = (*FILES, *PRINT, Flag("force", "bool", help="also where it was answered so before"))
COMMANDS = {"certificate": Command("kubectl certificate SUBCOMMAND", "Answer certificate signing requests", _help, subcommands={
    "approve": Command("kubectl certificate approve NAME", "Approve a certificate signing request", _command("Approved", "approve"), _FLAGS),
    "deny": Command("kubectl certificate deny NAME", "Deny a certificate signing request", _command("Denied", "deny"), _FLAGS)})}
