"""kubectl delete: deletes by file, name or selector, and waits until the objects are gone."""
from __future__ import annotations

from kubectl import builder
from kubectl.command import ALL, ALL_NAMESPACES, DRY_RUN, FIELD_SELECTOR, FILES, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, DRY_RUN,
         Flag("output", short="o", help="name"), Flag("wait", "bool", True, help="return when the objects are gone"),
         Flag("timeout", "duration", help="how long to wait (0: as long as it takes)"),
         Flag("grace-period", "int", -1, help="seconds to terminate; negative: as the object says"),
         Flag("force", "bool", help="do not wait for the kubelet"), Flag("now", "bool", help="the same as --grace-period=1"),
         Flag("ignore-not-found", "bool", help="a missing object is no failure"), Flag("raw", help="DELETE this URL path"),
         Flag("cascade", default="background", no_value="background", help="background, foreground or orphan"),
         Flag("interactive", "bool", short="i", help="ask first"))
_WEEK_SECONDS = 168 * 3600.0
_CASCADES = {"background": "Background", "true": "Background", "foreground": "Foreground", "orphan": "Orphan", "false": "Orphan"}


class _Options:
    """The flags, checked."""

    def __init__(self, session: Session) -> None:
        flags = session.flags
        if flags.text("output") not in ("", "name"):
            raise CommandError(f"unexpected -o output mode: {flags.text('output')}. We only support '-o name'")
        if flags.on("all") and flags.text("selector"):
            raise CommandError("setting 'all' parameter but found a non empty selector.")
        if flags.on("all") and flags.text("field-selector"):
            raise CommandError("cannot set --all and --field-selector at the same time")
        if flags.text("cascade") not in _CASCADES:
            raise CommandError(f'invalid cascade value ({flags.text("cascade")}). Must be "background", "foreground", or "orphan"')
        self.grace = self._grace(session)
        self.body: Document = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": _CASCADES[flags.text("cascade")]}
        if self.grace >= 0:
            self.body["gracePeriodSeconds"] = self.grace
        if session.dry_run == "server":
            self.body["dryRun"] = ["All"]

    @staticmethod
    def _grace(session: Session) -> int:
        flags = session.flags
        grace = flags.number("grace-period")
        if flags.on("now"):
            if grace != -1:
                raise CommandError("--now and --grace-period cannot be specified together")
            grace = 1
        if flags.on("force") and grace > 0:
            raise CommandError("--force and --grace-period greater than 0 cannot be specified together")
        if flags.on("force") and grace < 0:
            grace = 0
        if grace == 0 and not flags.on("force"):
            return 1                              # zero loses data unless it is forced
        if grace == 0:
            session.warn("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
                         "The resource may continue to run on the cluster indefinitely.")
        return grace


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    options = _Options(session)
    if flags.text("raw"):
        session.out(session.client.open("DELETE", flags.text("raw"), accept="*/*").read().decode("utf-8", "replace"))
        return 0
    found = builder.targets(session, args)
    errors: list[CommandError] = []
    if flags.on("interactive"):
        found = _confirmed(session, found, errors)
    deleted: list[tuple[Target, Document]] = []
    seen = 0
    warned = not (flags.text("namespace") and not flags.on("all-namespaces"))
    for target in _each(session, found, errors):
        if not warned and not target.kind.namespaced:
            session.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace")
            warned = True
        seen += 1
        try:
            answer = {} if session.dry_run == "client" else session.client.request("DELETE", target.path, body=options.body)
        except StatusError as error:
            if not (flags.on("ignore-not-found") and error.reason == "NotFound"):
                errors.append(error.while_doing("deleting", target.source))
            continue
        _say(session, target, options)
        deleted.append((target, answer))
    if not seen and not errors:
        session.out("No resources found\n")
    if flags.on("wait") and session.dry_run == "none":
        for target, answer in deleted:
            wait_until_gone(session, target, answer, flags.seconds("timeout"))
    raise_all(errors)
    return 0


def _each(session: Session, found: list[Target], errors: list[CommandError]) -> Iterator[Target]:
    for target in found:
        if target.name:
            yield target
        else:
            yield from list(builder.expand(session, [target], errors))


def _confirmed(session: Session, found: list[Target], errors: list[CommandError]) -> list[Target]:
    every = list(builder.expand(session, found, errors))
    if not every:
        return []
    session.out(f"You are about to delete the following {len(every)} resource(s):\n")
    for target in every:
        session.out(f"{target.label}\n")
    import sys
    print("Do you want to continue? (y/N): ", end="", flush=True)
    if sys.stdin.readline().strip() not in ("y", "Y"):
        session.out("deletion is cancelled\n")
        raise_all(errors)
        from kubectl.errors import Exit
        raise Exit(0)
    return every


def _say(session: Session, target: Target, options: _Options) -> None:
    if session.flags.text("output") == "name":
        session.out(f"{target.label}\n")
        return
    operation = "force deleted" if options.grace == 0 else "deleted"
    if target.namespace:
        operation += f" from {target.namespace} namespace"
    operation += {"client": " (dry run)", "server": " (server dry run)"}.get(session.dry_run, "")
    session.out(f'{target.kind.group_kind} "{target.name}" {operation}\n')


def wait_until_gone(session: Session, target: Target, answer: Document, timeout_seconds: float) -> None:
    """Return when the object with the answer's uid is gone. Raises CommandError when time is up."""
    from kubectl.session import now
    uid = (answer.get("metadata") or answer.get("details") or {}).get("uid", "")
    deadline = now() + (timeout_seconds or _WEEK_SECONDS)
    while (left := deadline - now()) > 0:
        try:
            current = target.fetch(session)
        except StatusError as error:
            if error.reason in ("NotFound", "Forbidden", "MethodNotAllowed"):
                return
            raise
        if uid and current["metadata"].get("uid") != uid:
            return
        if _sees_end(session, target, current, uid, left):
            return
    raise CommandError(f"timed out waiting for the condition on {target.kind.plural}/{target.name}")


def _sees_end(session: Session, target: Target, current: Document, uid: str, left_seconds: float) -> bool:
    """Watch until the object is deleted or replaced; False if the server ends the watch before."""
    parameters = {"fieldSelector": f"metadata.name={target.name}", "resourceVersion": current["metadata"]["resourceVersion"],
                  "timeoutSeconds": max(1, min(int(left_seconds), 600))}
    for event in session.client.watch(target.kind.path(target.namespace), parameters):
        if event["type"] == "DELETED" or uid and (event["object"].get("metadata") or {}).get("uid", uid) != uid:
            return True
        if event["type"] == "ERROR":
            return False
    return False


COMMANDS = {"delete": Command("kubectl delete (TYPE NAME ... | TYPE/NAME ... | -f FILE)", "Delete resources by file, name or selector", run, FLAGS)}
