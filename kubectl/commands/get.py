"""kubectl get: tables made by the server, or the objects in one of the -o formats; with -w what changes afterwards."""
from __future__ import annotations

from kubectl import builder, printers
from kubectl.command import ALL_NAMESPACES, FIELD_SELECTOR, FILES, PRINT, SELECTOR, Command
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag, Flags
from kubectl.tables import Style, TablePrinter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

    Number = int | float | Fraction

FLAGS = (*FILES, SELECTOR, FIELD_SELECTOR, ALL_NAMESPACES, *PRINT,
         Flag("watch", "bool", short="w", help="go on with what changes"),
         Flag("watch-only", "bool", help="only what changes"),
         Flag("output-watch-events", "bool", help="with -w: show the kind of each event"),
         Flag("no-headers", "bool", help="no header line"), Flag("show-labels", "bool", help="a last column with all labels"),
         Flag("show-kind", "bool", help="names with their type"), Flag("label-columns", "strings", short="L", help="labels to show as columns"),
         Flag("sort-by", help="a JSONPath to order a list by"), Flag("ignore-not-found", "bool", help="a missing object is no failure"),
         Flag("chunk-size", "int", builder.CHUNK, help="objects per request of a list"), Flag("raw", help="print what this URL path answers"),
         Flag("server-print", "bool", True, help="let the server make the table"), Flag("subresource", help="status, scale, ..."))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if flags.on("output-watch-events") and not (flags.on("watch") or flags.on("watch-only")):
        raise CommandError("--output-watch-events option can only be used with --watch or --watch-only")
    if flags.text("raw"):
        _check_raw(session, args)
        session.out(session.client.text(flags.text("raw")))
        return 0
    if not args and not builder.has_files(session):
        session.warn('You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n')
        raise session.usage('Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource '
                            "(e.g. kubectl explain pods).")
    printer = None if flags.text("output") == "wide" else printers.printer_of(session, more=("custom-columns", "custom-columns-file", "wide"))
    targets = builder.targets(session, args, list_without_name=True)
    if flags.on("watch") or flags.on("watch-only"):
        from kubectl.commands import getwatch
        return getwatch.run(session, targets, printer)
    if printer is not None:
        return _objects(session, targets, printer)
    return _tables(session, targets)


def _check_raw(session: Session, args: list[str]) -> None:
    flags = session.flags
    if args:
        raise CommandError("arguments may not be passed when --raw is specified")
    if flags.on("watch") or flags.on("watch-only") or flags.text("selector"):
        raise CommandError("--raw may not be specified with other flags that filter the server request or alter the output")
    if flags.text("output"):
        raise CommandError("--raw and --output are mutually exclusive")


def style_of(session: Session) -> Style:
    flags = session.flags
    return Style(wide=flags.text("output") == "wide", headers=not flags.on("no-headers"), labels=flags.on("show-labels"),
                 label_columns=flags.texts("label-columns"))


def table_printer(session: Session, target: Target, *, with_kind: bool = False, with_events: bool = False) -> TablePrinter:
    """The printer of one kind's tables, as the flags want it."""
    shows_kind = with_kind or session.flags.on("show-kind")
    return TablePrinter(style_of(session), with_namespace=session.flags.on("all-namespaces") and target.kind.namespaced,
                        kind_prefix=target.kind.group_kind if shows_kind else "", with_events=with_events)


def path_of(session: Session, target: Target) -> str:
    return target.subpath(session.flags.text("subresource")) if session.flags.text("subresource") else target.path


def _tables(session: Session, targets: list[Target]) -> int:
    flags, wrote = session.flags, False
    errors: list[CommandError] = []
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    with_kind = len({target.kind.group_kind for target in targets}) > 1
    last: Target | None = None
    printer: TablePrinter | None = None
    for target, tables in _collected(session, targets, accept, errors):
        rows = [row for table in tables for row in table.get("rows") or []]
        if flags.text("sort-by"):
            rows = _sorted(rows, flags.text("sort-by"))
        if printer is None or last is None or last.kind.group_kind != target.kind.group_kind:
            printer = table_printer(session, target, with_kind=with_kind)
            if wrote and rows and style_of(session).headers:
                session.out("\n")
        last = target
        text = printer.format({**tables[0], "rows": rows}) if tables else ""
        session.out(text)
        wrote = wrote or bool(text)
    if not wrote and not errors and not flags.on("ignore-not-found"):
        everywhere = flags.on("all-namespaces") or not all(target.kind.namespaced for target in targets)
        session.warn("No resources found" if everywhere else f"No resources found in {session.namespace} namespace.")
    raise_all(errors)
    return 0


