"""What the generators read from the command line: the name, the required flags, what stands after `--`."""
from __future__ import annotations

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.session import Session


def name_of(session: Session, args: list[str]) -> str:
    """The one NAME. Raises UsageError."""
    if len(args) != 1:
        raise session.usage(f"exactly one NAME is required, got {len(args)}")
    return args[0]


def required(session: Session, *names: str) -> None:
    """Raises CommandError naming the flags that are missing."""
    missing = [f'"{name}"' for name in names if name not in session.flags.given]
    if missing:
        raise CommandError(f"required flag(s) {', '.join(missing)} not set")


def name_and_command(session: Session, args: list[str]) -> tuple[str, list[str]]:
    """The one NAME, and what stands after `--`."""
    flags = session.flags
    before = args[:flags.dash_at] if flags.dash_at >= 0 else args
    return name_of(session, before), args[len(before):]


def pairs(words: list[str], message: str) -> dict[str, str]:
    """`a=b` words as a dict; the first that is none raises CommandError with the message, `{}` being the word."""
    found = {}
    for word in words:
        key, given, value = word.partition("=")
        if not given or not key:
            raise CommandError(message.format(word))
        found[key] = value
    return found
