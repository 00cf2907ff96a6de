"""kubectl scale: sets the number of replicas through the scale subresource."""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.client import MERGE
from kubectl.command import ALL, DRY_RUN, FILES, PRINT, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, SELECTOR, ALL, *PRINT, DRY_RUN, Flag("replicas", "int", 0, help="how many"),
         Flag("current-replicas", "int", -1, help="only if there are so many now"), Flag("resource-version", help="only at this version"),
         Flag("timeout", "duration", help="wait until it is done, so long at most"))

_TRIES = 5


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if "replicas" not in flags.given:
        raise CommandError('required flag(s) "replicas" not set')
    if flags.number("replicas") < 0:
        raise CommandError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    if flags.number("current-replicas") < -1:
        raise CommandError("The --current-replicas must specify an integer of -1 or greater")
    report, count = printers.Report(session), 0
    errors: list[CommandError] = []
    for target in builder.expand(session, builder.targets(session, args), errors):
        count += 1
        try:
            document = target.document or {}
            if session.dry_run != "client":
                _scale(session, target, flags.number("replicas"))
                if flags.seconds("timeout"):
                    _wait(session, target, flags.number("replicas"))
                if flags.text("output"):
                    document = target.fetch(session)
            report(document, "scaled")
        except CommandError as error:
            errors.append(error)
    if not count:
        raise CommandError("no objects passed to scale" + "".join(f" {error.message}" for error in errors))
    raise_all(errors)
    return 0


def _scale(session: Session, target: Target, replicas: int) -> None:
    flags, path = session.flags, target.subpath("scale")
    wanted, revision = flags.number("current-replicas"), flags.text("resource-version")
    if wanted < 0 and not revision:
        session.client.request("PATCH", path, session.writing(), {"spec": {"replicas": replicas}}, content_type=MERGE)
        return
    for left in reversed(range(_TRIES)):
        scale = session.client.get(path)
        found = scale.get("spec", {}).get("replicas", 0)
        if wanted >= 0 and found != wanted:
            raise CommandError(f"Expected replicas to be {wanted}, was {found}")
        if revision and scale["metadata"]["resourceVersion"] != revision:
            raise CommandError(f"Expected resource version to be {revision}, was {scale['metadata']['resourceVersion']}")
        scale.setdefault("spec", {})["replicas"] = replicas
        try:
            session.client.request("PUT", path, session.writing(), scale)
        except StatusError as error:
            if error.reason != "Conflict" or not left:
                raise
        else:
            return      # a controller that wrote in between changed nothing that was expected: it was looked at again


def _wait(session: Session, target: Target, replicas: int) -> None:
    """Until status and spec agree. Raises CommandError when time is up."""
    from kubectl.waiting import until

    def is_done(document: Document) -> bool:
        status = document.get("status", {})
        observed = status.get("observedGeneration", document["metadata"].get("generation", 0))
        return bool(observed >= document["metadata"].get("generation", 0) and status.get("replicas", 0) == replicas)
    try:
        until(session, target, is_done, session.flags.seconds("timeout"))
    except StatusError as error:
        raise CommandError(error.message) from None


COMMANDS = {"scale": Command("kubectl scale --replicas=COUNT (TYPE NAME | TYPE/NAME | -f FILE)", "Change the number of replicas", run, FLAGS)}