def _collected(session: Session, targets: list[Target], accept: str, errors: list[CommandError]) -> Iterator[tuple[Target, list[Document]]]:
    """Each run of targets of one kind with its tables; named objects of one kind share a table."""
    from itertools import groupby
    parameters = {"includeObject": _of_the_object(session.flags)}
    for _, run_of_kind in groupby(targets, key=lambda target: (target.kind.group_kind, bool(target.name))):
        group = list(run_of_kind)
        tables: list[Document] = []
        for target in group:
            try:
                if target.name:
                    tables.append(_as_table(session.client.get(path_of(session, target), parameters, accept)))
                else:
                    chunk = 0 if session.flags.text("sort-by") else session.flags.number("chunk-size")
                    tables += [_as_table(page) for page in builder.pages(session, target, accept, chunk, parameters)]
            except StatusError as error:
                if not (session.flags.on("ignore-not-found") and error.reason == "NotFound"):
                    errors.append(error)
        yield group[0], tables


def _of_the_object(flags: Flags) -> str:
    """What each row has to bring along beside its cells; a pod's metadata is ten times as long as its row."""
    if flags.text("sort-by"):
        return "Object"
    return "Metadata" if flags.on("all-namespaces") or flags.on("show-labels") or flags.texts("label-columns") else "None"


def _as_table(document: Document) -> Document:
    """What a server without tables for this kind answers, as a table of names and ages."""
    if document.get("kind") == "Table":
        return document
    from kubectl.humantime import age
    items = document["items"] if isinstance(document.get("items"), list) else [document]
    return {"columnDefinitions": [{"name": "Name", "format": "name"}, {"name": "Age"}],
            "rows": [{"cells": [item["metadata"]["name"], age(item["metadata"].get("creationTimestamp"))], "object": item} for item in items]}


def _sorted(rows: list[Document], expression: str) -> list[Document]:
    key = _sort_key(expression, [row.get("object") or {} for row in rows])
    return sorted(rows, key=lambda row: key(row.get("object") or {}))


def _sort_key(expression: str, documents: list[Document]) -> Callable[[Document], tuple[int, Number, str]]:
    from kubectl import jsonpath
    path = jsonpath.Path(jsonpath.relaxed(expression))

    def key(document: Document) -> tuple[int, Number, str]:
        found = path.find(document, document, True)
        value = found[0] if found else None
        if value is None:
            return 0, 0, ""
        if isinstance(value, dict | list):
            raise CommandError(f"the field {{{jsonpath.relaxed(expression)}}} is of an unsortable type: {'a list' if isinstance(value, list) else 'a map'}")
        if isinstance(value, str):
            from kubectl.quantities import amount
            number = amount(value)
            return (1, number, "") if number is not None else (2, 0, value)
        return 1, value, ""
    if documents and not any(path.find(document, document, True) for document in documents):
        raise CommandError(f"couldn't find any field with path \"{{{jsonpath.relaxed(expression)}}}\" in the list of objects")
    return key


def _objects(session: Session, targets: list[Target], printer: printers.Printer) -> int:
    errors: list[CommandError] = []
    single = len(targets) == 1 and (bool(targets[0].name))
    found: list[Document] = []
    for target in targets:
        try:
            if target.name:
                found.append(session.client.get(path_of(session, target)))
            else:
                found += [item.document for item in builder.expand(session, [target]) if item.document is not None]
        except StatusError as error:
            if session.flags.on("ignore-not-found") and error.reason == "NotFound":
                continue
            if single:
                raise
            errors.append(error)
    if single:
        for document in found:
            session.out(printer(document))
        return 0
    if session.flags.text("sort-by"):
        found.sort(key=_sort_key(session.flags.text("sort-by"), found))
    if found or not session.flags.on("ignore-not-found"):
        session.out(printer({"apiVersion": "v1", "items": found, "kind": "List", "metadata": {"resourceVersion": ""}}))
    raise_all(errors)
    return 0


COMMANDS = {"get": Command("kubectl get (TYPE [NAME ...] | TYPE/NAME ... | -f FILE)", "Show one or many resources", run, FLAGS)}
