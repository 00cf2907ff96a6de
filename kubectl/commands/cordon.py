"""kubectl cordon and uncordon: whether new pods may come to a node."""
from __future__ import annotations

from kubectl import builder, changes
from kubectl.command import DRY_RUN, SELECTOR, Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session


def _command(unschedulable: bool) -> Callable[[Session, list[str]], int]:
    word = "cordoned" if unschedulable else "uncordoned"

    def change(target: Target, document: Document) -> tuple[Document, str]:
        if bool(document.get("spec", {}).get("unschedulable")) == unschedulable:
            return {}, f"already {word}"
        return {"spec": {"unschedulable": True if unschedulable else None}}, word

    def run(session: Session, args: list[str]) -> int:
        if not args and not session.flags.text("selector"):
            raise session.usage(f"USAGE: {session.command.removeprefix('kubectl ')} NODE [flags]")
        return changes.each(session, builder.targets(session, args if args and "/" in args[0] else ["nodes", *args]), change)
    return run


_FLAGS = (SELECTOR, DRY_RUN)
COMMANDS = {"cordon": Command("kubectl cordon NODE", "Mark a node as unschedulable", _command(True), _FLAGS),
            "uncordon": Command("kubectl uncordon NODE", "Mark a node as schedulable", _command(False), _FLAGS)}
