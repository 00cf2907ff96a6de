"""kubectl taint: `key=value:effect` adds, `key:effect-` or `key-` removes."""
from __future__ import annotations

from kubectl import builder, changes
from kubectl.command import ALL, DRY_RUN, PRINT, SELECTOR, Command, field_manager
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def run(session: Session, args: list[str]) -> int:
    resources = [arg for arg in args if not _is_taint(arg)]
    adding, removing = _parsed([arg for arg in args if _is_taint(arg)])
    if not adding and not removing:
        raise CommandError("at least one taint update is required")

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
        return {"spec": {"taints": [*adding, *kept] or None}}, "tainted" if adding and not removing else "modified" if adding else "untainted"
    return changes.each(session, builder.targets(session, resources), change)


def _is_taint(arg: str) -> bool:
    return "=" in arg or ":" in arg or arg.endswith("-")


def _same(taint: Document, old: Document) -> bool:
    return taint["key"] == old["key"] and taint.get("effect") in ("", old["effect"])


def _parsed(words: list[str]) -> tuple[list[Document], list[Document]]:
    adding, removing = [], []
    for word in words:
        is_removed = word.endswith("-")
        pair, _, effect = word.removesuffix("-").partition(":")
        key, given, value = pair.partition("=")
        if effect not in _EFFECTS and not (is_removed and not effect):
            raise CommandError(f"invalid taint spec: {word}" if not effect else f"invalid taint effect: {effect}, unsupported taint effect")
        if is_removed:
            removing.append({"key": key, "effect": effect})
        else:
            adding.append({"key": key, "effect": effect, **({"value": value} if given else {})})
    return adding, removing


COMMANDS = {"taint": Command("kubectl taint NODE NAME KEY=VALUE:EFFECT ...", "Change the taints of nodes", run,
                             (SELECTOR, ALL, *PRINT, DRY_RUN, field_manager("kubectl-taint"), Flag("overwrite", "bool", help="change what is there")))}
