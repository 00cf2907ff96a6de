"""Plugins: programs called kubectl-NAME somewhere in PATH are commands, too. `kubectl plugin list` tells which."""
from __future__ import annotations

import os

from kubectl.command import Command
from kubectl.errors import Bare
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.session import Session

PREFIX = "kubectl-"


def find(words: list[str]) -> tuple[str, list[str]] | None:
    """The program that *words* begin to name, the longest name first, and its arguments. Words are joined by `-`, their own `-` is `_`."""
    names = []
    for word in words:
        if word.startswith("-"):
            break
        names.append(word.replace("-", "_"))
    for count in range(len(names), 0, -1):
        for directory in _directories():
            path = os.path.join(directory, PREFIX + "-".join(names[:count]))
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path, words[count:]
    return None


def become(path: str, arguments: list[str]) -> None:
    """Never returns."""
    os.execv(path, [path, *arguments])


def _directories() -> list[str]:
    return list(dict.fromkeys(part for part in os.environ.get("PATH", "").split(os.pathsep) if part.strip()))


def list_(session: Session, args: list[str]) -> int:
    found: dict[str, str] = {}
    warnings = 0
    for directory in _directories():
        try:
            entries = sorted(os.listdir(directory))
        except OSError as error:
            session.warn(f'Unable to read directory "{directory}" from your PATH: open {directory}: {(error.strerror or "").lower()}. Skipping...')
            continue
        for name in entries:
            path = os.path.join(directory, name)
            if not name.startswith(PREFIX) or os.path.isdir(path):
                continue
            if not found:
                session.out("The following compatible plugins are available:\n\n")
            session.out(f"{name if session.flags.on('name-only') else path}\n")
            for warning in _warnings(name, path, found):
                session.warn(f"  - warning: {warning}")
                warnings += 1
            found.setdefault(name, path)
    if not found:
        raise Bare("error: unable to find any kubectl plugins in your PATH")
    if warnings:
        raise Bare("error: one plugin warning was found" if warnings == 1 else f"error: {warnings} plugin warnings were found")
    return 0


def _warnings(name: str, path: str, found: dict[str, str]) -> list[str]:
    from kubectl.main import COMMANDS as BUILT_IN
    warnings = []
    if not os.access(path, os.X_OK):
        warnings.append(f"{path} identified as a kubectl plugin, but it is not executable")
    if name in found:
        warnings.append(f"{path} is overshadowed by a similarly named plugin: {found[name]}")
    first = name.removeprefix(PREFIX).split("-")[0]
    if first in BUILT_IN:
        warnings.append(f'{name} overwrites existing command: "kubectl {first}"')
    return warnings


COMMANDS = {"plugin": Command("kubectl plugin list", "Find programs that add commands", subcommands={
    "list": Command("kubectl plugin list", "List the programs in PATH that are commands", list_, (Flag("name-only", "bool", help="names, not paths"),))})}
