"""kubectl taint: `key=value:effect` adds, `key:effect-` or `key-` removes."""
from __future__ import annotations

from kubectl import builder, changes
from kubectl.command import ALL, DRY_RUN, PRINT, SELECTOR, Command, field_manager
from kubectl.commands.apply import VALIDATE, field_validation
from kubectl.discovery import NoSuchType
from kubectl.errors import Bare, CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class InvalidTaint(Exception):
    """A word of the command line is no taint."""


def run(session: Session, args: list[str]) -> int:
    resources = [arg for arg in args if not _is_taint(arg)]
    try:
        adding, removing = _parsed([arg for arg in args if _is_taint(arg)])
    except InvalidTaint as error:
        raise session.usage(str(error)) from None
    field_validation(session)
    _check(session, resources, adding, removing)

    def change(target: Target, document: Document) -> tuple[Document, str]:
        before: list[Document] = (document.get("spec") or {}).get("taints") or []
        taken = [taint for taint in adding if any(_same(taint, old) for old in before)]
        if taken and not session.flags.on("overwrite"):
            raise CommandError(f"node {target.name} already has {', '.join(taint['key'] for taint in taken)} taint(s) with same effect(s) and "
                               "--overwrite is false")
        for taint in removing:
            if not any(_same(taint, old) for old in before):
                raise CommandError(f'taint "{taint["key"]}{":" + taint["effect"] if taint["effect"] else ""}" not found')
        kept = [old for old in before if not any(_same(taint, old) for taint in (*adding, *removing))]
        return {"spec": {"taints": [*adding, *kept] or None}}, _done(adding, removing, taken)
    return changes.each(session, builder.targets(session, resources), change, shows_dry_run=False)


def _done(adding: list[Document], removing: list[Document], taken: list[Document]) -> str:
    if adding and not removing and not taken:
        return "tainted"
    return "modified" if adding else "untainted"


def _check(session: Session, resources: list[str], adding: list[Document], removing: list[Document]) -> None:
    if not resources:
        raise CommandError("one or more resources must be specified as <resource> <name>")
    if not adding and not removing:
        raise CommandError("at least one taint update is required")
    if resources[0].lower() not in ("node", "nodes"):
        try:
            session.discovery.find(resources[0])
        except NoSuchType:
            raise Bare(f'the server doesn\'t have a resource type "{resources[0]}"') from None
        raise CommandError(f"invalid resource type {resources[0]}, only node types are supported")
    if session.flags.on("all") and session.flags.text("selector"):
        raise CommandError("setting 'all' parameter with a non empty selector is prohibited")
    if len(resources) < 2 and not session.flags.on("all") and not session.flags.text("selector"):
        raise CommandError("at least one resource name must be specified since 'all' parameter is not set")
    both = [f"{taint['key']}:{taint['effect']}" for taint in removing if any(_same(taint, other) for other in adding)]
    if both:
        raise CommandError(f"can not both modify and remove the following taint(s) in the same command: {', '.join(both)}")


def _is_taint(arg: str) -> bool:
    return "=" in arg or ":" in arg or arg.endswith("-")


def _same(taint: Document, old: Document) -> bool:
    return taint["key"] == old["key"] and taint.get("effect") in ("", old["effect"])


def _parsed(words: list[str]) -> tuple[list[Document], list[Document]]:
    adding: list[Document] = []
    removing: list[Document] = []
    for word in words:
        is_removed = word.endswith("-")
        taint = _taint(word.removesuffix("-"))
        if is_removed:
            removing.append({"key": taint["key"], "effect": taint["effect"]})
            continue
        if not taint["effect"]:
            raise InvalidTaint(f"invalid taint spec: {word}")
        if any(taint["key"] == other["key"] and taint["effect"] == other["effect"] for other in adding):
            raise InvalidTaint(f"duplicated taints with the same key and effect: {_shown(taint)}")
        adding.append(taint)
    return adding, removing


def _taint(text: str) -> Document:
    """`key`, `key:effect` or `key=value:effect`. Raises InvalidTaint."""
    from kubeapi import names
    pair, colon, effect = text.partition(":")
    key, given, value = pair.partition("=") if colon else (pair, "", "")
    if ":" in effect or "=" in value:
        raise InvalidTaint(f"invalid taint spec: {text}")
    if colon and effect not in _EFFECTS:
        raise InvalidTaint(f"invalid taint effect: {effect}, unsupported taint effect")
    faults = (*(names.label_value_faults(value) if given else ()), *names.qualified_name_faults(key))
    if faults:
        raise InvalidTaint(f"invalid taint spec: {text}, {'; '.join(faults)}")
    return {"key": key, "effect": effect, **({"value": value} if given else {})}


def _shown(taint: Document) -> str:
    return f"{{{taint['key']} {taint.get('value', '')} {taint['effect']} <nil>}}"


COMMANDS = {"taint": Command("kubectl taint NODE NAME KEY=VALUE:EFFECT ...", "Change the taints of nodes", run,
                             (SELECTOR, ALL, *PRINT, DRY_RUN, field_manager("kubectl-taint"), VALIDATE, Flag("overwrite", "bool", help="change what is there")))}
