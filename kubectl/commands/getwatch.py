"""kubectl get -w: first what there is, then each change, until the server ends the stream or the user does."""
from __future__ import annotations

import sys

from kubectl import builder
from kubectl.commands.get import path_of, table_printer
from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.printers import Printer
    from kubectl.session import Session

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def run(session: Session, targets: list[Target], printer: Printer | None) -> int:
    if len(targets) != 1:
        raise CommandError("you may only specify a single resource type")
    target, flags = targets[0], session.flags
    show = _shower(session, target, printer)
    accept = "application/json" if printer else _TABLE
    parameters: Document = builder.selectors(session)
    if target.name:
        try:
            current = session.client.get(path_of(session, target), accept=accept)
        except StatusError as error:
            if flags.on("ignore-not-found") and error.reason == "NotFound":
                return 0
            raise
        if not flags.on("watch-only"):
            show("ADDED", current)
        parameters |= {"fieldSelector": f"metadata.name={target.name}", "resourceVersion": _revision(current)}
    else:
        for page in builder.pages(session, target, accept):
            if not flags.on("watch-only"):
                for item in _objects_of(page):
                    show("ADDED", item)
            parameters["resourceVersion"] = page["metadata"]["resourceVersion"]
    sys.stdout.flush()
    return _follow(session, target, parameters, accept, show)


def _follow(session: Session, target: Target, parameters: Document, accept: str, show: Callable[[str, Document], None]) -> int:
    for event in session.client.watch(target.kind.path(target.namespace), parameters, accept):
        if event["type"] == "ERROR":
            raise StatusError(event["object"])
        if event["type"] != "BOOKMARK":
            show(event["type"], event["object"])
            sys.stdout.flush()
    return 0


def _objects_of(page: Document) -> list[Document]:
    if page.get("kind") == "Table":
        return [page]
    return [{"apiVersion": page["apiVersion"], "kind": page["kind"].removesuffix("List"), **item} for item in page["items"]]


def _revision(document: Document) -> str:
    """The resourceVersion of an object, in a Table's row if it is one."""
    if document.get("kind") == "Table" and document.get("rows"):
        document = document["rows"][0].get("object") or document
    return str(document.get("metadata", {}).get("resourceVersion", ""))


def _shower(session: Session, target: Target, printer: Printer | None) -> Callable[[str, Document], None]:
    with_events = session.flags.on("output-watch-events")
    if printer is not None:
        def as_document(kind: str, document: Document) -> None:
            session.out(printer({"type": kind, "object": document} if with_events else document))
        return as_document
    table = table_printer(session, target, with_events=with_events)

    def as_row(kind: str, document: Document) -> None:
        session.out(table.format(document, kind))
    return as_row
