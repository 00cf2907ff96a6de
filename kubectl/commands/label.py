"""kubectl label and annotate: `key=value` sets, `key-` removes."""
from __future__ import annotations

from kubectl import builder, changes
from kubectl.command import ALL, ALL_NAMESPACES, DRY_RUN, FIELD_SELECTOR, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

FLAGS = (*FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, *PRINT, DRY_RUN, Flag("overwrite", "bool", help="change what is there"),
         Flag("list", "bool", help="show them"), Flag("local", "bool", help="do not ask the server"), Flag("resource-version", help="only at this version"))


def _command(field: str, noun: str) -> Callable[[Session, list[str]], int]:
    verb = "labeled" if field == "labels" else "annotated"

    def run(session: Session, args: list[str]) -> int:
        resources, wanted, removed = split(args, field == "labels")
        if not resources and not builder.has_files(session):
            raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
        if not wanted and not removed and not session.flags.on("list"):
            raise CommandError(f"at least one {noun} update is required")
        if field == "labels":
            _check_labels(wanted)
        local = session.flags.on("local")
        if local and resources:
            raise CommandError("can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set")
        found = builder.targets(session, resources)
        if session.flags.on("list"):
            return _list(session, found, field)

        def change(target: Target, document: Document) -> tuple[Document, str]:
            before = document["metadata"].get(field) or {}
            if not session.flags.on("overwrite"):
                for key, value in wanted.items():
                    if key in before and before[key] != value:
                        raise CommandError(f"'{key}' already has a value ({before[key]}), and --overwrite is false" if field == "labels" else
                                           f"--overwrite is false but found the following declared annotation(s): '{key}' already has a "
                                           f"value ({before[key]})")
            for key in removed:
                if key not in before and field == "labels":
                    session.out(f'{noun} "{key}" not found.\n')
            patch: Document = {key: value for key, value in wanted.items() if before.get(key) != value}
            patch |= {key: None for key in removed if key in before}
            body: Document = {"metadata": {field: patch}} if patch else {}
            if body and session.flags.text("resource-version"):
                body["metadata"]["resourceVersion"] = session.flags.text("resource-version")
            if field == "annotations":
                return body, verb
            return body, "not labeled" if not patch else "unlabeled" if any(value is None for value in patch.values()) else verb
        return changes.each(session, found, change, fetch=not local)
    return run


def _check_labels(wanted: dict[str, str]) -> None:
    from kubeapi.names import label_value_faults
    for key, value in wanted.items():
        if faults := label_value_faults(value):
            raise CommandError(f'invalid label value: "{key}={value}": {";".join(faults)}')


def split(args: list[str], words_only: bool) -> tuple[list[str], dict[str, str], list[str]]:
    """Resources, what to set, what to remove."""
    resources: list[str] = []
    wanted: dict[str, str] = {}
    removed: list[str] = []
    for arg in args:
        key, given, value = arg.partition("=")
        if given and key:
            wanted[key] = value
        elif arg.endswith("-") and len(arg) > 1 and resources:
            removed.append(arg[:-1])
        else:
            resources.append(arg)
    return resources, wanted, removed


def _list(session: Session, found: list[Target], field: str) -> int:
    targets = list(builder.expand(session, found))
    for target in targets:
        if len(targets) > 1:
            session.out(f"Listing {field} for {target.kind.kind}.{target.kind.group}/{target.name}:\n")
        values = (target.document or {})["metadata"].get(field) or {}
        session.out("".join(f"{' ' if len(targets) > 1 else ''}{key}={values[key]}\n" for key in sorted(values)))
    return 0


COMMANDS = {"label": Command("kubectl label (TYPE NAME | TYPE/NAME) KEY=VALUE ...", "Change the labels of resources", _command("labels", "label"),
                             (*FLAGS, field_manager("kubectl-label"))),
            "annotate": Command("kubectl annotate (TYPE NAME | TYPE/NAME) KEY=VALUE ...", "Change the annotations of resources",
                                _command("annotations", "annotation"), (*FLAGS, field_manager("kubectl-annotate")))}
