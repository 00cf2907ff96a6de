"""kubectl wait: until objects are created, deleted, have a condition or a value."""
from __future__ import annotations

from kubectl import builder, jsonpath, printers
from kubectl.command import ALL, ALL_NAMESPACES, FIELD_SELECTOR, FILES, PRINT, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (FILES[0], Flag("recursive", "bool", True, short="R", help="read directories named by -f recursively"), SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, *PRINT, Flag("for", help="create, delete, condition=NAME[=VALUE], jsonpath={...}[=VALUE]"),
         Flag("timeout", "duration", 30.0, help="how long; 0 looks once, negative waits a week"), Flag("local", "bool", help="accepted"))
_WEEK_SECONDS = 168 * 3600.0


def run(session: Session, args: list[str]) -> int:
    wanted = session.flags.text("for")
    timeout = session.flags.seconds("timeout")
    timeout = _WEEK_SECONDS if timeout < 0 else timeout
    if wanted.lower() == "delete":
        return _deletion(session, args, timeout)
    is_met = _test(wanted)
    report, errors = printers.Report(session), list[CommandError]()
    targets = _found(session, args, errors, timeout if wanted.lower() == "create" else 0.0)
    if not targets and not errors:
        raise CommandError("no matching resources found")
    for target in targets:
        try:
            report(_wait(session, target, is_met, timeout), "condition met")
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
    return 0


def _wait(session: Session, target: Target, is_met: Callable[[Document], bool], timeout: float) -> Document:
    from kubectl.waiting import until
    document = target.document or {}
    if is_met(document):
        return document
    if not timeout:
        raise CommandError(f"condition not met for {target.kind.plural}/{target.name}")
    return until(session, target, is_met, timeout)


def _found(session: Session, args: list[str], errors: list[CommandError], create_timeout: float) -> list[Target]:
    targets = builder.targets(session, args)
    if not create_timeout:
        return list(builder.expand(session, targets, errors))
    return [_appearing(session, target, create_timeout) for target in targets]


def _appearing(session: Session, target: Target, timeout: float) -> Target:
    """The target once it exists."""
    parameters = {"fieldSelector": f"metadata.name={target.name}", "timeoutSeconds": max(1, int(timeout))}
    found = session.client.get(target.kind.path(target.namespace), {"fieldSelector": parameters["fieldSelector"]})
    if found["items"]:
        target.document = target.fetch(session)
        return target
    revision = found["metadata"]["resourceVersion"]
    for event in session.client.watch(target.kind.path(target.namespace), {**parameters, "resourceVersion": revision}):
        if event["type"] == "ADDED":
            target.document = event["object"]
            return target
    raise CommandError("timed out waiting for the condition")


def _deletion(session: Session, args: list[str], timeout: float) -> int:
    from kubectl.commands.delete import wait_until_gone
    report = printers.Report(session)
    for target in builder.targets(session, args):
        try:
            for found in list(builder.expand(session, [target])):
                document = found.document or {}
                wait_until_gone(session, found, document, timeout or 0.001)
                report(document, "condition met")
        except StatusError as error:
            if error.reason != "NotFound":
                raise
    return 0


def _test(wanted: str) -> Callable[[Document], bool]:
    """Whether an object is as --for says. Raises CommandError."""
    lowered = wanted.lower()
    if lowered == "create":
        return lambda document: True
    if lowered.startswith("condition="):
        name, given, value = wanted[len("condition="):].partition("=")
        return lambda document: _has_condition(document, name, value if given else "true")
    if lowered.startswith("jsonpath="):
        expression, text = _split(wanted[len("jsonpath="):])
        return lambda document: _has_value(document, expression, text)
    raise CommandError(f"unrecognized condition: {wanted!r}".replace("'", '"'))


def _has_condition(document: Document, name: str, value: str) -> bool:
    if document["metadata"].get("generation", 0) > (document.get("status") or {}).get("observedGeneration", 1 << 60):
        return False
    return any(each["type"].lower() == name.lower() and each["status"].lower() == value.lower()
               for each in (document.get("status") or {}).get("conditions") or [])


def _split(text: str) -> tuple[str, str | None]:
    """`{.a}=b` -> (`{.a}`, `b`)."""
    end = text.rfind("}") + 1 or (text + "=").index("=")
    expression, rest = text[:end], text[end:]
    if not expression or rest == "=" or rest and rest[0] != "=":
        raise CommandError("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'")
    jsonpath.relaxed(expression)
    return expression, rest[1:].strip("'\"") if rest else None


def _has_value(document: Document, expression: str, value: str | None) -> bool:
    found = jsonpath.find(expression, document)
    if value is None:
        return bool(found)
    return len(found) == 1 and (found[0] if isinstance(found[0], str) else jsonpath.text_of(found[0])) == value


COMMANDS = {"wait": Command("kubectl wait (TYPE NAME | TYPE/NAME | -f FILE) --for=...", "Wait until resources have a condition", run, FLAGS)}
