"""Waiting for an object to be as wanted: read it, then watch it, for so long at most."""
from __future__ import annotations

from kubectl.errors import CommandError, StatusError
from kubectl.session import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_WATCH_SECONDS = 600


class TimedOut(CommandError):
    """Time is up."""


def states(session: Session, target: Target, timeout_seconds: float) -> Iterator[tuple[str, Document]]:
    """(event type, object) as it changes, first as it is. Raises TimedOut; a timeout of 0 never ends.

    Deletion is ("DELETED", last state); an object that is not there raises StatusError.
    """
    deadline = now() + timeout_seconds if timeout_seconds else None
    while True:
        current = target.fetch(session)
        yield "ADDED", current
        left = _WATCH_SECONDS if deadline is None else min(_WATCH_SECONDS, int(deadline - now()) + 1)
        parameters = {"fieldSelector": f"metadata.name={target.name}", "timeoutSeconds": max(1, left),
                      "resourceVersion": current["metadata"].get("resourceVersion", "")}
        for event in session.client.watch(target.kind.path(target.namespace), parameters):
            if event["type"] == "ERROR":
                if event["object"].get("code") == 410:
                    break
                raise StatusError(event["object"])
            if event["type"] != "BOOKMARK":
                yield event["type"], event["object"]
            if deadline is not None and now() > deadline:
                break
        if deadline is not None and now() >= deadline:
            raise TimedOut(f"timed out waiting for the condition on {target.kind.plural}/{target.name}")


def until(session: Session, target: Target, is_done: Callable[[Document], bool], timeout_seconds: float) -> Document:
    """The object once it is as wanted. Raises CommandError (TimedOut) or StatusError."""
    for kind, document in states(session, target, timeout_seconds):
        if kind == "DELETED":
            raise CommandError("object has been deleted")
        if is_done(document):
            return document
    raise AssertionError("unreachable")
