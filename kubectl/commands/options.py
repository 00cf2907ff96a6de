"""kubectl options: the flags that every command takes."""
from __future__ import annotations

from kubectl.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.session import Session


def run(session: Session, args: list[str]) -> int:
    from kubectl.main import GLOBAL_FLAGS, flag_lines
    session.out("\n".join(["Every command takes these flags:", "", *flag_lines(GLOBAL_FLAGS)]) + "\n")
    return 0


COMMANDS = {"options": Command("kubectl options", "Show the flags that every command takes", run)}
