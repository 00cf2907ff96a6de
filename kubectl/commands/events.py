"""kubectl events: what happened, oldest first."""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.command import ALL_NAMESPACES, PRINT, Command
from kubectl.describers.writer import event_age
from kubectl.discovery import NoSuchType
from kubectl.errors import Bare, CommandError
from kubectl.flags import Flag
from kubectl.tabwriter import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

FLAGS = (ALL_NAMESPACES, *PRINT, Flag("watch", "bool", short="w", help="go on with what happens"), Flag("for", help="TYPE/NAME the events are about"),
         Flag("types", "strings", help="Normal, Warning"), Flag("no-headers", "bool", help="no header line"),
         Flag("chunk-size", "int", builder.CHUNK, help="objects per request of a list"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    everywhere = flags.on("all-namespaces")
    if not {each.lower() for each in flags.texts("types")} <= {"normal", "warning"}:
        raise CommandError("valid --types are Normal or Warning")
    path = "/api/v1/events" if everywhere else f"/api/v1/namespaces/{session.namespace}/events"
    parameters = {"fieldSelector": _about(session), "limit": flags.number("chunk-size")}
    listed = session.client.get(path, parameters)
    found = sorted((event for event in listed["items"] if _wanted(session, event)), key=_moment)
    printer = printers.printer_of(session)
    if printer is not None:
        found = [{"apiVersion": "v1", "kind": "Event", **event} for event in found]
        session.out(printer({"apiVersion": "v1", "items": found, "kind": "List", "metadata": {"resourceVersion": ""}}))
        return 0
    rows = Rows()
    head = [] if flags.on("no-headers") else [["NAMESPACE"] * everywhere + ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]]
    if found or flags.on("watch"):
        session.out(rows.format(head + [_row(event, everywhere) for event in found]))
    else:
        session.warn("No events found." if everywhere else f"No events found in {session.namespace} namespace.")
    if flags.on("watch"):
        import sys
        sys.stdout.flush()
        for change in session.client.watch(path, {**parameters, "limit": None, "resourceVersion": listed["metadata"]["resourceVersion"]}):
            if change["type"] in ("ADDED", "MODIFIED") and _wanted(session, change["object"]):
                session.out(rows.format([_row(change["object"], everywhere)]))
                sys.stdout.flush()
    return 0


def _about(session: Session) -> str:
    word = session.flags.text("for")
    if not word:
        return ""
    if word.count("/") != 1:
        raise CommandError("--for must be in resource/name form")
    try:
        target = builder.targets(session, [word])[0]
    except NoSuchType as error:
        raise Bare(error.message) from None
    return f"involvedObject.kind={target.kind.kind},involvedObject.name={target.name}"


def _wanted(session: Session, event: Document) -> bool:
    types = [each.lower() for each in session.flags.texts("types")]
    return not types or event.get("type", "").lower() in types


def _moment(event: Document) -> str:
    return str((event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _row(event: Document, everywhere: bool) -> list[str]:
    about = event.get("involvedObject") or {}
    return [*([event["metadata"]["namespace"]] if everywhere else []), event_age(event), event.get("type", ""), event.get("reason", ""),
            f"{about.get('kind', '')}/{about.get('name', '')}", event.get("message", "").strip()]


COMMANDS = {"events": Command("kubectl events", "List events", run, FLAGS)}
