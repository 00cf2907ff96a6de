"""Objects on standard output: the -o formats, and the one-line reports of commands that change things.

Tables, which only `get` prints, are in kubectl/tables.py.
"""
from __future__ import annotations

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.session import Session

    Printer = Callable[[Document], str]

_FORMATS = ("json", "yaml", "name", "go-template", "go-template-file", "template", "templatefile", "jsonpath", "jsonpath-as-json",
            "jsonpath-file")
_TEMPLATES = frozenset({"go-template", "go-template-file", "template", "templatefile", "jsonpath", "jsonpath-as-json", "jsonpath-file",
                        "custom-columns", "custom-columns-file"})


def group_kind(document: Document) -> str:
    """`deployment.apps`, `pod`; `list` of what has no kind."""
    group = document.get("apiVersion", "").rpartition("/")[0]
    kind = document.get("kind", "").lower()
    return f"{kind}.{group}" if group else kind


def named(document: Document) -> str:
    return f"{group_kind(document)}/{document.get('metadata', {}).get('name', '')}"


def without_managed_fields(document: Document) -> Document:
    """The document, or a list's items, without metadata.managedFields; the argument is changed."""
    for item in (document, *(document.get("items") or ())):
        if isinstance(item, dict) and isinstance(item.get("metadata"), dict):
            item["metadata"].pop("managedFields", None)
    return document


def printer_of(session: Session, *, more: tuple[str, ...] = ()) -> Printer | None:
    """The printer that -o names; None without -o. Raises CommandError."""
    output = session.flags.text("output")
    template = session.flags.text("template") if session.flags.has("template") else ""
    if not output:
        if not template:
            return None
        output = f"go-template={template}"
    name, given, argument = output.partition("=")
    if name in _TEMPLATES:
        argument = argument if given else template
        if not argument:
            raise CommandError("template format specified but no template given" if "column" not in name else
                               f"{name} format specified but no custom columns given")
        return _template_printer(session, name, argument)
    keeps = session.flags.has("show-managed-fields") and session.flags.on("show-managed-fields")
    strip = (lambda document: document) if keeps else without_managed_fields
    if output == "json":
        from kubectl import jsontext
        return lambda document: jsontext.pretty(strip(document)) + "\n"
    if output == "yaml":
        return _YamlPrinter(strip)
    if output == "name":
        return lambda document: "".join(f"{named(item)}\n" for item in document.get("items", [document]))
    raise CommandError(f'unable to match a printer suitable for the output format "{output}", allowed formats are: '
                       f"{','.join(sorted((*_FORMATS, *more)))}")


class _YamlPrinter:
    """Several documents are kept apart by `---`."""

    def __init__(self, strip: Callable[[Document], Document]) -> None:
        self._strip, self._is_first = strip, True

    def __call__(self, document: Document) -> str:
        from kubectl import yamlout
        separator, self._is_first = "" if self._is_first else "---\n", False
        return separator + yamlout.dump(self._strip(document))


def _template_printer(session: Session, name: str, argument: str) -> Printer:
    if name.endswith("file"):
        argument = _contents(name, argument)
        name = name.removesuffix("-file").removesuffix("file")
    forgiving = not session.flags.has("allow-missing-template-keys") or session.flags.on("allow-missing-template-keys")
    if name == "jsonpath":
        from kubectl.jsonpath import template
        return template(argument, forgiving)
    if name == "jsonpath-as-json":
        from kubectl.jsonpath import as_json
        return as_json(argument, forgiving)
    if name == "custom-columns":
        from kubectl.customcolumns import printer
        return printer(argument, session.flags.on("no-headers") if session.flags.has("no-headers") else False)
    from kubectl.gotemplate import template as go_template
    return go_template(argument, forgiving)


def _contents(name: str, path: str) -> str:
    """The template in the file; columns are two lines there, headers and expressions."""
    is_columns = name.startswith("custom-columns")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        what = "template" if is_columns else "--template"
        raise CommandError(f"error reading {what} {path}, open {path}: {(error.strerror or '').lower()}{'' if is_columns else chr(10)}") from None
    if not is_columns:
        return text
    headers, _, expressions = text.partition("\n")
    names, paths = headers.split(), expressions.partition("\n")[0].split()
    if len(names) != len(paths):
        raise CommandError(f"number of headers ({len(names)}) and field specifications ({len(paths)}) don't match")
    return ",".join(f"{header}:{path}" for header, path in zip(names, paths, strict=True))


class Report:
    """`pod/web created`: prints the object by -o, or its name and what was done with it."""

    def __init__(self, session: Session, *, shows_dry_run: bool = True) -> None:
        self._session = session
        self._printer = printer_of(session) if session.flags.has("output") else None
        dry = session.dry_run if session.flags.has("dry-run") and shows_dry_run else "none"
        self._suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}[dry]

    def __call__(self, document: Document, operation: str) -> None:
        if self._printer is not None:
            self._session.out(self._printer(document))
        else:
            self._session.out(f"{named(document)} {operation}{self._suffix}\n")
